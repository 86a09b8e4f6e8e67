"""Fills the index with a generated ledger by COPY, with the very rows that the feed would have written.

Feeding ten million postings takes a quarter of an hour, and what a trace costs does not depend on how they came in. What
feeding costs is measured on the last of them, into an index of full size. tests/bench shows that both ways give the same rows.
"""

from __future__ import annotations

from array import array
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import timedelta

import asyncpg

from adapters.transfers.feed_state import Feed, save_feed
from adapters.transfers.rows import COLUMNS
from bench.generated_ledger import CURRENCY, DAYS, START, GeneratedLedger
from models.contracts.transfers import TransferStatus

LINES_AT_ONCE = 5_000
NULL = "\\N"
_ACCOUNTS = ["account_id", "currency", "kind", "opening", "inferred", "axis_start", "total_in", "total_out"]
_INDEXES = (
    "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename = 'transfer_index'"
    " AND indexname NOT IN (SELECT conname FROM pg_constraint) ORDER BY indexname"
)


@dataclass
class _Totals:
    """What every account ever paid in and out so far."""

    ledger: GeneratedLedger
    paid_in: array[int] = field(init=False)
    paid_out: array[int] = field(init=False)

    def __post_init__(self) -> None:
        empty = bytes(8 * len(self.ledger.kinds))
        self.paid_in, self.paid_out = array("q", empty), array("q", empty)

    def rows(self, upto_seq: int) -> Iterator[str]:
        """Postings 1 to `upto_seq` as lines of COPY's text format, columns as in COLUMNS."""
        ledger = self.ledger
        names = [ledger.name(number) for number in range(len(ledger.kinds))]
        exits = [kind.is_exit for kind in ledger.kinds]
        opening, paid_in, paid_out = ledger.opening, self.paid_in, self.paid_out
        whole = timedelta(days=DAYS)
        status = TransferStatus.SETTLED.value
        for seq in range(1, upto_seq + 1):
            src, dst, amount = ledger.src[seq - 1], ledger.dst[seq - 1], ledger.amount[seq - 1]
            left: int | str = NULL
            before: int | str = NULL
            out_pos: int | str = NULL
            in_pos: int | str = NULL
            if src != dst:
                spent = paid_out[src]
                out_pos = -spent - amount if exits[src] else spent
                paid_out[src] = spent + amount
                if not exits[src]:
                    left = opening[src] + paid_in[src] - spent - amount
                in_pos = opening[dst] + paid_in[dst]
                before = 0 if exits[dst] else in_pos - paid_out[dst]
                paid_in[dst] += amount
            at = START + whole * (seq / ledger.size)
            yield (
                f"{seq}\t0\ttx-{seq}\t{names[src]}\t{names[dst]}\t{ledger.kinds[src]}\t{ledger.kinds[dst]}\t{CURRENCY}\t"
                f"{amount}\t{out_pos}\t{in_pos}\t{at}\t{status}\t{NULL}\t{NULL}\t{NULL}\t{NULL}\t{NULL}\t{left}\t{before}\n"
            )

    def accounts(self) -> Iterator[str]:
        """Every account with its totals, columns as in `_ACCOUNTS`."""
        for number, kind in enumerate(self.ledger.kinds):
            yield (
                f"{self.ledger.name(number)}\t{CURRENCY}\t{kind}\t{self.ledger.opening[number]}\t0\t0\t"
                f"{self.paid_in[number]}\t{self.paid_out[number]}\n"
            )


async def load(connection: asyncpg.Connection, ledger: GeneratedLedger, *, upto_seq: int) -> None:
    """Postings 1 to `upto_seq` into an empty index, as its owner; the indexes are built afterwards, which is quicker."""
    totals = _Totals(ledger)
    async with connection.transaction():
        indexes = await connection.fetch(_INDEXES)
        for name, _ in indexes:
            await connection.execute(f'DROP INDEX "{name}"')
        await connection.copy_to_table(
            "transfer_index", source=_in_pieces(totals.rows(upto_seq)), columns=COLUMNS
        )
        await connection.copy_to_table(
            "transfer_account", source=_in_pieces(totals.accounts()), columns=_ACCOUNTS
        )
        await connection.execute("SET LOCAL maintenance_work_mem = '1GB'")
        for _, definition in indexes:
            await connection.execute(definition)
        at = ledger.transfer(upto_seq).posted_at if upto_seq else None
        feed = Feed(upto_seq=upto_seq, upto_at=at, head_seq=upto_seq, head_at=at, openings_loaded=True)
        await save_feed(connection, feed, checked=True)


async def _in_pieces(lines: Iterator[str]) -> AsyncIterator[bytes]:
    piece: list[str] = []
    for line in lines:
        piece.append(line)
        if len(piece) == LINES_AT_ONCE:
            yield "".join(piece).encode()
            piece.clear()
    yield "".join(piece).encode()
