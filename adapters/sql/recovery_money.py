"""Money of an incident's last traces: what lies where, what came back out of exits, what was paid on."""

from __future__ import annotations

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.recovery_ports import CameBack, PaidOn, Restituted, TracedMoney
from models.contracts.recalls import RecalledTransfer
from models.contracts.recovery import PossibleReturn
from models.contracts.transfers import BankDetails, Flow
from models.tables.holds import Restitution
from models.tables.incidents import Incident

NOTHING = Flow(stolen=0, held=0, exited=0, pooled=0, returned=0, pruned=0)

OF_A_RUN = """
    SELECT e.seq, e.transfer_id, e.dst, e.dst_kind, e.dst_lo, e.src_hi - e.src_lo AS stolen
    FROM trace_edge AS e WHERE e.trail_id = run.trail_id AND e.seq <= run.upto_seq
    UNION ALL
    SELECT c.seq, c.transfer_id, c.dst, c.dst_kind, CAST(NULL AS bigint), c.amount
    FROM trace_carried AS c WHERE c.trail_id = run.trail_id AND c.seq <= run.upto_seq
"""
"""What carried stolen money in the trace `run`, whatever its rule; only first in, first out knows which units arrived."""

CARRIED = f"""
    SELECT c.* FROM trace_run AS run CROSS JOIN LATERAL ({OF_A_RUN}) AS c WHERE run.trace_id = :trace_id
"""  # noqa: S608 - text of our own

LAST_TRACES = text(
    f"""
SELECT s.incident_id, s.currency, s.upto_seq AS found_upto, awarded.amount AS awarded, i.account_id, run.trace_id,
       run.upto_seq, run.victim, run.stolen, run.held, run.exited, run.pooled, run.returned, run.pruned,
       (SELECT min(t.seq) FROM transfer_index AS t
         WHERE t.transfer_id IN (SELECT jsonb_array_elements_text(run.thefts))) AS theft_seq
FROM standing_trace AS s JOIN incident AS i ON i.id = s.incident_id
LEFT JOIN trace_run AS run ON run.trace_id = s.trace_id
CROSS JOIN LATERAL (
    SELECT coalesce(sum(c.stolen), 0)::bigint AS amount FROM ({OF_A_RUN}) AS c
    WHERE c.dst_kind = 'awarded' AND c.dst <> run.victim) AS awarded
WHERE s.incident_id = :incident_id AND NOT s.claimed AND (run.trace_id IS NOT NULL OR s.thefts = '[]')
ORDER BY s.currency
"""  # noqa: S608 - text of our own
)

CAME_BACK_SEEN = text(
    f"""
SELECT e.dst AS account_id, t.currency, e.seq, coalesce(e.dst_lo, t.in_pos) AS lo, e.stolen AS amount
FROM ({CARRIED}) AS e JOIN transfer_index AS t ON t.seq = e.seq AND t.part = 0
WHERE t.reverses IS NOT NULL AND t.src_kind NOT IN ('wallet', 'pooling')
ORDER BY e.seq, lo
"""  # noqa: S608 - text of our own
)
"""What an exit gave back, as the trace followed it: those very units."""

CAME_BACK_SINCE = text(
    f"""
SELECT back.dst AS account_id, back.currency, back.seq, back.in_pos, back.amount, carried.stolen, carried.transfer_id
FROM (SELECT transfer_id, sum(stolen)::bigint AS stolen FROM ({CARRIED}) AS c
      WHERE dst_kind NOT IN ('wallet', 'pooling', 'awarded') GROUP BY transfer_id) AS carried
JOIN transfer_index AS back ON back.reverses = carried.transfer_id
WHERE back.in_pos IS NOT NULL AND back.currency = :currency AND back.seq > :upto_seq
ORDER BY back.seq, back.part
"""  # noqa: S608 - text of our own
)
"""What exits have given back since: the next trace follows it. Never more of a transfer than was stolen of it."""

ASKED = """
    SELECT r.transfer_seq, count(*)::int AS requests, bool_or(r.ending = 'cancelled') AS stopped,
           bool_or(r.state <> 'closed' AND r.withdraw_asked_at IS NULL) AS open,
           coalesce(sum(r.asked) FILTER (
               WHERE coalesce(r.ending, '') <> 'withdrawn' AND r.withdraw_asked_at IS NULL), 0)::bigint AS asked
    FROM recall r WHERE r.incident_id = :incident_id GROUP BY r.transfer_seq
"""
"""What was asked of each transfer so far. A withdrawn request asks for nothing any more."""

