"""Runs the one statement of tracing.statement where it is meant to run: in PostgreSQL, over the index."""

from __future__ import annotations

from collections.abc import Sequence

import asyncpg

from tracing.edges import Edge
from tracing.statement import fifo_statement, numbered, parameters

_GUARD = (
    "SELECT count(set_config(name, 'off', true)) FROM unnest(ARRAY['enable_hashjoin', 'enable_mergejoin', 'enable_seqscan',"
    " 'enable_bitmapscan', 'enable_material', 'jit']) AS name"
)
"""Each level of the recursion must go through the index. The planner cannot know how few rows a level has, and on a
ledger that was never analysed it may choose to read all of it; compiling such a short statement costs more than it."""


async def guard(connection: asyncpg.Connection) -> None:
    """Keep the planner on the index for the rest of this transaction."""
    await connection.fetchval(_GUARD)


async def fifo_edges(
    connection: asyncpg.Connection, *, thefts: Sequence[str], victim: str, currency: str, upto_seq: int
) -> list[Edge]:
    """The edges of the trace in canonical order. The caller's transaction is a snapshot."""
    await guard(connection)
    values = parameters(thefts=thefts, victim=victim, currency=currency, upto_seq=upto_seq)
    text, arguments = numbered(fifo_statement(thefts), values)
    return [Edge(*record) for record in await connection.fetch(text, *arguments)]
