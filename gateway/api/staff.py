"""Alerts to staff, as they were raised and as far as they got."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from gateway.api.description import responses
from gateway.api.incidents import READING, answer
from gateway.auth.permissions import Operation
from gateway.parts import parts_of
from models.contracts.base import Message
from models.contracts.staff import StaffAlertView
from models.names import StaffAlertState

router = APIRouter(tags=["staff"])


class StaffAlertList(Message):
    """Alerts to staff, newest first."""

    alerts: tuple[StaffAlertView, ...]


@router.get(
    "/v1/staff-alerts",
    operation_id="listStaffAlerts",
    summary="Alerts to staff, newest first.",
    responses=responses(200, StaffAlertList, *READING),
    response_model=None,
)
async def list_staff_alerts(
    request: Request,
    state: StaffAlertState | None = None,
    incident_id: Annotated[str | None, Query(max_length=26)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> Response:
    """`given_up`: a target did not take it within a day. `nobody`: no target wants alerts of its kind and severity."""
    parts = parts_of(request)
    await parts.door.enter(request, Operation.LOOK)
    found = await parts.staff_alerts.alerts(state=state, incident_id=incident_id, limit=limit)
    return answer(StaffAlertList(alerts=tuple(found)))
