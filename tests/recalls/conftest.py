from collections.abc import AsyncIterator, Iterator

import pytest

from cli.embedded.ports import free_port
from cli.embedded.temporal import EmbeddedTemporal
from tests.conftest import Databases
from tests.recalls.house import Recalls, environ, open_recalls
from tests.running_gateway import RunningGateway, run_gateway
from tests.running_sandbox import RunningSandbox, run_sandbox


@pytest.fixture(scope="package")
def recall_wallet(databases: Databases) -> Iterator[RunningSandbox]:
    with databases.sandbox() as database_url, run_sandbox(database_url, free_port()) as running:
        running.seed(31)
        yield running


@pytest.fixture(scope="package")
def recall_gateway(
    databases: Databases, recall_wallet: RunningSandbox, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningGateway]:
    log = tmp_path_factory.mktemp("gateway") / "gateway.log"
    with (
        databases.migrated() as database,
        run_gateway(database.url, recall_wallet, free_port(), log, environ=environ(recall_wallet)) as running,
    ):
        yield running


@pytest.fixture(scope="package")
async def package_recalls(
    recall_gateway: RunningGateway, recall_wallet: RunningSandbox, temporal_server: EmbeddedTemporal
) -> AsyncIterator[Recalls]:
    async with open_recalls(
        gateway=recall_gateway,
        sandbox=recall_wallet,
        temporal=temporal_server.environ,
        queue="recalls",
    ) as running:
        yield running


@pytest.fixture
def recalls(package_recalls: Recalls) -> Iterator[Recalls]:
    """Recalls at work; bad days that a test made end with it."""
    yield package_recalls
    package_recalls.sandbox.clear_faults()
