"""What an index should hold, and what it holds."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.tracing.ledgers import Ledger
from tracing.posting import rows

NO_TIME = timedelta(0)


async def indexed(engine: AsyncEngine) -> list[tuple[int, int, int, int | None, int | None]]:
    async with engine.connect() as connection:
        found = await connection.execute(
            text("SELECT seq, part, amount, out_pos, in_pos FROM transfer_index ORDER BY seq, part")
        )
        return [(row[0], row[1], row[2], row[3], row[4]) for row in found]


def posted(ledger: Ledger, upto: int | None = None) -> list[tuple[int, int, int, int | None, int | None]]:
    return [
        (row.seq, row.part, row.amount, row.out_pos, row.in_pos)
        for row in rows(ledger.transfers[:upto], ledger.openings)
    ]
