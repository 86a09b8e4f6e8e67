"""A trace as rows: one run, the lots it left in wallet accounts, what was pruned; and back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

import asyncpg

from models.contracts.transfers import AccountKind, FeedPosition, Flow, PrunedTotal, TraceSummary
from tracing.places import Lot, Place
from tracing.result import Limits, Pruned, PruneReason
from tracing.rules import Rule

_INSERT_RUN = (
    "INSERT INTO trace_run (trace_id, trail_id, incident_id, episode, currency, rule, victim, thefts, upto_seq, upto_at,"
    " feed_behind_ms, generation, horizon_seq, dust, max_edges, stolen, held, exited, pooled, returned, pruned, edges,"
    " digest, created_at)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23,"
    " clock_timestamp()) ON CONFLICT (trace_id) DO NOTHING RETURNING trace_id"
)
_RUN = (
    "SELECT r.trace_id, incident_id, episode, currency, rule, thefts::text AS thefts, upto_seq, upto_at, feed_behind_ms,"
    " stolen, held, exited, pooled, returned, pruned, edges, digest, horizon_seq, dust, max_edges, trail_id, victim,"
    " (SELECT json_object_agg(reason, json_build_array(count, amount))::text FROM trace_pruned AS p"
    "   WHERE p.trace_id = r.trace_id) AS pruned_by"
    " FROM trace_run AS r"
)
_SELECT_LOTS = (
    "SELECT account_id, account_kind, place, lo, hi, hop, last_seq FROM trace_lot"
    ' WHERE trace_id = $1 ORDER BY account_id COLLATE "C", lo'
)
_LOT_COLUMNS = ("trace_id", "account_id", "account_kind", "place", "lo", "hi", "hop", "last_seq")


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceInputs:
    """What a trace is a function of, together with the index's `generation` and the holds its rule looks at."""

    incident_id: str
    episode: int
    currency: str
    thefts: tuple[str, ...]
    rule: Rule
    limits: Limits
    upto: FeedPosition
    generation: int = 0
    holds: str | None = None
    claims: str | None = None
    """Of a rule without units: which units of an account its lots are depends on what is claimed there."""

    @property
    def trail_id(self) -> str:
        """What it shares with the traces that only reach elsewhere."""
        limits = self.limits
        parts = (
            self.incident_id,
            self.episode,
            self.currency,
            self.rule.value,
            self.thefts,
            (limits.horizon_seq, limits.dust, limits.max_edges),
            self.generation,
            self.holds,
        )
        return sha256(json.dumps(parts).encode()).hexdigest()[:32]

    @property
    def trace_id(self) -> str:
        """Equal inputs over an index of equal generation, equal id."""
        claimed = () if self.claims is None else (self.claims,)
        return sha256(json.dumps((self.trail_id, self.upto.upto_seq, *claimed)).encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceOutcome:
    """What it gave. `lots` are those in wallet accounts."""

    victim: str
    flow: Flow
    digest: str
    edges: int
    lots: Sequence[Lot]
    pruned: Mapping[PruneReason, Pruned]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRun:
    """A finished trace as it is stored."""

    trail_id: str
    victim: str
    rule: Rule
    limits: Limits
    summary: TraceSummary


async def insert_run(
    connection: asyncpg.Connection, inputs: TraceInputs, outcome: TraceOutcome
) -> TraceSummary | None:
    """Write the run and its lots; None, and nothing written, when the same trace is there already."""
    flow, limits, trace_id = outcome.flow, inputs.limits, inputs.trace_id
    inserted = await connection.fetchrow(
        _INSERT_RUN,
        trace_id,
        inputs.trail_id,
        inputs.incident_id,
        inputs.episode,
        inputs.currency,
        inputs.rule.value,
        outcome.victim,
        json.dumps(inputs.thefts),
        inputs.upto.upto_seq,
        inputs.upto.upto_at,
        inputs.upto.behind_ms,
        inputs.generation,
        limits.horizon_seq,
        limits.dust,
        limits.max_edges,
        flow.stolen,
        flow.held,
        flow.exited,
        flow.pooled,
        flow.returned,
        flow.pruned,
        outcome.edges,
        outcome.digest,
    )
    if inserted is None:
        return None
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
    if lots:
        await connection.copy_records_to_table("trace_lot", records=lots, columns=_LOT_COLUMNS)
    if outcome.pruned:
        await connection.copy_records_to_table(
            "trace_pruned",
            records=[
                (trace_id, reason.value, pruned.count, pruned.amount)
                for reason, pruned in sorted(outcome.pruned.items())
            ],
            columns=("trace_id", "reason", "count", "amount"),
        )
    return TraceSummary(
        trace_id=trace_id,
        incident_id=inputs.incident_id,
        episode=inputs.episode,
        currency=inputs.currency,
        rule=inputs.rule.value,
        thefts=inputs.thefts,
        upto_seq=inputs.upto.upto_seq,
        upto_at=inputs.upto.upto_at,
        feed_behind_ms=inputs.upto.behind_ms,
        flow=flow,
        edges=outcome.edges,
        digest=outcome.digest,
        pruned_by={
            reason.value: PrunedTotal(count=pruned.count, amount=pruned.amount)
            for reason, pruned in sorted(outcome.pruned.items())
        },
    )


async def select_run(connection: asyncpg.Connection, trace_id: str) -> StoredRun | None:
    """A stored trace."""
    record = await connection.fetchrow(f"{_RUN} WHERE trace_id = $1", trace_id)
    return None if record is None else _stored(record)


async def select_runs(connection: asyncpg.Connection, incident_id: str) -> list[StoredRun]:
    """Every trace of an incident, in the order in which they were made."""
    records = await connection.fetch(
        f"{_RUN} WHERE incident_id = $1 ORDER BY created_at, trace_id", incident_id
    )
    return [_stored(record) for record in records]


async def furthest_run(connection: asyncpg.Connection, trail_id: str, upto_seq: int) -> StoredRun | None:
    """The trace of this trail that reaches furthest, up to `upto_seq` at most."""
    record = await connection.fetchrow(
        f"{_RUN} WHERE trail_id = $1 AND upto_seq <= $2 ORDER BY upto_seq DESC LIMIT 1", trail_id, upto_seq
    )
    return None if record is None else _stored(record)


async def select_lots(connection: asyncpg.Connection, trace_id: str) -> list[Lot]:
    """Every lot in a wallet account, ordered by account and units."""
    records = await connection.fetch(_SELECT_LOTS, trace_id)
    return [
        Lot(account_id, AccountKind(kind), Place(place), lo, hi, hop, last_seq)
        for account_id, kind, place, lo, hi, hop, last_seq in records
    ]


def _stored(record: asyncpg.Record) -> StoredRun:
    places = ("stolen", "held", "exited", "pooled", "returned", "pruned")
    summary = TraceSummary(
        trace_id=record["trace_id"],
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
        pruned_by={
            reason: PrunedTotal(count=count, amount=amount)
            for reason, (count, amount) in sorted(json.loads(record["pruned_by"] or "{}").items())
        },
    )
    limits = Limits(horizon_seq=record["horizon_seq"], dust=record["dust"], max_edges=record["max_edges"])
    return StoredRun(
        trail_id=record["trail_id"],
        victim=record["victim"],
        rule=Rule(record["rule"]),
        limits=limits,
        summary=summary,
    )