EXITS = text(
    f"""
SELECT left_by.seq, left_by.transfer_id, left_by.src, left_by.dst, left_by.dst_kind, left_by.currency,
       left_by.posted_at, left_by.status, left_by.bank, carried.stolen - coalesce(asked.asked, 0) AS stolen,
       coalesce(asked.requests, 0) AS part,
       (SELECT sum(t.amount)::bigint FROM transfer_index t WHERE t.transfer_id = left_by.transfer_id) AS amount
FROM (SELECT seq, sum(stolen)::bigint AS stolen FROM ({CARRIED}) AS c
      WHERE dst_kind NOT IN ('wallet', 'pooling', 'fee', 'awarded') GROUP BY seq) AS carried
JOIN transfer_index AS left_by ON left_by.seq = carried.seq AND left_by.part = 0
LEFT JOIN ({ASKED}) AS asked ON asked.transfer_seq = left_by.seq
WHERE left_by.dst <> :victim AND left_by.reverses IS NULL AND coalesce(asked.asked, 0) < carried.stolen
  AND NOT coalesce(asked.stopped, false)
ORDER BY left_by.seq LIMIT 100
"""  # noqa: S608 - text of our own
)
"""A fee is the operator's own: it gives it back without being asked by a bank's message. What was awarded is its owner's. What was asked for already is not
asked for again: where more turned out to be stolen, only the difference."""

STRAY_RECALLS = text(
    f"""
SELECT asked.transfer_seq FROM ({ASKED}) AS asked
LEFT JOIN (SELECT seq, sum(stolen)::bigint AS stolen FROM ({CARRIED}) AS c GROUP BY seq) AS carried
       ON carried.seq = asked.transfer_seq
WHERE asked.open AND asked.asked > coalesce(carried.stolen, 0) AND EXISTS (
    SELECT FROM recall r WHERE r.incident_id = :incident_id AND r.transfer_seq = asked.transfer_seq AND r.currency = :currency)
ORDER BY asked.transfer_seq
"""  # noqa: S608 - text of our own
)
"""More is asked than is stolen: the open requests are withdrawn, and what is stolen of it is asked for anew."""


LOOKS_RETURNED = """
JOIN incident AS i ON i.id = r.incident_id
JOIN transfer_index AS o ON o.transfer_id = r.transfer_id AND o.part = 0
JOIN transfer_index AS t ON t.dst IN (o.src, i.account_id) AND t.currency = r.currency AND t.src = r.exit_account
     AND t.part = 0 AND t.seq > o.seq AND t.posted_at >= r.opened_at AND t.reverses IS NULL AND t.in_pos IS NOT NULL
WHERE coalesce(r.ending, '') NOT IN ('cancelled', 'withdrawn')
  AND (SELECT sum(p.amount) FROM transfer_index p WHERE p.seq = t.seq) IN (r.asked - r.received, r.promised - r.received)
  AND NOT EXISTS (SELECT FROM decision_task d WHERE d.incident_id = r.incident_id AND d.kind = 'returned_payment'
                  AND d.action ->> 'subject' = t.seq::text
                  AND (d.closed_at IS NULL OR EXISTS (
                      SELECT FROM decision_request q JOIN step s ON s.incident_id = d.incident_id AND s.status = 'done'
                       AND s.step_key IN ('approval/' || q.id, 'approval/' || q.id || '/settled') WHERE q.task_id = d.id)))
"""
"""Of recalls `r`: payments `t` found by amount, payer and payee alone, so it proves nothing: people are asked until somebody has
answered. A question that was closed with nothing carried out is no answer.
"""

POSSIBLE_RETURNS = text(
    f"""
SELECT t.seq, t.transfer_id, t.src, t.dst, t.currency,
       (SELECT sum(p.amount)::bigint FROM transfer_index p WHERE p.seq = t.seq) AS amount,
       jsonb_object_agg(r.id, r.transfer_id) AS recalls,
       (SELECT count(*)::int FROM decision_task d WHERE d.incident_id = i.id AND d.kind = 'returned_payment'
        AND d.action ->> 'subject' = t.seq::text) AS asked
FROM recall AS r {LOOKS_RETURNED} AND r.incident_id = :incident_id
GROUP BY i.id, t.seq, t.transfer_id, t.src, t.dst, t.currency ORDER BY t.seq LIMIT 20
"""  # noqa: S608 - text of our own
)


