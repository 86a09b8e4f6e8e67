"""A house by the rules for real accounts, whose clock a test puts forward.

Real are all workflows, activities, databases, the wallet, the policy. Only the time is made: see one_clock.py.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from adapters.policies import read_policy
from cli.embedded.ports import free_port
from cli.embedded.postgres import EmbeddedPostgres
from cli.embedded.temporal import EmbeddedTemporal
from settings import RecallRoute, Settings
from tests.clocks.house import PatientHouse
from tests.clocks.one_clock import let_time_be_moved, one_clock
from tests.conftest import Databases
from tests.incidents.house import open_house
from tests.incidents.rules import Rules
from tests.recalls.house import routes
from tests.running_sandbox import run_sandbox

FEW = {"accounts": 1100, "transfers": 2000}
"""A small world: what is looked at here is time."""


@pytest.fixture(scope="package")
async def session_house(
    databases: Databases, postgres_server: EmbeddedPostgres, temporal_server: EmbeddedTemporal
) -> AsyncIterator[PatientHouse]:
    """One house for all tests of this folder."""
    with databases.migrated() as database, databases.sandbox() as sandbox_url:
        for each in (database.name, sandbox_url.rpartition("/")[2]):
            let_time_be_moved(postgres_server, each)
        with run_sandbox(sandbox_url, free_port()) as sandbox:
            sandbox.seed(37, **FEW)
            async with (
                one_clock(database.url, sandbox_url) as clock,
                open_house(
                    database_url=database.url,
                    sandbox=sandbox,
                    temporal=temporal_server.environ,
                    queue="clocks",
                    in_force=Rules(read_policy(Settings().policy_dir, "production")),
                    clock=clock,
                    interceptors=[clock],
                    set_up={
                        "recall_routes": [RecallRoute.model_validate(each) for each in routes(sandbox)],
                        "recall_bic": "WLLTGB2LXXX",
                    },
                ) as opened,
            ):
                clock.connect(opened.client)
                yield PatientHouse(house=opened, clock=clock)


@pytest.fixture
async def house(session_house: PatientHouse) -> AsyncIterator[PatientHouse]:
    """The house; its workflows end with the test, for some would go on for months."""
    yield session_house
    session_house.house.sandbox.clear_faults()
    await session_house.house.end_all()
