"""A wallet of its own for the sweep: it compares everything that stands there under our name."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Iterator

import pytest

from adapters.wiring import Wiring
from cli.embedded.ports import free_port
from settings import Settings
from tests.conftest import Database, Databases
from tests.running_sandbox import RunningSandbox, run_sandbox


@pytest.fixture(scope="module")
def sandbox(databases: Databases) -> Iterator[RunningSandbox]:
    with databases.sandbox() as url, run_sandbox(url, free_port()) as running:
        running.seed(5, base="2026-01-15T12:00:00+00:00")
        yield running


@pytest.fixture
async def wiring(database: Database, sandbox: RunningSandbox) -> AsyncIterator[Wiring]:
    settings = Settings.model_validate(
        {
            "database_url": database.url,
            "wallet_url": sandbox.url,
            "wallet_key": sandbox.wallet_key,
            "message_url": sandbox.url,
            "message_key": sandbox.message_key,
            "master_key": base64.b64encode(bytes(range(32))).decode(),
            "policy": "demo",
        }
    )
    wiring = Wiring(settings)
    yield wiring
    await wiring.close()
