"""Questions to people and the choices made on them, as people see them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row, Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.secrets.keys import Sealer
from models.errors import ErrorCode, StanchError
from models.names import DecisionKind, Role
from models.tables.people import DecisionApproval, DecisionEscalation, DecisionRequest, DecisionTask, Operator
from use_cases.ports import DecisionRequestView, DecisionView

REASON = "decision.reason"
ERASED = "(erased)"


async def read_decisions(
    connection: AsyncConnection, tasks: Select[Any], sealer: Sealer
) -> list[DecisionView]:
    """The views of the tasks that this query of DecisionTask selects, oldest first."""
    found = tasks.add_columns(DecisionEscalation.escalated_at).outerjoin(
        DecisionEscalation, DecisionEscalation.task_id == DecisionTask.id
    )
    rows = (await connection.execute(found.order_by(DecisionTask.created_at, DecisionTask.id))).all()
    requests = await _requests(connection, {row.id: row.incident_id for row in rows}, sealer)
    return [_view(row, requests.get(row.id, [])) for row in rows]


async def _requests(
    connection: AsyncConnection, tasks: Mapping[str, str], sealer: Sealer
) -> dict[str, list[DecisionRequestView]]:
    if not tasks:
        return {}
    rows = await connection.execute(
        select(DecisionRequest, Operator.name, DecisionApproval.verdict)
        .join(Operator, Operator.id == DecisionRequest.requested_by)
        .outerjoin(DecisionApproval, DecisionApproval.request_id == DecisionRequest.id)
        .where(DecisionRequest.task_id.in_(tasks))
        .order_by(DecisionRequest.requested_at, DecisionRequest.id)
    )
    now = datetime.now(UTC)
    found: dict[str, list[DecisionRequestView]] = {}
    for row in rows:
        view = DecisionRequestView(
            request_id=row.id,
            choice=row.choice,
            reason=await _opened(sealer, tasks[row.task_id], row.reason),
            requested_by=row.name,
            requested_at=row.requested_at,
            expires_at=row.expires_at,
            state=state_of(row, now),
        )
        found.setdefault(row.task_id, []).append(view)
    return found


async def _opened(sealer: Sealer, incident_id: str, sealed: bytes) -> str:
    try:
        return (await sealer.open(incident_id, REASON, sealed)).decode()
    except StanchError as error:
        if not error.matches(ErrorCode.ERASED):
            raise
        return ERASED


def state_of(row: Any, now: datetime) -> str:
    """The state of a request: what was said of it, or its clock."""
    if row.withdrawn_at is not None:
        return "withdrawn"
    if row.verdict is not None:
        return str(row.verdict)
    return "expired" if row.expires_at <= now else "open"


def _view(row: Row[Any], requests: list[DecisionRequestView]) -> DecisionView:
    return DecisionView(
        task_id=row.id,
        incident_id=row.incident_id,
        episode=row.episode,
        kind=DecisionKind(row.kind),
        action=row.action,
        choices=tuple(row.choices),
        four_eyes=row.four_eyes,
        approver_role=Role(row.approver_role),
        requester_role=Role(row.requester_role),
        created_at=row.created_at,
        expires_at=row.expires_at,
        closed_at=row.closed_at,
        requests=tuple(requests),
        escalated_at=row.escalated_at,
    )
