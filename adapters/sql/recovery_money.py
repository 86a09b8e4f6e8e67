"""Money of an incident's last traces: what lies where, what came back out of exits, what was paid on."""

from __future__ import annotations

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.recovery_ports import CameBack, PaidOn, TracedMoney
from models.contracts.recalls import RecalledTransfer
from models.contracts.transfers import BankDetails, Flow
from models.tables.holds import Restitution
from models.tables.incidents import Incident

LAST_TRACES = text(
    """
SELECT DISTINCT ON (run.currency) run.*,
       (SELECT min(edge.seq) FROM trace_edge AS edge WHERE edge.trace_id = run.trace_id AND edge.hop = 0) AS theft_seq
FROM trace_run AS run WHERE run.incident_id = :incident_id
ORDER BY run.currency, run.upto_seq DESC, run.created_at DESC
"""
)

CAME_BACK = text(
    """
SELECT back.dst AS account_id, back.currency, back.seq, back.part, back.in_pos, back.amount, carried.stolen,
       carried.transfer_id
FROM (SELECT transfer_id, sum(src_hi - src_lo)::bigint AS stolen FROM trace_edge
      WHERE trace_id = :trace_id AND dst_kind NOT IN ('wallet', 'pooling') GROUP BY transfer_id) AS carried
JOIN transfer_index AS back ON back.reverses = carried.transfer_id
WHERE back.in_pos IS NOT NULL AND back.currency = :currency
ORDER BY back.seq, back.part
"""
)
"""A reversal brings back the stolen money of its transfer first (specific identification), the rest is the payer's own."""


EXITS = text(
    """
SELECT left_by.seq, left_by.transfer_id, left_by.src, left_by.dst, left_by.dst_kind, left_by.currency,
       left_by.posted_at, left_by.status, left_by.bank, carried.stolen,
       (SELECT sum(t.amount)::bigint FROM transfer_index t WHERE t.transfer_id = left_by.transfer_id) AS amount
FROM (SELECT seq, sum(src_hi - src_lo)::bigint AS stolen FROM trace_edge
      WHERE trace_id = :trace_id AND dst_kind NOT IN ('wallet', 'pooling', 'fee') GROUP BY seq) AS carried
JOIN transfer_index AS left_by ON left_by.seq = carried.seq AND left_by.part = 0
WHERE left_by.dst <> :victim AND left_by.reverses IS NULL AND NOT EXISTS (
    SELECT FROM recall r WHERE r.incident_id = :incident_id AND r.transfer_seq = left_by.seq)
ORDER BY left_by.seq LIMIT 100
"""
)
"""A fee is the operator's own: it gives it back without being asked by a bank's message."""

STRAY_RECALLS = text(
    """
SELECT r.transfer_seq FROM recall r
WHERE r.incident_id = :incident_id AND r.currency = :currency AND r.state <> 'closed' AND r.withdraw_asked_at IS NULL
  AND NOT EXISTS (SELECT FROM trace_edge e WHERE e.trace_id = :trace_id AND e.seq = r.transfer_seq)
ORDER BY r.transfer_seq
"""
)


async def unrecalled(connection: AsyncConnection, traced: TracedMoney) -> list[RecalledTransfer]:
    """Exits of this trace for which no recall of the incident stands in the database."""
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
            posted_at=row.posted_at,
            status=row.status,
            bank=None if row.bank is None else BankDetails.model_validate(row.bank),
        )
        for row in await connection.execute(EXITS, which)
    ]


async def stray_recalls(connection: AsyncConnection, traced: TracedMoney) -> list[int]:
    """Open recalls of what was not stolen after all."""
    which = {
        "trace_id": traced.trace_id,
        "incident_id": traced.incident_id,
        "currency": traced.currency,
    }
    return list((await connection.execute(STRAY_RECALLS, which)).scalars())


async def traced_money(connection: AsyncConnection, incident_id: str) -> list[TracedMoney]:
    """The last trace of each currency."""
    rows = await connection.execute(LAST_TRACES, {"incident_id": incident_id})
    return [
        TracedMoney(
            trace_id=row.trace_id,
            incident_id=row.incident_id,
            victim=row.victim,
            currency=row.currency,
            upto_seq=row.upto_seq,
            flow=Flow(
                stolen=row.stolen,
                held=row.held,
                exited=row.exited,
                pooled=row.pooled,
                returned=row.returned,
                pruned=row.pruned,
            ),
            theft_seq=row.theft_seq or row.upto_seq,
        )
        for row in rows
    ]


async def came_back(connection: AsyncConnection, traced: TracedMoney) -> list[CameBack]:
    """Units that reversals brought back, never more of a transfer than was stolen of it."""
    rows = await connection.execute(CAME_BACK, {"trace_id": traced.trace_id, "currency": traced.currency})
    left: dict[str, int] = {}
    found: list[CameBack] = []
    for row in rows:
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
