from collections.abc import AsyncIterator, Iterator

import pytest

from adapters.wiring import Wiring
from cli.embedded.ports import free_port
from tests.conftest import Databases
from tests.notices.house import House, settings
from tests.running_sandbox import RunningSandbox, run_sandbox


@pytest.fixture(scope="package")
def notice_wallet(databases: Databases) -> Iterator[RunningSandbox]:
    """A wallet with a small world, for all tests of this folder: each takes accounts of its own."""
    with databases.sandbox() as database_url, run_sandbox(database_url, free_port()) as running:
        running.seed(31)
        yield running


@pytest.fixture
async def house(notice_wallet: RunningSandbox, database_url: str) -> AsyncIterator[House]:
    """Notices at work on an empty database; bad days that a test made end with it."""
    wiring = Wiring(settings(notice_wallet, database_url))
    try:
        yield House(wiring, notice_wallet)
    finally:
        await wiring.close()
        notice_wallet.clear_faults()
