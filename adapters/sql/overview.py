"""What people and programs read of incidents (use_cases.ports.Overview): the database, never a Temporal query."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import literal, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from adapters.secrets.keys import Sealer
from adapters.sql.decision_views import read_decisions
from adapters.sql.engine import transaction
from adapters.sql.incidents import facts_of, facts_query, read_facts
from adapters.sql.notices import unreached
from adapters.sql.ratings import read_rating
from adapters.sql.standing_traces import read_money
from adapters.sql.step_store import SqlStepStore
from models.contracts.incidents import IncidentView, ListedSteps
from models.contracts.steps import RecordedStep
from models.errors import ErrorCode, StanchError
from models.lifecycle import Status
from models.names import StepKind
from models.tables.holds import HoldClaim
from models.tables.incidents import Alarm, Incident
from models.tables.people import DecisionTask, IdentityChallenge, Proof, ResetReceipt
from use_cases.ports import DecisionView, IncidentPage
from use_cases.see_security import counts


class SqlOverview:
    """Reads. Nothing here changes anything."""

    def __init__(self, engine: AsyncEngine, steps: SqlStepStore, sealer: Sealer) -> None:
        self._engine = engine
        self._steps = steps
        self._sealer = sealer

    async def incident(self, incident_id: str) -> IncidentView | None:
        """See use_cases.ports.Overview."""
        steps = await self._steps.of_incident(incident_id)
        async with transaction(self._engine) as connection:
            facts = await read_facts(connection, incident_id)
            if facts is None:
                return None
            episode = facts.episode
            summary = await connection.scalar(select(Incident.summary).where(Incident.id == incident_id))
            decisions = await read_decisions(
                connection, select(DecisionTask).where(DecisionTask.incident_id == incident_id), self._sealer
            )
            return IncidentView(
                facts=facts,
                alarms=await _alarms(connection, incident_id),
                time_to_freeze_ms=_time_to_freeze(steps),
                holds=await _holds(connection, incident_id),
                decisions=tuple(each.model_dump(mode="json") for each in decisions),
                money=await read_money(connection, incident_id),
                claimed=await read_money(connection, incident_id, claimed=True),
                security_items=await _receipts(connection, incident_id, episode),
                stages=_stages(steps, episode),
                identity=await _identity(connection, incident_id, episode),
                refreezes=episode - 1,
                steps=_counts(steps),
                summary=summary,
                unreached=tuple((await unreached(connection, [incident_id])).get(incident_id, [])),
                security=counts(steps, episode),
                rating=await read_rating(connection, incident_id, self._sealer),
            )

    async def incidents(
        self, *, status: Status | None, account_id: str | None, limit: int, after: str | None
    ) -> IncidentPage:
        """See use_cases.ports.Overview."""
        query = facts_query().order_by(Incident.opened_at.desc(), Incident.id.desc()).limit(limit + 1)
        if status is not None:
            query = query.where(Incident.status == status.value)
        if account_id is not None:
            query = query.where(Incident.account_id == account_id)
        async with transaction(self._engine) as connection:
            if after is not None:
                opened_at = await connection.scalar(select(Incident.opened_at).where(Incident.id == after))
                if opened_at is None:
                    raise StanchError(
                        ErrorCode.INVALID,
                        "after: there is no incident with this id, so there is no page below it. Begin without it.",
                    )
                query = query.where(
                    tuple_(Incident.opened_at, Incident.id) < tuple_(literal(opened_at), literal(after))
                )
            rows = (await connection.execute(query)).all()
            shown = rows[:limit]
            to_call = await unreached(connection, [row.id for row in shown])
        return IncidentPage(
            incidents=tuple(facts_of(row) for row in shown),
            next=shown[-1].id if len(rows) > limit else None,
            unreached=tuple(row.id for row in shown if row.id in to_call),
        )

    async def steps(self, incident_id: str) -> Sequence[RecordedStep]:
        """See use_cases.ports.Overview."""
        return await self._steps.of_incident(incident_id)

    async def decisions(self, *, state: str | None, incident_id: str | None = None) -> Sequence[DecisionView]:
        """See use_cases.ports.Overview."""
        query = select(DecisionTask)
        if state == "open":
            query = query.where(DecisionTask.closed_at.is_(None))
        elif state == "closed":
            query = query.where(DecisionTask.closed_at.is_not(None))
        if incident_id is not None:
            query = query.where(DecisionTask.incident_id == incident_id)
        async with transaction(self._engine) as connection:
            return await read_decisions(connection, query, self._sealer)


def _time_to_freeze(steps: Sequence[RecordedStep]) -> dict[str, int] | None:
    """The intervals of the first freeze; of a workflow's freeze the moment of recording stands for both."""
    first = next((step for step in steps if step.kind is StepKind.FREEZE and step.status == "done"), None)
    if first is None:
        return None
    recorded = round((first.completed_at - first.requested_at).total_seconds() * 1000)
    acknowledged = first.wallet_ack_ms if first.wallet_ack_ms is not None else recorded
    committed = first.committed_ms if first.committed_ms is not None else acknowledged
    return {"wallet_ack": max(0, acknowledged), "committed": max(0, committed)}


