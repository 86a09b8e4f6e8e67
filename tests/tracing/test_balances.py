"""What lay in the payer's account after each payment, whatever was learned later and in which order."""

from __future__ import annotations

import importlib
from random import Random

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from adapters.transfers.index import SqlTransferIndex
from tests.tracing.conftest import PLENTY, Feed
from tests.tracing.ledgers import Ledger, covered, opening, random_ledger, transfer
from tests.tracing.test_holds import clear, random_moves

Balances = dict[int, set[tuple[int | None, int | None]]]


async def balances(engine: AsyncEngine) -> Balances:
    """Posting number -> what its rows, all parts, say: of the payee before it, of the payer after it."""
    async with engine.connect() as connection:
        found = await connection.execute(
            text("SELECT seq, dst_balance_before, src_balance_after FROM transfer_index")
        )
        said: Balances = {}
        for seq, before, after in found:
            said.setdefault(seq, set()).add((before, after))
        return said


def counted(ledger: Ledger) -> Balances:
    """The same, by counting."""
    now: dict[tuple[str, str], int] = {}
    for stated in ledger.openings:
        if not stated.kind.is_exit:
            now[(stated.account_id, stated.currency)] = stated.amount
    said: Balances = {}
    for row in ledger.transfers:
        payer, payee = (row.src, row.currency), (row.dst, row.currency)
        before = now.get(payee, 0)
        if row.src != row.dst:
            now[payer] = now.get(payer, 0) - row.amount
            now[payee] = now.get(payee, 0) + row.amount
        moves = row.src != row.dst
        said[row.seq] = {
            (
                (0 if row.dst_kind.is_exit else before) if moves else None,
                now[payer] if moves and not row.src_kind.is_exit else None,
            )
        }
    return said


@pytest.mark.parametrize("page", [3, 100])
async def test_balances_are_right_with_holds_and_with_openings_found_missing_late(
    engine: AsyncEngine, page: int
) -> None:
    for seed in range(5):
        random = Random(seed)
        ledger = random_ledger(random, length=60, reversing=0.2)
        await clear(engine)
        index = SqlTransferIndex(engine, Feed(ledger.transfers), page=page)
        needed = Ledger(ledger.transfers, covered(ledger.transfers).openings)
        moves = random_moves(random, ledger)
        for move in moves[: len(moves) // 2]:
            await move.tell(index)
        await index.catch_up(budget=PLENTY)
        for move in moves[len(moves) // 2 :]:
            await move.tell(index)
        assert await balances(engine) == counted(needed)


async def test_an_index_from_before_is_given_the_same_balances_by_the_migration(
    engine: AsyncEngine, owner_database_url: str
) -> None:
    ledger = random_ledger(Random(9), length=80)
    dollars = [transfer(81, "A", "B", 4, currency="USD"), transfer(82, "B", "X", 3, currency="USD")]
    whole = Ledger((*ledger.transfers, *dollars), (*ledger.openings, opening("A", 4, "USD")))
    index = SqlTransferIndex(engine, Feed(whole.transfers, whole.openings))
    await index.catch_up(budget=PLENTY)
    await index.apply_hold("B", "EUR", 0, 9, 10, "H")
    migration = importlib.import_module("migrations.versions.0002_tracing")
    owner = create_async_engine(owner_database_url)
    async with owner.begin() as connection:
        await connection.execute(
            text("UPDATE transfer_index SET src_balance_after = NULL, dst_balance_before = NULL")
        )
        for statement in migration.BALANCES:
            await connection.execute(text(statement))
        # What exits pay is its own inverse: numbered below zero, and once more where it was.
        await connection.execute(text(migration.EXITS_BELOW_ZERO))
        payments = "SELECT min(out_pos) FROM transfer_index WHERE src_kind NOT IN ('wallet', 'pooling')"
        assert (await connection.execute(text(payments))).scalar_one() >= 0
        await connection.execute(text(migration.EXITS_BELOW_ZERO))
        assert (await connection.execute(text(payments))).scalar_one() < 0
    await owner.dispose()
    assert await balances(engine) == counted(whole)
