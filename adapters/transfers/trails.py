"""What every trace under way has in common: it advances in chunks that are committed, and ends with an outcome."""

from __future__ import annotations

from typing import Protocol

import asyncpg

from adapters.transfers.trace_rows import TraceInputs, TraceOutcome
from models.contracts.transfers import Flow, TraceProgress

_INSERT_CHUNK = (
    "INSERT INTO trace_chunk (trail_id, number, reached_seq, edges, following, created_at)"
    " VALUES ($1, $2, $3, $4, $5, clock_timestamp()) ON CONFLICT DO NOTHING RETURNING number"
)


class Overtaken(Exception):
    """Another worker has committed this chunk already: look again at what there is, and go on from it."""


class Trail(Protocol):
    """A trace under way. What it knows it can read back, so losing it loses no committed chunk."""

    @property
    def done(self) -> bool:
        """Whether the money was followed to its end."""
        ...

    async def advance(self, connection: asyncpg.Connection) -> None:
        """One chunk: find, store. The caller's transaction is a snapshot and is committed. Raises Overtaken."""
        ...

    async def outcome(self, connection: asyncpg.Connection) -> TraceOutcome:
        """What the finished trace gave."""
        ...

    def progress(self) -> TraceProgress:
        """How far it is, for people."""
        ...


async def insert_chunk(connection: asyncpg.Connection, inputs: TraceInputs, progress: TraceProgress) -> None:
    """Store the numbers of a chunk, before its edges. Raises Overtaken."""
    stored = await connection.fetchval(
        _INSERT_CHUNK,
        inputs.trail_id,
        progress.chunk,
        progress.reached_seq,
        progress.edges,
        progress.following,
    )
    if stored is None:
        raise Overtaken


async def last_chunk(connection: asyncpg.Connection, trail_id: str) -> int:
    """The number of the last chunk of this trail; 0 when it was never begun."""
    number = await connection.fetchval("SELECT max(number) FROM trace_chunk WHERE trail_id = $1", trail_id)
    return int(number or 0)


NOTHING = Flow(stolen=0, held=0, exited=0, pooled=0, returned=0, pruned=0)
"""The totals of a trace not yet begun."""