def _stages(steps: Sequence[RecordedStep], episode: int) -> tuple[dict[str, Any], ...]:
    return tuple(
        {
            "name": step.result["stage"],
            "entered_at": step.result["entered_at"],
            "ends_at": step.result["ends_at"],
        }
        for step in steps
        if step.kind in {StepKind.STAGE, StepKind.RESTART_LADDER}
        and step.status == "done"
        and step.episode == episode
    )


def _counts(steps: Sequence[RecordedStep]) -> ListedSteps:
    by_kind: dict[str, int] = {}
    for step in steps:
        by_kind[step.kind.value] = by_kind.get(step.kind.value, 0) + 1
    return ListedSteps(total=len(steps), by_kind=dict(sorted(by_kind.items())))


async def _alarms(connection: AsyncConnection, incident_id: str) -> tuple[dict[str, Any], ...]:
    rows = await connection.execute(
        select(Alarm).where(Alarm.incident_id == incident_id).order_by(Alarm.received_at, Alarm.id)
    )
    return tuple(
        {
            "alarm_id": row.id,
            "source": row.source,
            "id": row.source_id,
            "kind": row.kind,
            "episode": row.episode,
            "occurred_at": row.occurred_at.isoformat(),
            "received_at": row.received_at.isoformat(),
            "late": row.late,
            "held_back": row.held_back,
            "stolen_transfers": row.stolen_transfers,
            "taken_up": row.acknowledged_at is not None,
        }
        for row in rows
    )


async def _holds(connection: AsyncConnection, incident_id: str) -> tuple[dict[str, Any], ...]:
    rows = await connection.execute(
        select(HoldClaim)
        .where(HoldClaim.incident_id == incident_id)
        .order_by(HoldClaim.created_at, HoldClaim.id)
    )
    return tuple(
        {
            "hold_id": row.id,
            "account_id": row.account_id,
            "currency": row.currency,
            "amount": row.hi - row.lo if row.state == "placed" else 0,
            "state": row.state,
            "expires_at": row.expires_at.isoformat(),
        }
        for row in rows
    )


async def _receipts(connection: AsyncConnection, incident_id: str, episode: int) -> dict[str, str]:
    rows = await connection.execute(
        select(ResetReceipt.item, ResetReceipt.receipt_id)
        .where(ResetReceipt.incident_id == incident_id, ResetReceipt.episode == episode)
        .order_by(ResetReceipt.reset_at)
    )
    return {row.item: row.receipt_id for row in rows}


async def _identity(connection: AsyncConnection, incident_id: str, episode: int) -> dict[str, Any]:
    proof = (
        await connection.execute(
            select(Proof.factors, Proof.proven_at)
            .where(Proof.incident_id == incident_id, Proof.episode == episode, Proof.voided_at.is_(None))
            .order_by(Proof.proven_at.desc())
            .limit(1)
        )
    ).one_or_none()
    answered = await connection.execute(
        select(IdentityChallenge.channel, IdentityChallenge.attempts, IdentityChallenge.answered_at).where(
            IdentityChallenge.incident_id == incident_id, IdentityChallenge.episode == episode
        )
    )
    return {
        "verified": proof is not None,
        "factors": list(proof.factors) if proof is not None else [],
        "challenges": [
            {"channel": row.channel, "attempts": row.attempts, "answered": row.answered_at is not None}
            for row in answered
        ],
    }
