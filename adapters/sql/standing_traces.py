"""Which thefts of an incident count now, and which trace follows them: what the last step about either has committed."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import bindparam, exists, select, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from activities import changes as say
from models.contracts.steps import FinishedStep
from models.contracts.transfers import Flow
from models.names import NEW_DEVICE, SINCE_COMPROMISE
from models.tables.incidents import Incident
from models.tables.traces import StandingTrace, TraceRun

FOUND = text(
    """
INSERT INTO standing_trace AS s (incident_id, currency, claimed, thefts, since, upto_seq, found_at)
VALUES (:incident_id, :currency, :claimed, :thefts, :since, :upto_seq, :at)
ON CONFLICT (incident_id, currency, claimed) DO UPDATE
SET thefts = excluded.thefts, since = excluded.since, upto_seq = excluded.upto_seq, found_at = excluded.found_at
WHERE s.upto_seq <= excluded.upto_seq
"""
).bindparams(bindparam("thefts", type_=JSONB))
"""Of two rounds at once the one that sees further says what counts."""

GONE = text(
    """
UPDATE standing_trace SET thefts = '[]', trace_id = NULL, since = :since, upto_seq = :upto_seq, found_at = :at
WHERE incident_id = :incident_id AND claimed = :claimed AND currency <> ALL (:currencies) AND upto_seq <= :upto_seq
"""
)

NOT_FOUND_ANY_MORE = text(
    """
UPDATE theft SET withdrawn_at = :at
WHERE incident_id = :incident_id AND basis = ANY (:rules) AND added_by IS NULL AND withdrawn_at IS NULL
  AND transfer_id <> ALL (:found)
"""
)

STANDS = text(
    """
INSERT INTO standing_trace AS s (incident_id, currency, claimed, thefts, since, upto_seq, trace_id, found_at)
SELECT i.id, CAST(:currency AS varchar), CAST(:claimed AS boolean), :thefts, coalesce(i.compromised_since, i.opened_at),
       CAST(:upto_seq AS bigint), CAST(:trace_id AS varchar), CAST(:at AS timestamptz)
FROM incident AS i WHERE i.id = CAST(:incident_id AS varchar)
ON CONFLICT (incident_id, currency, claimed) DO UPDATE SET trace_id = excluded.trace_id
WHERE s.thefts = excluded.thefts AND NOT EXISTS (
    SELECT FROM trace_run AS r WHERE r.trace_id = s.trace_id AND r.thefts = s.thefts AND r.upto_seq > :upto_seq)
"""
).bindparams(bindparam("thefts", type_=JSONB))

STALE = text(
    """
SELECT EXISTS (
    SELECT FROM standing_trace AS s JOIN incident AS i ON i.id = s.incident_id
    LEFT JOIN trace_run AS r ON r.trace_id = s.trace_id
    WHERE s.incident_id = :incident_id AND (
        s.since <> coalesce(i.compromised_since, i.opened_at)
        OR (s.thefts <> '[]' AND r.thefts IS DISTINCT FROM s.thefts)
        OR EXISTS (SELECT FROM recall AS c JOIN transfer_index AS t ON t.reverses = c.transfer_id
                   WHERE c.incident_id = i.id AND t.linked_at > r.created_at AND t.seq <= r.upto_seq)
        OR EXISTS (SELECT FROM restitution AS p
                   WHERE p.transfer_seq <= r.upto_seq
                     AND (i.id IN (p.incident_id, p.for_incident_id)
                          OR p.hold_id IN (SELECT c.hold_id FROM hold_contest AS c WHERE c.incident_id = i.id))
                     AND (SELECT t.dst_kind FROM transfer_index AS t WHERE t.seq = p.transfer_seq AND t.part = 0) = 'awarded'
                     AND (EXISTS (SELECT FROM trace_edge AS e WHERE e.trail_id = r.trail_id AND e.seq = p.transfer_seq
                                     AND e.dst_kind = 'wallet' AND e.dst <> r.victim)
                          OR EXISTS (SELECT FROM trace_carried AS e WHERE e.trail_id = r.trail_id AND e.seq = p.transfer_seq
                                        AND e.dst_kind = 'wallet' AND e.dst <> r.victim)))
        OR (EXISTS (SELECT FROM alarm AS a WHERE a.incident_id = i.id AND a.kind = 'report' AND a.acknowledged_at IS NOT NULL)
            AND EXISTS (SELECT FROM proof AS p WHERE p.incident_id = i.id
                        AND greatest(p.proven_at, p.voided_at) > s.found_at))))
