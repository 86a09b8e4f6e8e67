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
    "(SELECT * FROM unnest(CAST(:accounts AS text[]), CAST(:kinds AS text[]), CAST(:transfers AS text[]),"
    " CAST(:los AS bigint[]), CAST(:his AS bigint[]), CAST(:hops AS integer[]))"
    " AS u (account_id, kind, transfer_id, lo, hi, hop))"
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
    brought_by: Mapping[int, str],
) -> list[Edge]:
    """At most `most` edges that follow from these lots, any number of hops, in no order.

    `brought_by`: the id of the transfer with this posting number, for lots at exits.
    """
    values: dict[str, object] = {"victim": victim, "currency": currency, "upto_seq": upto_seq}
    values |= {
        "accounts": [lot.account_id for lot in lots],
        "kinds": [lot.account_kind.value for lot in lots],
        "transfers": [brought_by.get(lot.last_seq, "") for lot in lots],
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


_GIVEN_BACK = """
SELECT DISTINCT e.seq, e.transfer_id, e.src, e.dst, e.dst_kind, e.src_lo, e.src_hi, e.dst_lo, e.hop
  FROM transfer_index AS t
  JOIN transfer_index AS r ON r.transfer_id = t.reverses AND r.dst = t.src AND r.currency = t.currency
  JOIN trace_edge AS e ON e.trail_id = $1 AND e.seq = r.seq AND e.dst = t.src
 WHERE t.reverses IS NOT NULL AND t.seq > $2 AND t.seq <= $3 AND t.src_kind NOT IN ('wallet', 'pooling')
   AND t.out_pos < e.dst_lo + e.src_hi - e.src_lo AND t.out_pos + t.amount > e.dst_lo
   AND NOT EXISTS (SELECT FROM trace_edge AS d WHERE d.trail_id = $1 AND d.seq = t.seq AND d.src = t.src
                      AND d.src_lo < e.dst_lo + e.src_hi - e.src_lo AND d.src_hi > e.dst_lo)
"""
_LEFT_EXITS = """
SELECT d.seq, d.transfer_id, d.src, d.dst, d.dst_kind, d.src_lo, d.src_hi, d.dst_lo, d.hop
  FROM transfer_index AS t JOIN trace_edge AS d ON d.trail_id = $1 AND d.seq = t.seq AND d.src = t.src
 WHERE t.reverses = ANY($2::text[]) AND t.part = 0
"""


async def given_back_since(
    connection: asyncpg.Connection, trail_id: str, after_seq: int, upto_seq: int
) -> tuple[list[Edge], list[Edge]]:
    """(edges into exits that a posting in between gives back and no edge follows yet, edges that left those exits before)."""
    arrived = [Edge(*each) for each in await connection.fetch(_GIVEN_BACK, trail_id, after_seq, upto_seq)]
    if not arrived:
        return [], []
    ids = list({edge.transfer_id for edge in arrived})
    return arrived, [Edge(*each) for each in await connection.fetch(_LEFT_EXITS, trail_id, ids)]
