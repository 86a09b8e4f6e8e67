"""The same statement in SQLite, in memory: for ledgers in files and for whoever wants to recompute a trace."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing

from tracing.edges import Edge
from tracing.posting import Row
from tracing.statement import fifo_statement, parameters

_TABLE = (
    "CREATE TABLE transfer_index (seq, part, transfer_id, src, dst, src_kind, dst_kind, currency, amount, out_pos,"
    " in_pos, PRIMARY KEY (seq, part)) WITHOUT ROWID"
)
_INDEXES = (
    "CREATE INDEX spent ON transfer_index (src, currency, out_pos)",
    "CREATE INDEX named ON transfer_index (transfer_id)",
)
_INSERT = "INSERT INTO transfer_index VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"


class OfflineLedger:
    """Rows with positions, in a database of their own that is gone when it is closed."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._connection = sqlite3.connect(":memory:")
        self._connection.execute(_TABLE)
        self._connection.executemany(_INSERT, rows)
        for index in _INDEXES:
            self._connection.execute(index)

    def fifo_edges(self, *, thefts: Sequence[str], victim: str, currency: str, upto_seq: int) -> list[Edge]:
        """The edges of the trace in canonical order."""
        values = parameters(thefts=thefts, victim=victim, currency=currency, upto_seq=upto_seq)
        with closing(self._connection.execute(fifo_statement(thefts), values)) as cursor:
            return [Edge(*record) for record in cursor]

    def close(self) -> None:
        """Let go of the memory."""
        self._connection.close()
