"""The same statement in SQLite, in memory: for ledgers in files and for whoever wants to recompute a trace."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from typing import NamedTuple

from models.contracts.transfers import AccountKind
from tracing.edges import Edge
from tracing.outflows import HoldChange, Outflow
from tracing.posting import Row
from tracing.statement import fifo_statement, parameters

_TABLE = (
    "CREATE TABLE transfer_index (seq, part, transfer_id, src, dst, src_kind, dst_kind, currency, amount, out_pos,"
    " in_pos, src_balance_after, dst_balance_before, reverses, hold_id, undone, PRIMARY KEY (seq, part)) WITHOUT ROWID"
)
_INDEXES = (
    "CREATE INDEX spent ON transfer_index (src, currency, out_pos)",
    "CREATE INDEX paid_out ON transfer_index (src, currency, seq)",
    "CREATE INDEX named ON transfer_index (transfer_id)",
)
_INSERT = "INSERT INTO transfer_index VALUES (" + ", ".join("?" * len(Row._fields)) + ")"  # noqa: S608 - marks only
_OUTFLOW = (
    "SELECT seq, transfer_id, src, dst, dst_kind, sum(amount), coalesce(src_balance_after, 0),"
    " coalesce(dst_balance_before, 0), reverses, hold_id FROM transfer_index WHERE out_pos IS NOT NULL AND currency = ?"
)


class NamedTransfer(NamedTuple):
    """What tells whose transfer it was."""

    transfer_id: str
    seq: int
    src: str
    dst: str
    currency: str


class OfflineLedger:
    """Rows with positions, in a database of their own that is gone when it is closed.

    `statement` gives the text that follows units for so many thefts: an old evidence pack brings its own.
    """

    def __init__(
        self,
        rows: Iterable[Row],
        holds: Iterable[HoldChange] = (),
        *,
        statement: Callable[[Sequence[str]], str] = fifo_statement,
    ) -> None:
        self._holds = sorted(holds)
        self._statement = statement
        self._connection = sqlite3.connect(":memory:")
        self._connection.execute(_TABLE)
        self._connection.executemany(_INSERT, rows)
        for index in _INDEXES:
            self._connection.execute(index)

    def fifo_edges(self, *, thefts: Sequence[str], victim: str, currency: str, upto_seq: int) -> list[Edge]:
        """The edges of the trace in canonical order."""
        values = parameters(thefts=thefts, victim=victim, currency=currency, upto_seq=upto_seq)
        with closing(self._connection.execute(self._statement(thefts), values)) as cursor:
            return [Edge(*record) for record in cursor]

    def transfers(self, ids: Sequence[str]) -> list[NamedTransfer]:
        """The transfers with these ids, in posting order."""
        marks = ", ".join("?" * len(ids))
        query = (
            "SELECT DISTINCT transfer_id, seq, src, dst, currency FROM transfer_index"  # noqa: S608 - marks only
            f" WHERE transfer_id IN ({marks}) ORDER BY seq"
        )
        with closing(self._connection.execute(query, tuple(ids))) as cursor:
            return [NamedTransfer(*record) for record in cursor]

    def outflows_named(self, ids: Sequence[str], currency: str) -> list[Outflow]:
        """These postings, whole, in posting order."""
        marks = ", ".join("?" * len(ids))
        query = f"{_OUTFLOW} AND transfer_id IN ({marks}) GROUP BY seq ORDER BY seq"
        with closing(self._connection.execute(query, (currency, *ids))) as cursor:
            return [Outflow(*record) for record in cursor]

    def outflows(
        self, account_id: str, currency: str, after_seq: int, upto_seq: int, limit: int
    ) -> list[Outflow]:
        """The account's next payments, whole, in posting order."""
        query = f"{_OUTFLOW} AND src = ? AND seq > ? AND seq <= ? GROUP BY seq ORDER BY seq LIMIT ?"
        values = (currency, account_id, after_seq, upto_seq, limit)
        with closing(self._connection.execute(query, values)) as cursor:
            return [Outflow(*record) for record in cursor]

    def given_back(self, currency: str, after_seq: int, upto_seq: int) -> list[Outflow]:
        """Payments by exits that reverse a transfer, whole, in posting order."""
        kinds = ", ".join(f"'{kind}'" for kind in AccountKind if kind.is_exit)
        query = (
            f"{_OUTFLOW} AND reverses IS NOT NULL AND src_kind IN ({kinds}) AND seq > ? AND seq <= ?"
            " GROUP BY seq ORDER BY seq"
        )
        with closing(self._connection.execute(query, (currency, after_seq, upto_seq))) as cursor:
            return [Outflow(*record) for record in cursor]

    def hold_changes(self, currency: str, upto_seq: int) -> list[HoldChange]:
        """What holds changed up to `upto_seq`; the ledger is of one currency."""
        del currency
        return [change for change in self._holds if change.after_seq <= upto_seq]

    def close(self) -> None:
        """Let go of the memory."""
        self._connection.close()
