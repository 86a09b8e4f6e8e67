"""Tests on ledgers from outside: `make test-ledgers DIR=...`. Not part of `make test`, which needs nothing but the clone."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import (
    database,
    database_url,
    databases,
    free_port,
    module_database,
    owner_database_url,
    postgres_server,
    sandbox_database_url,
    temporal_server,
)

__all__ = [
    "database",
    "database_url",
    "databases",
    "free_port",
    "module_database",
    "owner_database_url",
    "postgres_server",
    "sandbox_database_url",
    "temporal_server",
]

TRANSFERS, ACCOUNTS = "_transfers.csv", "_accounts.csv"


@dataclass(frozen=True, kw_only=True)
class Ledger:
    """One ledger: `NAME_transfers.csv[.gz]` and `NAME_accounts.csv[.gz]` of the folder."""

    name: str
    transfers: Path
    accounts: Path


def ledgers() -> list[Ledger]:
    """Every ledger of the folder. A folder without one is a mistake, not a reason to test nothing."""
    named = os.environ.get("STANCH_LEDGERS_DIR")
    if not named:
        raise pytest.UsageError("STANCH_LEDGERS_DIR names no folder; run: make test-ledgers DIR=<folder>")
    found = []
    for transfers in sorted(Path(named).glob(f"*{TRANSFERS}*")):
        accounts = transfers.with_name(transfers.name.replace(TRANSFERS, ACCOUNTS))
        if accounts.exists():
            found.append(
                Ledger(name=transfers.name.split(TRANSFERS)[0], transfers=transfers, accounts=accounts)
            )
    if not found:
        raise pytest.UsageError(f"No *{TRANSFERS}[.gz] with its *{ACCOUNTS}[.gz] stands in {named}")
    return found


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that asks for `ledger` runs on each."""
    if "ledger" in metafunc.fixturenames:
        metafunc.parametrize("ledger", ledgers(), ids=lambda ledger: ledger.name, scope="session")
