from collections.abc import AsyncIterator, Iterator

import pytest

from cli.embedded.ports import free_port
from cli.embedded.temporal import EmbeddedTemporal
from tests.conftest import Database, Databases
from tests.replay.living import Engine, engine, quick_policy
from tests.running_sandbox import RunningSandbox, run_sandbox


@pytest.fixture(scope="module")
def wallet(databases: Databases) -> Iterator[RunningSandbox]:
    """A sandbox with a seeded world whose detector keeps quiet: the tests raise the alarms."""
    with databases.sandbox() as database_url, run_sandbox(database_url, free_port()) as running:
        running.seed(11)
        yield running


@pytest.fixture(scope="module")
async def living(
    module_database: Database,
    wallet: RunningSandbox,
    temporal_server: EmbeddedTemporal,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Engine]:
    """The engine at work for the tests of one module."""
    async with engine(
        database_url=module_database.url,
        sandbox=wallet,
        temporal=temporal_server.environ,
        policies=quick_policy(tmp_path_factory.mktemp("policy"), provisional_seconds=3),
        queue="replay",
    ) as running:
        yield running