async def possible_returns(connection: AsyncConnection, incident_id: str) -> list[PossibleReturn]:
    """Payments that may be recalled money and about which no question is open or answered."""
    return [
        PossibleReturn(
            seq=row.seq,
            transfer_id=row.transfer_id,
            src=row.src,
            account_id=row.dst,
            currency=row.currency,
            amount=row.amount,
            recalls=row.recalls,
            asked=row.asked,
        )
        for row in await connection.execute(POSSIBLE_RETURNS, {"incident_id": incident_id})
    ]


async def unrecalled(connection: AsyncConnection, traced: TracedMoney) -> list[RecalledTransfer]:
    """Exits of this trace of which more is stolen than the incident's recalls ask for: each with the difference."""
    which = {"trace_id": traced.trace_id, "incident_id": traced.incident_id, "victim": traced.victim}
    return [
        RecalledTransfer(
            transfer_seq=row.seq,
            transfer_id=row.transfer_id,
            payer=row.src,
            exit_account=row.dst,
            exit_kind=row.dst_kind,
            currency=row.currency,
            amount=row.amount,
            stolen=row.stolen,
            part=row.part,
            posted_at=row.posted_at,
            status=row.status,
            bank=None if row.bank is None else BankDetails.model_validate(row.bank),
        )
        for row in await connection.execute(EXITS, which)
    ]


async def stray_recalls(connection: AsyncConnection, traced: TracedMoney) -> list[int]:
    """Transfers of which open recalls ask for more than was stolen."""
    which = {
        "trace_id": traced.trace_id,
        "incident_id": traced.incident_id,
        "currency": traced.currency,
    }
    return list((await connection.execute(STRAY_RECALLS, which)).scalars())


async def traced_money(connection: AsyncConnection, incident_id: str) -> list[TracedMoney]:
    """The trace that stands for each currency; all zero where no theft counts any more."""
    rows = await connection.execute(LAST_TRACES, {"incident_id": incident_id})
    return [
        TracedMoney(
            trace_id=row.trace_id,
            incident_id=row.incident_id,
            victim=row.victim or row.account_id,
            currency=row.currency,
            upto_seq=row.found_upto if row.trace_id is None else row.upto_seq,
            flow=NOTHING
            if row.trace_id is None
            else Flow(
                stolen=row.stolen,
                held=row.held,
                exited=row.exited,
                pooled=row.pooled,
                returned=row.returned,
                pruned=row.pruned,
            ),
            theft_seq=row.theft_seq or row.found_upto,
            awarded=row.awarded,
        )
        for row in rows
    ]


async def came_back(connection: AsyncConnection, traced: TracedMoney) -> list[CameBack]:
    """Units that reversals brought back out of exits: as the trace followed them, then what came since."""
    seen = await connection.execute(CAME_BACK_SEEN, {"trace_id": traced.trace_id})
    found = [
        CameBack(
            account_id=row.account_id, currency=row.currency, lo=row.lo, hi=row.lo + row.amount, seq=row.seq
        )
        for row in seen
    ]
    which = {"trace_id": traced.trace_id, "currency": traced.currency, "upto_seq": traced.upto_seq}
    left: dict[str, int] = {}
    for row in await connection.execute(CAME_BACK_SINCE, which):
        rest = left.get(row.transfer_id, row.stolen)
        part = min(rest, row.amount)
        left[row.transfer_id] = rest - part
        if part:
            found.append(
                CameBack(
                    account_id=row.account_id,
                    currency=row.currency,
                    lo=row.in_pos,
                    hi=row.in_pos + part,
                    seq=row.seq,
                )
            )
    return found


async def paid_on(connection: AsyncConnection, incident_id: str) -> list[PaidOn]:
    """Every payment from holds of this incident."""
    owner = select(Incident.account_id).where(Incident.id == incident_id).scalar_subquery()
    rows = await connection.execute(
        select(Restitution, (Restitution.to_account_id == owner).label("to_owner"))
        .where(Restitution.incident_id == incident_id)
        .order_by(Restitution.transfer_seq)
    )
    return [
        PaidOn(
            currency=row.currency,
            amount=row.amount,
            transfer_seq=row.transfer_seq,
            to_owner=row.to_owner,
            source=row.source,
        )
        for row in rows
    ]


async def restituted(connection: AsyncConnection, incident_id: str, request_id: str) -> list[Restituted]:
    """What this decision has paid back, summed up for each owner and currency."""
    whom = (Restitution.for_incident_id, Restitution.to_account_id, Restitution.currency)
    rows = await connection.execute(
        select(*whom, func.sum(Restitution.amount).label("amount"))
        .where(Restitution.incident_id == incident_id, Restitution.request_id == request_id)
        .group_by(*whom)
        .order_by(*whom)
    )
    return [Restituted.model_validate(dict(row)) for row in rows.mappings()]