"""
)
"""Another compromise time than the one they were found by, thefts that no trace follows yet, money that turned out to have come
back before the trace's end, a trace that follows what was awarded to another owner (as they all did once), or a proof that
made words count."""


async def found(change: say.TheftsFound, connection: AsyncConnection, step: FinishedStep) -> None:
    """What counts from now on, in both ways; what the rules do not find any more keeps its row and counts no more."""
    incident_id = step.attempt.incident_id
    common = {"incident_id": incident_id, "since": change.since, "upto_seq": change.upto_seq, "at": change.at}
    every: set[str] = set()
    for claimed, thefts in ((False, change.stolen), (True, change.claimed)):
        for currency, ids in thefts.items():
            values = {"claimed": claimed, "currency": currency, "thefts": list(ids)}
            await connection.execute(FOUND, common | values)
            every.update(ids)
        await connection.execute(GONE, common | {"claimed": claimed, "currencies": list(thefts)})
    values = {"incident_id": incident_id, "at": change.at, "found": sorted(every)}
    await connection.execute(NOT_FOUND_ANY_MORE, values | {"rules": [NEW_DEVICE, SINCE_COMPROMISE]})


async def stands(change: say.TraceStands, connection: AsyncConnection, step: FinishedStep) -> None:
    """The trace that holds now."""
    await connection.execute(
        STANDS,
        {
            "incident_id": step.attempt.incident_id,
            "currency": change.currency,
            "claimed": change.claimed,
            "thefts": list(change.thefts),
            "upto_seq": change.upto_seq,
            "trace_id": change.trace_id,
            "at": change.at,
        },
    )


async def stale(connection: AsyncConnection, incident_id: str) -> bool:
    """Whether the money must be traced anew though none of it moved."""
    return bool(await connection.scalar(STALE, {"incident_id": incident_id}))


async def robbed(connection: AsyncConnection, since: datetime | None, until: datetime | None) -> list[str]:
    """Incidents opened in [since, until) that have a trace of their own, oldest first."""
    traced = exists().where(StandingTrace.incident_id == Incident.id, StandingTrace.claimed.is_(False))
    query = select(Incident.id).where(traced).order_by(Incident.opened_at, Incident.id)
    if since is not None:
        query = query.where(Incident.opened_at >= since)
    if until is not None:
        query = query.where(Incident.opened_at < until)
    return list(await connection.scalars(query))


async def claimed(connection: AsyncConnection, incident_id: str) -> set[str]:
    """Transfers that count only by unproven reports."""
    thefts = await connection.scalars(
        select(StandingTrace.thefts).where(
            StandingTrace.incident_id == incident_id, StandingTrace.claimed.is_(True)
        )
    )
    return {transfer_id for each in thefts for transfer_id in each}


async def read_money(
    connection: AsyncConnection, incident_id: str, *, claimed: bool = False
) -> dict[str, Flow]:
    """The flow of the trace that stands, per currency; nothing where no theft counts any more."""
    rows = await connection.execute(
        select(TraceRun)
        .join(StandingTrace, StandingTrace.trace_id == TraceRun.trace_id)
        .where(StandingTrace.incident_id == incident_id, StandingTrace.claimed.is_(claimed))
        .order_by(TraceRun.currency)
    )
    return {
        row.currency: Flow(
            stolen=row.stolen,
            held=row.held,
            exited=row.exited,
            pooled=row.pooled,
            returned=row.returned,
            pruned=row.pruned,
        )
        for row in rows
    }
