"""One supervisor alone, and what another says of it."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from gateway.api.decisions import CHANGING, Reason, Verdict, known_identifier
from gateway.api.description import body_of, responses
from gateway.api.incidents import READING, answer
from gateway.auth.permissions import Operation
from gateway.parts import parts_of
from gateway.reading import read
from models.contracts.base import Message
from models.contracts.break_glass import BreakGlassView

router = APIRouter(tags=["decisions"])


class Judgement(Message):
    """Whether acting alone was right, and why."""

    verdict: Literal["justified", "not_justified"]
    reason: Reason


class BreakGlassList(Message):
    """Newest first, two hundred at most."""

    uses: tuple[BreakGlassView, ...]


@router.get(
    "/v1/break-glass",
    operation_id="listBreakGlass",
    summary="Supervisors who acted alone, newest first.",
    responses=responses(200, BreakGlassList, *READING),
    response_model=None,
)
async def list_uses(request: Request, reviewed: bool | None = None) -> Response:  # noqa: FBT001 - a query parameter
    """What is not reviewed yet is overdue from its `review_due_at` on."""
    parts = parts_of(request)
    await parts.door.enter(request, Operation.LOOK)
    return answer(BreakGlassList(uses=tuple(await parts.break_the_glass.listed(reviewed=reviewed))))


@router.post(
    "/v1/decisions/{request_id}/break-glass",
    operation_id="breakGlass",
    status_code=201,
    summary="Act alone on a choice that waits for a second person, where nobody can be reached.",
    responses=responses(201, BreakGlassView, *CHANGING),
    response_model=None,
    openapi_extra=body_of(Verdict),
)
async def use(request: Request, request_id: str) -> Response:
    """Only what the policy names; another supervisor judges it afterwards."""
    parts = parts_of(request)
    by = await parts.door.enter(request, Operation.APPROVE)
    body = await read(request, Verdict)
    view = await parts.break_the_glass.use(known_identifier(request_id), body.reason, by=by)
    parts.afterwards.later(view.incident_id, lambda: parts.wake.now(view.incident_id))
    return answer(view, 201)


@router.post(
    "/v1/break-glass/{request_id}/review",
    operation_id="reviewBreakGlass",
    summary="Judge what another supervisor did alone.",
    responses=responses(200, BreakGlassView, *CHANGING),
    response_model=None,
    openapi_extra=body_of(Judgement),
)
async def review(request: Request, request_id: str) -> Response:
    """Never one's own, and once."""
    parts = parts_of(request)
    by = await parts.door.enter(request, Operation.APPROVE)
    body = await read(request, Judgement)
    return answer(
        await parts.break_the_glass.review(known_identifier(request_id), body.verdict, body.reason, by=by)
    )
