from collections.abc import AsyncIterator, Iterator
from datetime import timedelta

import pytest

from activities import steps
from cli.embedded.ports import free_port
from cli.embedded.temporal import EmbeddedTemporal
from tests.conftest import Databases
from tests.incidents.house import House, open_house
from tests.running_sandbox import RunningSandbox, run_sandbox

FIRST_FEED = timedelta(seconds=60)


@pytest.fixture(scope="package")
def incident_wallet(databases: Databases) -> Iterator[RunningSandbox]:
    """A wallet with a world, for all tests of this folder: each takes accounts of its own."""
    with databases.sandbox() as database_url, run_sandbox(database_url, free_port()) as running:
        running.seed(29)
        yield running


@pytest.fixture(scope="package")
async def session_house(
    databases: Databases, incident_wallet: RunningSandbox, temporal_server: EmbeddedTemporal
) -> AsyncIterator[House]:
    """The engine at work for all tests of this folder: what they share is only what runs."""
    with databases.migrated() as database, pytest.MonkeyPatch.context() as clocks:
        # How long a request may be on its way to a wallet next door.
        clocks.setattr(steps, "ON_ITS_WAY", timedelta(seconds=3))
        async with open_house(
            database_url=database.url,
            sandbox=incident_wallet,
            temporal=temporal_server.environ,
            queue="incidents",
        ) as running:
            await running.wiring.index.catch_up(budget=FIRST_FEED)
            yield running


@pytest.fixture
async def house(session_house: House) -> AsyncIterator[House]:
    """The engine at work; bad days that a test made end with it, and so do its workflows: recoveries would go on for months."""
    yield session_house
    session_house.sandbox.clear_faults()
    session_house.gate.failing.clear()
    await session_house.end_all()
