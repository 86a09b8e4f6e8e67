"""Questions to people and what they choose."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import StringConstraints
from starlette.requests import Request
from starlette.responses import Response

from gateway.api.description import body_of, responses
from gateway.api.incidents import READING, answer, known_form
from gateway.auth.permissions import Operation
from gateway.parts import Parts, parts_of
from gateway.reading import read
from models.contracts.base import Message
from models.errors import ErrorCode, StanchError
from models.names import DecisionKind
from use_cases.ports import DecisionView

router = APIRouter(tags=["decisions"])

Reason = Annotated[str, StringConstraints(min_length=1, max_length=1000, strip_whitespace=True)]
Choice = Annotated[str, StringConstraints(pattern="^[a-z_]{1,32}$")]

IDENTIFIER = re.compile(r"[0-9A-Z]{26}")

CHANGING = (
    ErrorCode.UNAUTHENTICATED,
    ErrorCode.FORBIDDEN,
    ErrorCode.FOUR_EYES,
    ErrorCode.NOT_FOUND,
    ErrorCode.REFUSED_BY_RULE,
    ErrorCode.ALREADY_DECIDED,
    ErrorCode.TOO_LARGE,
    ErrorCode.INVALID,
    ErrorCode.DATABASE_UNREACHABLE,
)


class AskedDecision(Message):
    """A choice on a question of a kind: the open one of this incident, or a new one where people may put it."""

    kind: DecisionKind
    choice: Choice
    reason: Reason


class ChosenDecision(Message):
    """A choice on an open question."""

    choice: Choice
    reason: Reason


class Verdict(Message):
    """Why somebody agrees or does not."""

    reason: Reason


class DecisionList(Message):
    """Questions, oldest first."""

    decisions: tuple[DecisionView, ...]


@router.get(
    "/v1/decisions",
    operation_id="listDecisions",
    summary="Questions to people, oldest first.",
    responses=responses(200, DecisionList, *READING),
    response_model=None,
)
async def list_decisions(request: Request, state: Literal["open", "closed", "all"] = "open") -> Response:
    """Each with exactly what a yes will do, and the request that stands, if any."""
    parts = parts_of(request)
    await parts.door.enter(request, Operation.LOOK)
    listed = await parts.look_up.decisions(state=None if state == "all" else state)
    return answer(DecisionList(decisions=tuple(listed)))


@router.post(
    "/v1/incidents/{incident_id}/decisions",
    operation_id="askDecision",
    status_code=201,
    summary="Choose on a question of this kind, putting it first where people may.",
    responses=responses(201, DecisionView, *CHANGING),
    response_model=None,
    openapi_extra=body_of(AskedDecision),
)
async def ask_decision(request: Request, incident_id: str) -> Response:
    """Where four eyes are needed the choice waits for another person's approval."""
    parts = parts_of(request)
    by = await parts.door.enter(request, Operation.CHOOSE)
    body = await read(request, AskedDecision)
    decision = await parts.decide.ask(known_form(incident_id), body.kind, body.choice, body.reason, by=by)
    return decided(parts, decision, 201)


@router.post(
    "/v1/decisions/{task_id}/request",
    operation_id="requestDecision",
    status_code=201,
    summary="Choose on an open question.",
    responses=responses(201, DecisionView, *CHANGING),
    response_model=None,
    openapi_extra=body_of(ChosenDecision),
)
async def request_decision(request: Request, task_id: str) -> Response:
    """Where four eyes are needed the choice waits for another person's approval."""
    parts = parts_of(request)
    by = await parts.door.enter(request, Operation.CHOOSE)
    body = await read(request, ChosenDecision)
    decision = await parts.decide.request(known_identifier(task_id), body.choice, body.reason, by=by)
    return decided(parts, decision, 201)


@router.post(
    "/v1/decisions/{request_id}/approve",
    operation_id="approveDecision",
    summary="Say yes to another person's choice.",
    responses=responses(200, DecisionView, *CHANGING),
    response_model=None,
    openapi_extra=body_of(Verdict),
)
async def approve_decision(request: Request, request_id: str) -> Response:
    """Never one's own."""
    parts = parts_of(request)
    by = await parts.door.enter(request, Operation.APPROVE)
    body = await read(request, Verdict)
    return decided(parts, await parts.decide.approve(known_identifier(request_id), body.reason, by=by))


@router.post(
    "/v1/decisions/{request_id}/decline",
    operation_id="declineDecision",
    summary="Say no to another person's choice; the question is open again.",
    responses=responses(200, DecisionView, *CHANGING),
    response_model=None,
    openapi_extra=body_of(Verdict),
)
async def decline_decision(request: Request, request_id: str) -> Response:
    """Never one's own."""
    parts = parts_of(request)
    by = await parts.door.enter(request, Operation.APPROVE)
    body = await read(request, Verdict)
    return decided(parts, await parts.decide.decline(known_identifier(request_id), body.reason, by=by))


@router.post(
    "/v1/decisions/{request_id}/withdraw",
    operation_id="withdrawDecision",
    summary="Take one's own choice back; the question is open again.",
    responses=responses(200, DecisionView, *CHANGING),
    response_model=None,
)
async def withdraw_decision(request: Request, request_id: str) -> Response:
    """Only by whoever made it, and only while nobody has approved it."""
    parts = parts_of(request)
    by = await parts.door.enter(request, Operation.CHOOSE)
    return decided(parts, await parts.decide.withdraw(known_identifier(request_id), by=by))


def decided(parts: Parts, decision: DecisionView, status: int = 200) -> Response:
    """The question as it stands; the engine looks at it right after."""
    parts.afterwards.later(decision.incident_id, lambda: parts.wake.now(decision.incident_id))
    return answer(decision, status)


def known_identifier(identifier: str) -> str:
    """The id, if it can be one. Errors: NOT_FOUND, before anything is asked."""
    if not IDENTIFIER.fullmatch(identifier):
        raise StanchError(
            ErrorCode.NOT_FOUND, "There is no such question or request. Nothing was changed; check the id."
        )
    return identifier
