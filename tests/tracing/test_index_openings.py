"""What accounts had before the first posting: told, or inferred as just enough."""

from __future__ import annotations

from random import Random

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.transfers.index import SqlTransferIndex
from models.contracts.transfers import (
    AccountKind,
    OpeningBalance,
)
from tests.tracing.conftest import PLENTY, Feed
from tests.tracing.index_rows import NO_TIME, indexed, posted
from tests.tracing.ledgers import Ledger, covered, opening, random_ledger, transfer


async def test_each_currency_of_an_account_has_its_own_axis(engine: AsyncEngine) -> None:
    ledger = covered(
        [
            transfer(1, "A", "B", 5),
            transfer(2, "A", "B", 3, currency="USD"),
            transfer(3, "B", "A", 2, currency="USD"),
            transfer(4, "B", "C", 5),
        ],
        [opening("A", 5), opening("A", 3, "USD"), opening("B", 7)],
    )
    await SqlTransferIndex(engine, Feed(ledger.transfers, ledger.openings)).catch_up(budget=PLENTY)
    assert await indexed(engine) == [(1, 0, 5, 0, 7), (2, 0, 3, 0, 0), (3, 0, 2, 0, 3), (4, 0, 5, 0, 0)]
    assert await indexed(engine) == posted(ledger)


async def test_openings_count_what_was_inferred_before_and_while_feeding(engine: AsyncEngine) -> None:
    stated = OpeningBalance(account_id="A", kind=AccountKind.WALLET, currency="EUR", amount=9, inferred=4)
    feed = Feed([transfer(1, "A", "B", 9), transfer(2, "B", "C", 12)], [stated])
    index = SqlTransferIndex(engine, feed)
    await index.catch_up(budget=PLENTY)
    assert await index.inferred("EUR") == (2, 4 + 3)
    assert await index.inferred("USD") == (0, 0)


@pytest.mark.parametrize("page", [1, 4, 100])
async def test_openings_nobody_told_are_inferred_and_no_unit_is_renumbered(
    engine: AsyncEngine, page: int
) -> None:
    for seed in range(6):
        ledger = random_ledger(Random(seed), length=40, reversing=0.15 * (seed % 2))
        async with engine.begin() as connection:
            for table in ("transfer_index", "transfer_account", "transfer_feed"):
                await connection.execute(text(f"DELETE FROM {table}"))
        index = SqlTransferIndex(engine, Feed(ledger.transfers), page=page)
        arrived: dict[int, int | None] = {}
        while (await index.catch_up(budget=NO_TIME)).upto_seq < len(ledger.transfers):
            now = {seq: in_pos for seq, part, _, _, in_pos in await indexed(engine) if part == 0}
            assert arrived.items() <= now.items()
            arrived = now
        needed = covered(ledger.transfers).openings
        lacked = [stated.inferred for stated in needed if stated.inferred]
        assert await index.inferred("EUR") == (len(lacked), sum(lacked))
        # Told in advance, the same money has the same way: only the numbers start elsewhere.
        begins = {stated.account_id: stated.amount for stated in needed}
        async with engine.connect() as connection:
            found = await connection.execute(text("SELECT account_id, axis_start FROM transfer_account"))
            starts: dict[str, int] = {row[0]: row[1] for row in found}
        assert all(-start <= begins.get(account, 0) for account, start in starts.items())
        assert page < 100 or set(starts.values()) == {0}, (
            "nothing was numbered yet when the money was found missing"
        )
        by_seq = {row.seq: row for row in ledger.transfers}
        shifted = [
            (
                seq,
                part,
                amount,
                None if out_pos is None else out_pos - starts[by_seq[seq].src],
                None if in_pos is None else in_pos - starts[by_seq[seq].dst],
            )
            for seq, part, amount, out_pos, in_pos in await indexed(engine)
        ]
        assert shifted == posted(Ledger(ledger.transfers, needed))
