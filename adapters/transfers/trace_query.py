"""Runs the one statement of tracing.statement where it is meant to run: in PostgreSQL, over the index."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import asyncpg

from tracing.edges import Edge
from tracing.places import Lot
from tracing.statement import edges_onward, fifo_statement, first_edges, numbered, parameters

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
    values = parameters(thefts=thefts, victim=victim, currency=currency, upto_seq=upto_seq)
    return await _edges(connection, fifo_statement(thefts), values)


_LOTS = (
    "(SELECT * FROM unnest(CAST(:accounts AS text[]), CAST(:los AS bigint[]), CAST(:his AS bigint[]),"
    " CAST(:hops AS integer[])) AS u (account_id, lo, hi, hop))"
)


async def first_chunk(
    connection: asyncpg.Connection,
    *,
    thefts: Sequence[str],
    victim: str,
    currency: str,
    upto_seq: int,
    most: int,
) -> list[Edge]:
    """The first edges of the trace, at most `most`, the thefts themselves first; otherwise in no order."""
    values = parameters(thefts=thefts, victim=victim, currency=currency, upto_seq=upto_seq)
    return await _edges(connection, first_edges(thefts, most), values)


async def next_chunk(
    connection: asyncpg.Connection,
    lots: Sequence[Lot],
    *,
    victim: str,
    currency: str,
    upto_seq: int,
    most: int,
) -> list[Edge]:
    """At most `most` edges that follow from these lots, any number of hops, in no order."""
    values: dict[str, object] = {"victim": victim, "currency": currency, "upto_seq": upto_seq}
    values |= {
        "accounts": [lot.account_id for lot in lots],
        "los": [lot.lo for lot in lots],
        "his": [lot.hi for lot in lots],
        "hops": [lot.hop for lot in lots],
    }
    return await _edges(connection, edges_onward(_LOTS, most), values)


async def theft_edges(
    connection: asyncpg.Connection, *, thefts: Sequence[str], currency: str, upto_seq: int
) -> list[Edge]:
    """The thefts alone."""
    values: dict[str, object] = {"thefts": list(thefts), "currency": currency, "upto_seq": upto_seq}
    text, arguments = numbered(
        "SELECT seq, transfer_id, src, dst, dst_kind, out_pos, out_pos + amount, in_pos, 0 FROM transfer_index"
        " WHERE transfer_id = ANY(CAST(:thefts AS text[])) AND currency = :currency AND out_pos IS NOT NULL"
        " AND seq <= :upto_seq",
        values,
    )
    return [Edge(*record) for record in await connection.fetch(text, *arguments)]


async def _edges(connection: asyncpg.Connection, statement: str, values: Mapping[str, object]) -> list[Edge]:
    await guard(connection)
    text, arguments = numbered(statement, values)
    return [Edge(*record) for record in await connection.fetch(text, *arguments)]
