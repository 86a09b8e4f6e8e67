"""Supervisors who acted alone, and how another judged it (use_cases.break_glass.BreakGlassRecord)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from activities.ending_changes import UseBreakGlass
from adapters.secrets.keys import Sealer
from adapters.sql.decisions import pending
from adapters.sql.engine import statement, transaction
from adapters.sql.hand_over import ask
from adapters.sql.staff_alerts import raise_alert
from models.alone import MAY_BE_ALONE
from models.contracts.alarms import Sender
from models.contracts.break_glass import BreakGlassView
from models.contracts.steps import FinishedStep
from models.errors import ErrorCode, StanchError
from models.names import DecisionKind, StaffAlertKind
from models.tables.people import BreakGlass, DecisionRequest, DecisionTask

REASON = "break_glass.reason"


async def used(
    change: UseBreakGlass, connection: AsyncConnection, step: FinishedStep, sealer: Sealer
) -> None:
    """The record, in the commit of its step, under a lock on the question."""
    request, task = await pending(connection, change.request_id, change.at)
    chosen = (DecisionKind(task.kind), request.choice)
    if chosen not in change.choices & MAY_BE_ALONE or task.incident_id != step.attempt.incident_id:
        raise StanchError(
            ErrorCode.REFUSED_BY_RULE,
            "The rules let nobody do this alone. Nothing was changed; another person must approve.",
        )
    incident_id = step.attempt.incident_id
    await connection.execute(
        insert(BreakGlass).values(
            request_id=request.id,
            incident_id=incident_id,
            step_id=step.step_id,
            used_by=change.by.operator_id,
            reason=await sealer.seal(incident_id, REASON, change.reason.encode()),
            used_at=change.at,
            review_due_at=change.review_due_at,
        )
    )
    await raise_alert(
        connection,
        StaffAlertKind.BREAK_GLASS_USED,
        request.id,
        incident_id=incident_id,
        detail=task.kind,
        at=change.at,
    )
    await ask(connection, incident_id, change.at)


class SqlBreakGlass:
    """Reads and reviews."""

    def __init__(self, engine: AsyncEngine, sealer: Sealer) -> None:
        self._engine = engine
        self._sealer = sealer

    async def incident_of(self, request_id: str) -> str | None:
        """See use_cases.break_glass.BreakGlassRecord."""
        async with statement(self._engine) as connection:
            found: str | None = await connection.scalar(
                select(DecisionTask.incident_id)
                .join(DecisionRequest, DecisionRequest.task_id == DecisionTask.id)
                .where(DecisionRequest.id == request_id)
            )
        return found

    async def listed(self, *, reviewed: bool | None) -> Sequence[BreakGlassView]:
        """See use_cases.break_glass.BreakGlassRecord."""
        query = select(BreakGlass).order_by(BreakGlass.used_at.desc()).limit(200)
        if reviewed is not None:
            query = query.where(BreakGlass.verdict.is_not(None) if reviewed else BreakGlass.verdict.is_(None))
        async with statement(self._engine) as connection:
            rows = (await connection.execute(query)).all()
        return [await self._view(row) for row in rows]

    async def review(
        self, request_id: str, verdict: str, reason: str, by: Sender, at: datetime
    ) -> BreakGlassView:
        """See use_cases.break_glass.BreakGlassRecord."""
        async with transaction(self._engine) as connection:
            row = (
                await connection.execute(
                    select(BreakGlass).where(BreakGlass.request_id == request_id).with_for_update()
                )
            ).one_or_none()
            if row is None:
                raise StanchError(
                    ErrorCode.NOT_FOUND, "Nobody acted alone on this choice. Nothing was changed."
                )
            if row.verdict is not None:
                raise StanchError(ErrorCode.ALREADY_DECIDED, "This was judged already. Nothing was changed.")
            if row.used_by == by.operator_id:
                raise StanchError(
                    ErrorCode.FOUR_EYES,
                    "Nobody judges their own act. Nothing was changed; another supervisor must.",
                )
            values = {
                "reviewed_by": by.operator_id,
                "reviewed_at": at,
                "verdict": verdict,
                "review_reason": await self._sealer.seal(row.incident_id, REASON, reason.encode()),
            }
            await connection.execute(
                update(BreakGlass).where(BreakGlass.request_id == request_id).values(**values)
            )
            judged = (
                await connection.execute(select(BreakGlass).where(BreakGlass.request_id == request_id))
            ).one()
        return await self._view(judged)

    async def _view(self, row: Row[Any]) -> BreakGlassView:
        return BreakGlassView(
            request_id=row.request_id,
            incident_id=row.incident_id,
            used_by=row.used_by,
            reason=await self._opened(row.incident_id, row.reason),
            used_at=row.used_at,
            review_due_at=row.review_due_at,
            reviewed_by=row.reviewed_by,
            reviewed_at=row.reviewed_at,
            verdict=row.verdict,
            review_reason=(
                None if row.review_reason is None else await self._opened(row.incident_id, row.review_reason)
            ),
        )

    async def _opened(self, incident_id: str, sealed: bytes) -> str:
        try:
            return (await self._sealer.open(incident_id, REASON, sealed)).decode()
        except StanchError as error:
            if not error.matches(ErrorCode.ERASED):
                raise
            return "(erased)"
