"""A trace as rows: one run, its edges, the lots it left; and back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg

from models.contracts.transfers import AccountKind, FeedPosition, Flow, TraceSummary
from tracing.edges import Edge
from tracing.places import Lot, Place

FIFO = "fifo"

_INSERT_RUN = (
    "INSERT INTO trace_run (trace_id, incident_id, episode, currency, rule, victim, thefts, upto_seq, upto_at,"
    " feed_behind_ms, generation, stolen, held, exited, pooled, returned, pruned, edges, digest, created_at)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19,"
    " clock_timestamp()) ON CONFLICT (trace_id) DO NOTHING RETURNING trace_id"
)
_SELECT_RUN = (
    "SELECT incident_id, episode, currency, rule, thefts::text AS thefts, upto_seq, upto_at, feed_behind_ms, stolen,"
    " held, exited, pooled, returned, pruned, edges, digest FROM trace_run WHERE trace_id = $1"
)
_SELECT_EDGES = (
    "SELECT seq, transfer_id, src, dst, dst_kind, src_lo, src_hi, dst_lo, hop FROM trace_edge"
    " WHERE trace_id = $1 ORDER BY seq, src_lo"
)
_SELECT_LOTS = (
    "SELECT account_id, account_kind, place, lo, hi, hop, last_seq FROM trace_lot"
    ' WHERE trace_id = $1 ORDER BY account_id COLLATE "C", lo'
)
_EDGE_COLUMNS = ("trace_id", *Edge._fields)
_LOT_COLUMNS = ("trace_id", "account_id", "account_kind", "place", "lo", "hi", "hop", "last_seq")


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceInputs:
    """What a trace is a function of, together with the index's `generation`."""

    incident_id: str
    episode: int
    currency: str
    thefts: tuple[str, ...]
    upto: FeedPosition
    generation: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceOutcome:
    """What it gave."""

    victim: str
    flow: Flow
    digest: str
    edges: Sequence[Edge]
    lots: Sequence[Lot]


async def insert_trace(
    connection: asyncpg.Connection, trace_id: str, inputs: TraceInputs, outcome: TraceOutcome
) -> None:
    """Write all of it, or nothing when the same trace is there already."""
    flow = outcome.flow
    inserted = await connection.fetchval(
        _INSERT_RUN,
        trace_id,
        inputs.incident_id,
        inputs.episode,
        inputs.currency,
        FIFO,
        outcome.victim,
        json.dumps(inputs.thefts),
        inputs.upto.upto_seq,
        inputs.upto.upto_at,
        inputs.upto.behind_ms,
        inputs.generation,
        flow.stolen,
        flow.held,
        flow.exited,
        flow.pooled,
        flow.returned,
        flow.pruned,
        len(outcome.edges),
        outcome.digest,
    )
    if inserted is None:
        return
    edges = [(trace_id, *edge) for edge in outcome.edges]
    await connection.copy_records_to_table("trace_edge", records=edges, columns=_EDGE_COLUMNS)
    lots = [
        (
            trace_id,
            lot.account_id,
            lot.account_kind.value,
            lot.place.value,
            lot.lo,
            lot.hi,
            lot.hop,
            lot.last_seq,
        )
        for lot in outcome.lots
    ]
    await connection.copy_records_to_table("trace_lot", records=lots, columns=_LOT_COLUMNS)


async def select_summary(connection: asyncpg.Connection, trace_id: str) -> TraceSummary | None:
    """The summary of a stored trace."""
    record = await connection.fetchrow(_SELECT_RUN, trace_id)
    if record is None:
        return None
    places = ("stolen", "held", "exited", "pooled", "returned", "pruned")
    return TraceSummary(
        trace_id=trace_id,
        incident_id=record["incident_id"],
        episode=record["episode"],
        currency=record["currency"],
        rule=record["rule"],
        thefts=tuple(json.loads(record["thefts"])),
        upto_seq=record["upto_seq"],
        upto_at=record["upto_at"],
        feed_behind_ms=record["feed_behind_ms"],
        flow=Flow(**{place: record[place] for place in places}),
        edges=record["edges"],
        digest=record["digest"],
    )


async def select_edges(connection: asyncpg.Connection, trace_id: str) -> list[Edge]:
    """Every edge, in canonical order."""
    records = await connection.fetch(_SELECT_EDGES, trace_id)
    return [Edge(*record) for record in records]


async def select_lots(connection: asyncpg.Connection, trace_id: str) -> list[Lot]:
    """Every lot, wherever it rests, ordered by account and units."""
    records = await connection.fetch(_SELECT_LOTS, trace_id)
    return [
        Lot(account_id, AccountKind(kind), Place(place), lo, hi, hop, last_seq)
        for account_id, kind, place, lo, hi, hop, last_seq in records
    ]
