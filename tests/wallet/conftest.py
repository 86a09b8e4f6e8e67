"""The wallet adapter against a real sandbox with a seeded world."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta

import pytest

from adapters.wallet.connection import WalletConnection
from adapters.wallet.contract import HttpWallet
from cli.embedded.ports import free_port
from tests.conftest import Databases
from tests.running_sandbox import RunningSandbox, run_sandbox


@pytest.fixture(scope="package")
def shared_sandbox(databases: Databases) -> Iterator[RunningSandbox]:
    with (
        databases.sandbox() as database_url,
        run_sandbox(database_url, free_port(), SANDBOX_SETTLE_SECONDS="600") as running,
    ):
        running.seed(7)
        yield running


@pytest.fixture
def sandbox(shared_sandbox: RunningSandbox) -> Iterator[RunningSandbox]:
    yield shared_sandbox
    shared_sandbox.clear_faults()


@pytest.fixture
async def connection(sandbox: RunningSandbox) -> AsyncIterator[WalletConnection]:
    made = WalletConnection(sandbox.url, sandbox.wallet_key, deadline=timedelta(seconds=1))
    yield made
    await made.close()


@pytest.fixture
def wallet(connection: WalletConnection) -> HttpWallet:
    return HttpWallet(connection)
