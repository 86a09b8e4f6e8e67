"""What is known about payments that people are, or were, asked about (port Offers)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, bindparam, func, select, text
from sqlalchemy.dialects.postgresql import ARRAY, VARCHAR
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.sql.engine import statement, transaction
from models.contracts.offers import Objections, PaidSoFar, PaymentQuestion
from models.names import DecisionKind
from models.tables.holds import Restitution
from models.tables.people import DecisionTask

PAYING = [DecisionKind.RESTITUTE.value, DecisionKind.COMPETING_CLAIMS.value]

OBJECTIONS = text(
    """
SELECT task.action ->> 'subject' AS hold_id,
       coalesce(array_agg(task.id ORDER BY task.created_at, task.id) FILTER (WHERE task.closed_at IS NULL), '{}') AS open,
       coalesce(bool_or(task.closed_at IS NOT NULL AND EXISTS (
           SELECT FROM decision_request AS request JOIN decision_approval AS said ON said.request_id = request.id
           WHERE request.task_id = task.id AND request.choice = 'keep' AND said.verdict = 'approved')), false) AS heard
FROM decision_task AS task WHERE task.kind = 'hold_objection' AND task.incident_id = :incident_id GROUP BY 1
"""
)

OPEN = text(
    """
SELECT id, incident_id, kind, action, choices, closed_at FROM decision_task
WHERE closed_at IS NULL AND kind = ANY (:kinds) AND action ->> 'currency' = :currency AND id <> ALL (:but)
  AND (incident_id = :incident_id OR EXISTS (
      SELECT FROM unnest(CAST(:payees AS varchar[])) AS payee WHERE strpos(action::text, payee) > 0))
"""
).bindparams(
    bindparam("kinds", type_=ARRAY(VARCHAR)),
    bindparam("but", type_=ARRAY(VARCHAR)),
    bindparam("payees", type_=ARRAY(VARCHAR)),
)

TRACE = text(
    """
SELECT run.trace_id, run.digest, run.rule, run.upto_seq FROM standing_trace AS s JOIN trace_run AS run USING (trace_id)
WHERE s.incident_id = :incident_id AND s.currency = :currency AND NOT s.claimed
"""
)

RANGE = text(
    """
SELECT r.rule, r.held, compared.upto_seq FROM trace_range AS r JOIN (
    SELECT run.trace_id, run.upto_seq FROM trace_run AS run
    WHERE run.incident_id = :incident_id AND run.currency = :currency
      AND run.thefts = (SELECT thefts FROM standing_trace AS s
                        WHERE s.incident_id = :incident_id AND s.currency = :currency AND NOT s.claimed)
      AND EXISTS (SELECT FROM trace_range WHERE trace_id = run.trace_id)
    ORDER BY run.upto_seq DESC, run.trace_id LIMIT 1) AS compared USING (trace_id)
ORDER BY r.rule
"""
)
"""The comparison is not made anew with every step that the pursuit goes further, so it says how far it saw."""


class SqlOffers:
    """Reads what steps have committed."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def questions(self, incident_id: str) -> list[PaymentQuestion]:
        """See offer_ports.Offers."""
        async with statement(self._engine) as connection:
            rows = await connection.execute(
                select(DecisionTask)
                .where(DecisionTask.incident_id == incident_id, DecisionTask.kind.in_(PAYING))
                .order_by(DecisionTask.created_at, DecisionTask.id)
            )
            return [_question(row) for row in rows]

    async def objections(self, incident_id: str) -> dict[str, Objections]:
        """See offer_ports.Offers."""
        async with statement(self._engine) as connection:
            rows = await connection.execute(OBJECTIONS, {"incident_id": incident_id})
            return {row.hold_id: Objections(task_ids=tuple(row.open), heard=row.heard) for row in rows}

    async def given(self, hold_id: str) -> dict[str, int]:
        """See offer_ports.Offers."""
        async with statement(self._engine) as connection:
            rows = await connection.execute(
                select(Restitution.for_incident_id, func.sum(Restitution.amount).label("amount"))
                .where(Restitution.hold_id == hold_id)
                .group_by(Restitution.for_incident_id)
            )
            return {row.for_incident_id: int(row.amount) for row in rows}

    async def so_far(
        self, incident_id: str, currency: str, payees: Sequence[str], *, but: Sequence[str]
    ) -> PaidSoFar:
        """See offer_ports.Offers."""
        which = {
            "incident_id": incident_id,
            "currency": currency,
            "payees": list(payees),
            "kinds": PAYING,
            "but": list(but),
        }
        async with transaction(self._engine) as connection:
            total = await connection.scalar(
                select(func.sum(Restitution.amount)).where(
                    Restitution.incident_id == incident_id, Restitution.currency == currency
                )
            )
            incident = int(total or 0)
            paid = await connection.execute(
                select(Restitution.to_account_id, func.sum(Restitution.amount).label("amount"))
                .where(Restitution.to_account_id.in_(payees), Restitution.currency == currency)
                .group_by(Restitution.to_account_id)
            )
            found = {row.to_account_id: int(row.amount) for row in paid}
            for row in await connection.execute(OPEN, which):
                if row.incident_id == incident_id:
                    incident += int(row.action["amount"])
                for payee in payees:
                    found[payee] = found.get(payee, 0) + _to(payee, _question(row))
        return PaidSoFar(incident=incident, payees={payee: found.get(payee, 0) for payee in payees})

    async def evidence(self, incident_id: str, currency: str) -> dict[str, str]:
        """See offer_ports.Offers."""
        which = {"incident_id": incident_id, "currency": currency}
        found: dict[str, str] = {}
        async with transaction(self._engine) as connection:
            trace = (await connection.execute(TRACE, which)).one_or_none()
            compared = (await connection.execute(RANGE, which)).all()
        if trace is not None:
            found["trace"] = json.dumps(trace._asdict(), sort_keys=True)
        if compared:
            held = {row.rule: row.held for row in compared}
            found["range"] = json.dumps({"upto_seq": compared[0].upto_seq, "held": held}, sort_keys=True)
        return found


def _question(row: Row[Any]) -> PaymentQuestion:
    action: dict[str, str] = row.action
    return PaymentQuestion(
        task_id=row.id,
        kind=DecisionKind(row.kind),
        currency=action["currency"],
        choices={choice: action[choice] for choice in row.choices},
        claimants=tuple(json.loads(action.get("claimants", "[]"))),
        open=row.closed_at is None,
    )


def _to(payee: str, asked: PaymentQuestion) -> int:
    """The most that any choice of this question would pay to this account."""
    return max(
        sum(int(each["amount"]) for each in json.loads(payments) if each["to_account_id"] == payee)
        for payments in asked.choices.values()
    )
