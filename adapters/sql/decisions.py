"""People's choices: requests and approvals as rows that bind the exact action (ports DecisionStore and DecisionDesk)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Row, insert, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from adapters.secrets.keys import Sealer
from adapters.sql.decision_views import REASON, read_decisions
from adapters.sql.engine import statement, transaction
from adapters.sql.hand_over import ask
from models.alone import MAY_BE_ALONE
from models.contracts.alarms import Sender
from models.contracts.incidents import Decision, Decisions
from models.digests import digest
from models.errors import ErrorCode, StanchError
from models.names import RECOVERY_QUESTIONS, DecisionKind, Role
from models.tables.people import BreakGlass, DecisionApproval, DecisionRequest, DecisionTask
from models.tables.recalls import Recall
from use_cases.ports import DecisionView

ESCALATE = text(
    """
WITH overdue AS (
    INSERT INTO decision_escalation (task_id, escalated_at)
    SELECT id, :at FROM decision_task
    WHERE closed_at IS NULL AND expires_at <= :at
      AND NOT EXISTS (SELECT FROM decision_escalation WHERE task_id = decision_task.id)
      AND NOT EXISTS (SELECT FROM decision_request AS request JOIN decision_approval AS said ON said.request_id = request.id
                      WHERE request.task_id = decision_task.id AND said.verdict = 'approved')
      AND NOT EXISTS (SELECT FROM decision_request AS request JOIN break_glass AS alone ON alone.request_id = request.id
                      WHERE request.task_id = decision_task.id AND request.withdrawn_at IS NULL
                        AND decision_task.kind || '/' || request.choice = ANY (:alone))
    ON CONFLICT DO NOTHING RETURNING task_id
)
SELECT overdue.task_id, decision_task.kind FROM overdue JOIN decision_task ON decision_task.id = overdue.task_id
"""
).bindparams(alone=[f"{kind.value}/{choice}" for kind, choice in MAY_BE_ALONE])
"""What two people have agreed on, or one alone by the rules, is only to be carried out; whatever else is overdue goes up."""


class SqlDecisions:
    """Ports `DecisionStore` (what stands) and `DecisionDesk` (choosing)."""

    def __init__(self, engine: AsyncEngine, sealer: Sealer) -> None:
        self._engine = engine
        self._sealer = sealer

    async def standing(self, incident_id: str, episode: int) -> Decisions:
        """See ports.DecisionStore."""
        async with statement(self._engine) as connection:
            rows = await connection.execute(
                _chosen().where(
                    DecisionTask.incident_id == incident_id,
                    DecisionTask.episode == episode,
                    # Those are the recovery's to carry out, whatever becomes of the episode.
                    DecisionTask.kind.not_in([kind.value for kind in RECOVERY_QUESTIONS]),
                    DecisionTask.closed_at.is_(None),
                    DecisionRequest.withdrawn_at.is_(None),
                    DecisionRequest.declined_at.is_(None),
                    or_(
                        DecisionTask.four_eyes.is_(False),
                        DecisionApproval.verdict == "approved",
                        BreakGlass.used_by.is_not(None),
                    ),
                )
            )
            return Decisions(
                standing=tuple(
                    _decision(row)
                    for row in rows
                    if row.used_by is None or row.verdict == "approved" or _settled_alone(row)
                )
            )

    async def verify(self, request_id: str, *, incident_id: str, episode: int, choice: str) -> Decision:
        """See ports.DecisionStore. A choice on a closed question was carried out, or was about what no longer holds."""
        async with statement(self._engine) as connection:
            row = (await connection.execute(_chosen().where(DecisionRequest.id == request_id))).one_or_none()
        if (
            row is None
            or row.closed_at is not None
            or (row.incident_id, row.episode, row.choice) != (incident_id, episode, choice)
            or row.withdrawn_at is not None
            or row.declined_at is not None
        ):
            raise StanchError(
                ErrorCode.REFUSED_BY_RULE,
                "The decision does not stand (any more) for this action. Nothing was done; it must be made again.",
            )
        approved = row.verdict == "approved" and row.approved_by != row.requested_by
        if row.four_eyes and not approved and not _settled_alone(row):
            raise StanchError(
                ErrorCode.FOUR_EYES,
                "This needs a second person's approval and has none. Nothing was done.",
            )
        return _decision(row)

    async def made(self, request_id: str) -> Decision:
        """See ports.DecisionStore."""
        async with statement(self._engine) as connection:
            row = (await connection.execute(_chosen().where(DecisionRequest.id == request_id))).one_or_none()
        if row is None:
            raise StanchError(ErrorCode.NOT_FOUND, "There is no such choice. Nothing was changed.")
        return _decision(row)

    async def open_question(
        self, incident_id: str, episode: int, action: dict[str, str], choices: tuple[str, ...]
    ) -> str | None:
        """See ports.DecisionStore."""
        async with statement(self._engine) as connection:
            rows = await connection.execute(
                select(DecisionTask.id, DecisionTask.choices).where(
                    DecisionTask.incident_id == incident_id,
                    DecisionTask.episode == episode,
                    DecisionTask.action_digest == digest(action),
                    DecisionTask.closed_at.is_(None),
                )
            )
            return next((row.id for row in rows if tuple(row.choices) == choices), None)

    async def request(
        self,
        *,
        task_id: str,
        request_id: str,
        choice: str,
        reason: str,
        by: Sender,
        at: datetime,
        expires_at: datetime,
    ) -> DecisionView:
        """See use_cases.ports.DecisionDesk."""
        async with transaction(self._engine) as connection:
            task = await _locked_task(connection, task_id)
            if choice not in task.choices:
                raise StanchError(
                    ErrorCode.INVALID,
                    f"This is not one of the choices ({', '.join(task.choices)}). Nothing was changed.",
                )
            if Role(task.requester_role) is Role.SUPERVISOR and by.role is not Role.SUPERVISOR:
                raise StanchError(
                    ErrorCode.FORBIDDEN,
                    "Two supervisors decide about this much money. Nothing was changed; a supervisor must choose.",
                )
            if task.expires_at <= at and by.role is not Role.SUPERVISOR:
                raise StanchError(
                    ErrorCode.FORBIDDEN,
                    "Nobody decided this in its time, so it has gone to the supervisors. Nothing was changed; a supervisor must "
                    "choose.",
                )
            await _end_expired(connection, task, at)
            standing = await connection.scalar(
                select(DecisionRequest.id).where(
                    DecisionRequest.task_id == task_id,
                    DecisionRequest.withdrawn_at.is_(None),
                    DecisionRequest.declined_at.is_(None),
                )
            )
            if standing is not None:
                raise StanchError(
                    ErrorCode.ALREADY_DECIDED,
                    "Somebody has chosen already. Nothing was changed; approve, decline or withdraw that choice first.",
                )
            await connection.execute(
                insert(DecisionRequest).values(
                    id=request_id,
                    task_id=task_id,
                    action_digest=task.action_digest,
                    choice=choice,
                    reason=await self._sealed(task, reason),
                    requested_by=by.operator_id,
                    requested_role=by.role.value,
                    requested_at=at,
                    expires_at=expires_at,
                )
            )
            if task.kind == DecisionKind.RECOVERY_STUCK.value and "recall_id" in task.action:
                # A recall outlives the recovery of its incident: whoever cares for recalls wakes it.
                recall = update(Recall).where(Recall.id == task.action["recall_id"])
                await connection.execute(recall.values(next_wake_at=at, wakes=0))
            return await self._told(connection, task, at)

    async def approve(self, *, request_id: str, reason: str, by: Sender, at: datetime) -> DecisionView:
        """See use_cases.ports.DecisionDesk."""
        return await self._judge(request_id, "approved", reason, by, at)

    async def decline(self, *, request_id: str, reason: str, by: Sender, at: datetime) -> DecisionView:
        """See use_cases.ports.DecisionDesk."""
        return await self._judge(request_id, "declined", reason, by, at)

    async def withdraw(self, *, request_id: str, by: Sender, at: datetime) -> DecisionView:
        """See use_cases.ports.DecisionDesk."""
        async with transaction(self._engine) as connection:
            row, task = await pending(connection, request_id, at)
            if row.requested_by != by.operator_id:
                raise StanchError(
                    ErrorCode.FORBIDDEN,
                    "Only the person who chose can take the choice back. Nothing was changed; a supervisor may decline it.",
                )
            await connection.execute(
                update(DecisionRequest).where(DecisionRequest.id == request_id).values(withdrawn_at=at)
            )
            return await self._told(connection, task, at)

    async def escalate(self, at: datetime) -> list[tuple[str, str]]:
        """See use_cases.ports.DecisionDesk."""
        async with statement(self._engine) as connection:
            rows = await connection.execute(ESCALATE, {"at": at})
            return [(row.task_id, row.kind) for row in rows]

    async def _judge(
        self, request_id: str, verdict: str, reason: str, by: Sender, at: datetime
    ) -> DecisionView:
        async with transaction(self._engine) as connection:
            row, task = await pending(connection, request_id, at)
            if row.requested_by == by.operator_id:
                raise StanchError(
                    ErrorCode.FOUR_EYES,
                    "Nobody judges their own choice. Nothing was changed; another person must.",
                )
            if by.role is not Role(task.approver_role):
                raise StanchError(
                    ErrorCode.FORBIDDEN, f"Only a {task.approver_role} may judge this. Nothing was changed."
                )
            await connection.execute(
                insert(DecisionApproval).values(
                    request_id=request_id,
                    requested_by=row.requested_by,
                    action_digest=row.action_digest,
                    approved_by=by.operator_id,
                    approved_role=by.role.value,
                    verdict=verdict,
                    reason=await self._sealed(task, reason),
                    approved_at=at,
                )
            )
            if verdict == "declined":
                await connection.execute(
                    update(DecisionRequest).where(DecisionRequest.id == request_id).values(declined_at=at)
                )
            return await self._told(connection, task, at)

    async def _sealed(self, task: Row[Any], reason: str) -> bytes:
        return await self._sealer.seal(task.incident_id, REASON, reason.encode())

    async def _told(self, connection: AsyncConnection, task: Row[Any], at: datetime) -> DecisionView:
        """Ask Temporal to look, in the same commit, and tell the caller how the question stands."""
        await ask(connection, task.incident_id, at)
        query = select(DecisionTask).where(DecisionTask.id == task.id)
        return (await read_decisions(connection, query, self._sealer))[0]


def _chosen() -> Any:  # a select of a table and five columns of others: its exact type helps nobody
    return (
        select(
            DecisionRequest,
            DecisionTask.incident_id,
            DecisionTask.episode,
            DecisionTask.kind,
            DecisionTask.closed_at,
            DecisionTask.four_eyes,
            DecisionTask.action,
            DecisionApproval.approved_by,
            DecisionApproval.verdict,
            BreakGlass.used_by,
        )
        .join(DecisionTask, DecisionTask.id == DecisionRequest.task_id)
        .outerjoin(DecisionApproval, DecisionApproval.request_id == DecisionRequest.id)
        .outerjoin(BreakGlass, BreakGlass.request_id == DecisionRequest.id)
        .order_by(DecisionRequest.requested_at, DecisionRequest.id)
    )


def _settled_alone(row: Row[Any]) -> bool:
    """A supervisor has acted alone on it, and may. Earlier versions let whole questions be decided so: one that takes two people
    waits for the second, whoever has used the glass.
    """
    return row.used_by is not None and (DecisionKind(row.kind), row.choice) in MAY_BE_ALONE


def _decision(row: Row[Any]) -> Decision:
    return Decision(
        request_id=row.id,
        task_id=row.task_id,
        kind=DecisionKind(row.kind),
        choice=row.choice,
        requested_by=row.requested_by,
        approved_by=row.approved_by if row.verdict == "approved" else row.used_by,
        claim_id=row.action.get("claim_id"),
    )


async def _locked_task(connection: AsyncConnection, task_id: str) -> Row[Any]:
    task = (
        await connection.execute(select(DecisionTask).where(DecisionTask.id == task_id).with_for_update())
    ).one_or_none()
    if task is None:
        raise StanchError(ErrorCode.NOT_FOUND, "There is no such question. Nothing was changed.")
    if task.closed_at is not None:
        raise StanchError(
            ErrorCode.ALREADY_DECIDED, "This question is closed. Nothing was changed; look at the incident."
        )
    return task


async def pending(connection: AsyncConnection, request_id: str, at: datetime) -> tuple[Row[Any], Row[Any]]:
    """A choice that waits for a second person, with its question, locked. Errors: NOT_FOUND, ALREADY_DECIDED, REFUSED_BY_RULE."""
    task_id = await connection.scalar(select(DecisionRequest.task_id).where(DecisionRequest.id == request_id))
    if task_id is None:
        raise StanchError(ErrorCode.NOT_FOUND, "There is no such choice. Nothing was changed.")
    task = await _locked_task(connection, task_id)
    row = (await connection.execute(_chosen().where(DecisionRequest.id == request_id))).one()
    if row.withdrawn_at is not None or row.verdict is not None or _settled_alone(row) or not row.four_eyes:
        raise StanchError(
            ErrorCode.ALREADY_DECIDED,
            "This choice is settled already. Nothing was changed; look at the incident.",
        )
    if row.expires_at <= at:
        raise StanchError(
            ErrorCode.REFUSED_BY_RULE, "This choice has expired. Nothing was changed; it must be made again."
        )
    return row, task


async def _end_expired(connection: AsyncConnection, task: Row[Any], at: datetime) -> None:
    """A choice that nobody judged in time, and nobody made alone, stands in nobody's way."""
    judged = select(DecisionApproval.request_id)
    settled_alone = select(BreakGlass.request_id).where(
        BreakGlass.request_id == DecisionRequest.id,
        DecisionRequest.choice.in_([choice for kind, choice in MAY_BE_ALONE if kind == task.kind]),
    )
    await connection.execute(
        update(DecisionRequest)
        .where(
            DecisionRequest.task_id == task.id,
            DecisionRequest.expires_at <= at,
            DecisionRequest.withdrawn_at.is_(None),
            DecisionRequest.declined_at.is_(None),
            DecisionRequest.id.not_in(judged),
            ~settled_alone.exists(),
        )
        .values(withdrawn_at=DecisionRequest.expires_at)
    )
