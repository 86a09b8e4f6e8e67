"""Reading incidents and their steps."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from gateway.api.description import responses
from gateway.auth.permissions import Operation
from gateway.parts import parts_of
from models.contracts.base import Message, OpaqueId
from models.contracts.incidents import IncidentFacts, ListedSteps
from models.contracts.notices import UnreachedNotice
from models.contracts.steps import RecordedStep
from models.contracts.transfers import Flow
from models.errors import ErrorCode
from models.ids import is_ulid
from models.lifecycle import Status
from use_cases.look_up import unknown
from use_cases.ports import IncidentPage

router = APIRouter(tags=["incidents"])

READING = (
    ErrorCode.UNAUTHENTICATED,
    ErrorCode.FORBIDDEN,
    ErrorCode.INVALID,
    ErrorCode.DATABASE_UNREACHABLE,
)
READING_ONE = (*READING, ErrorCode.NOT_FOUND)

UlidText = Annotated[str, Query(pattern="^[0-7][0-9A-HJKMNP-TV-Z]{25}$")]


class IncidentAnswer(IncidentFacts):
    """The facts of one incident, and everything beside them: the same fields as in a list, and more."""

    alarms: tuple[dict[str, Any], ...]
    time_to_freeze_ms: dict[str, int] | None
    holds: tuple[dict[str, Any], ...]
    decisions: tuple[dict[str, Any], ...]
    money: dict[str, Flow]
    claimed: dict[str, Flow]
    security_items: dict[str, str]
    stages: tuple[dict[str, Any], ...]
    identity: dict[str, Any]
    refreezes: int
    steps: ListedSteps
    summary: dict[str, Any] | None
    unreached: tuple[UnreachedNotice, ...]
    security: dict[str, int]
    rating: dict[str, Any] | None


class StepList(Message):
    """Every recorded step of an incident, refusals included, in the order of their commits."""

    steps: tuple[RecordedStep, ...]


@router.get(
    "/v1/incidents",
    operation_id="listIncidents",
    summary="Incidents, newest first.",
    responses=responses(200, IncidentPage, *READING),
    response_model=None,
)
async def list_incidents(
    request: Request,
    status: Status | None = None,
    account_id: OpaqueId | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    after: UlidText | None = None,
) -> Response:
    """`after` is the `next` of the page before."""
    parts = parts_of(request)
    await parts.door.enter(request, Operation.LOOK)
    page = await parts.look_up.incidents(status=status, account_id=account_id, limit=limit, after=after)
    return answer(page)


@router.get(
    "/v1/incidents/{incident_id}",
    operation_id="readIncident",
    summary="Everything of one incident.",
    responses=responses(200, IncidentAnswer, *READING_ONE),
    response_model=None,
)
async def read_incident(request: Request, incident_id: str) -> Response:
    """Facts, alarms, questions to people, holds, money by place, security items, stages."""
    parts = parts_of(request)
    await parts.door.enter(request, Operation.LOOK)
    view = await parts.look_up.incident(known_form(incident_id))
    beside = {name: getattr(view, name) for name in type(view).model_fields if name != "facts"}
    return answer(IncidentAnswer(**dict(view.facts), **beside))


@router.get(
    "/v1/incidents/{incident_id}/steps",
    operation_id="listSteps",
    summary="Every recorded step of one incident.",
    responses=responses(200, StepList, *READING_ONE),
    response_model=None,
)
async def list_steps(request: Request, incident_id: str) -> Response:
    """In the order of their commits, refusals included."""
    parts = parts_of(request)
    await parts.door.enter(request, Operation.LOOK)
    return answer(StepList(steps=tuple(await parts.look_up.steps(known_form(incident_id)))))


def known_form(incident_id: str) -> str:
    """The id, if it can be one. Errors: NOT_FOUND, before anything is asked."""
    if not is_ulid(incident_id):
        raise unknown()
    return incident_id


def answer(message: Message, status: int = 200) -> Response:
    """A message as it is."""
    return Response(message.model_dump_json(), status_code=status, media_type="application/json")
