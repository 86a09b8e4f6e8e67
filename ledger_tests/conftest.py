"""Tests on ledgers from outside: `make test-ledgers DIR=...`. Not part of `make test`, which needs nothing but the clone."""

from __future__ import annotations

import os
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from random import Random
from time import perf_counter

import pytest

from adapters.transfers.files import FileLedger, read_ledger
from ledger_tests.naive_lots import Outcome, follow
from models.contracts.transfers import PostedTransfer
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
from tracing.posting import Row, rows

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


THEFTS = 8


@dataclass(frozen=True)
class Theft:
    """Transfers that left one victim, and what the naive ledger says became of them."""

    stolen: list[PostedTransfer]
    naive: Outcome

    @property
    def ids(self) -> list[str]:
        return [row.transfer_id for row in self.stolen]

    @property
    def victim(self) -> str:
        return self.stolen[0].src


@dataclass(frozen=True)
class Given:
    """A ledger read from its files, with positions and some thefts."""

    name: str
    ledger: FileLedger
    rows: list[Row]
    thefts: list[Theft]


def choose(ledger: FileLedger) -> list[list[PostedTransfer]]:
    """Large transfers between wallets, some alone, some with others of the same victim."""
    random = Random(20260301)
    early = ledger.transfers[: len(ledger.transfers) * 3 // 4]
    wallets = [
        row for row in early if row.src != row.dst and not (row.src_kind.is_exit or row.dst_kind.is_exit)
    ]
    by_victim: dict[str, list[PostedTransfer]] = defaultdict(list)
    for row in wallets:
        by_victim[row.src].append(row)
    return [
        [first, *[row for row in by_victim[first.src] if row.seq > first.seq][: random.randint(0, 3)]]
        for first in random.sample(sorted(wallets, key=lambda row: -row.amount)[:3000], THEFTS)
    ]


@pytest.fixture(scope="session")
def given(ledger: Ledger) -> Given:
    """One outside ledger, read once for all tests."""
    began = perf_counter()
    read = read_ledger(ledger.transfers, ledger.accounts)
    print(f"{ledger.name}: {len(read.transfers)} transfers read in {perf_counter() - began:.2f} s")
    thefts = [
        Theft(
            stolen, follow(read.transfers, read.openings, {row.transfer_id for row in stolen}, stolen[0].src)
        )
        for stolen in choose(read)
    ]
    return Given(ledger.name, read, rows(read.transfers, read.openings), thefts)
