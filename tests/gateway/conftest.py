"""One gateway on one database and one sandbox for all tests here; each takes accounts that no other uses."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from cli.embedded.ports import free_port
from settings import Settings
from tests.conftest import Databases
from tests.gateway.claims import Case
from tests.running_gateway import RunningGateway, run_gateway
from tests.running_sandbox import RunningSandbox, run_sandbox


@pytest.fixture(scope="package")
def shared_sandbox(databases: Databases) -> Iterator[RunningSandbox]:
    with (
        databases.sandbox() as database_url,
        run_sandbox(database_url, free_port(), SANDBOX_SETTLE_SECONDS="600") as running,
    ):
        running.seed(5)
        yield running


@pytest.fixture
def sandbox(shared_sandbox: RunningSandbox) -> Iterator[RunningSandbox]:
    yield shared_sandbox
    shared_sandbox.clear_faults()


@pytest.fixture(scope="package")
def gateway(
    databases: Databases, shared_sandbox: RunningSandbox, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningGateway]:
    folder = tmp_path_factory.mktemp("gateway")
    # All tests of this folder come from one address; how fast one may ask has a gateway of its own (test_pace.py).
    shipped = Settings().identity_rules.read_text()
    rules, many = re.subn(
        r"^address_(per_minute|at_once) = \d+", r"address_\1 = 1000000", shipped, flags=re.MULTILINE
    )
    assert many == 2
    (folder / "identity.toml").write_text(rules)
    environ = {"STANCH_IDENTITY_RULES": str(folder / "identity.toml")}
    with (
        databases.migrated() as database,
        run_gateway(
            database.url, shared_sandbox, free_port(), folder / "gateway.log", environ=environ
        ) as running,
    ):
        yield running


@pytest.fixture
def case(gateway: RunningGateway, sandbox: RunningSandbox) -> Case:
    account_id = sandbox.account()
    # A document proves only whom the wallet knows by name.
    while sandbox.state(account_id)["real_name_state"] != "verified":
        account_id = sandbox.account()
    return Case(gateway, sandbox, account_id)
