from collections.abc import Iterator

import pytest

from cli.embedded.ports import free_port
from tests.bad_days.house import WholeHouse
from tests.conftest import Databases
from tests.replay.living import quick_policy
from tests.running_sandbox import RunningSandbox, run_sandbox


@pytest.fixture(scope="package")
def other_wallet(databases: Databases) -> Iterator[RunningSandbox]:
    """A wallet with a world, on a database that outlives the house's."""
    with databases.sandbox() as database_url, run_sandbox(database_url, free_port()) as running:
        running.seed(31, accounts=1600, transfers=3000)
        yield running


@pytest.fixture(scope="package")
def shared_house(
    other_wallet: RunningSandbox, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[WholeHouse]:
    """One house for the folder: it takes seconds to start, and what is shared is only what runs."""
    folder = tmp_path_factory.mktemp("house")
    policies = quick_policy(tmp_path_factory.mktemp("policies"))
    house = WholeHouse(folder, other_wallet, free_port(), policies)
    house.open()
    try:
        yield house
    finally:
        house.lose_power()


@pytest.fixture
def house(shared_house: WholeHouse) -> Iterator[WholeHouse]:
    """The house on a good day; whatever a test does to it ends with the test."""
    shared_house.heal()
    yield shared_house
    shared_house.heal()
    shared_house.end_all()
