"""What people of the house do about claimants: open a claim, look, call an old number, accept, name an impostor, withdraw."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import StringConstraints
from starlette.requests import Request
from starlette.responses import Response

from gateway.api.decisions import CHANGING, Reason
from gateway.api.description import body_of, responses
from gateway.api.incidents import READING, answer, known_form
from gateway.auth.permissions import Operation
from gateway.parts import parts_of
from gateway.reading import read
from models.contracts.base import Message
from models.contracts.identity import UNCLAIMED
from models.errors import ErrorCode
from models.names import DecisionKind
from use_cases.identity.claims import OpenedClaim
from use_cases.identity.look import IdentityView
from use_cases.identity.withdrawing import Withdrawal
from use_cases.ports import DecisionView

router = APIRouter(tags=["identity"])

ClaimId = Annotated[str, StringConstraints(pattern="^[0-9A-Z]{26}$")]


class CalledBack(Message):
    """What came of a call to an old number, named by the wallet's id of the contact point."""

    claim_id: ClaimId
    contact_id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:\-]{0,80}$")]
    said: Literal["confirmed", "denied"]
    reason: Reason


class CallBackTaken(Message):
    """`counts`: whether it counts for the claimant."""

    counts: bool


class AboutClaim(Message):
    """Which claimant, and why."""

    claim_id: ClaimId
    reason: Reason


class NamedImpostor(Message):
    """Which claimant, `unclaimed` for whoever answered codes without a claim, and why."""

    claim_id: ClaimId | Literal["unclaimed"]
    reason: Reason


@router.post(
    "/v1/incidents/{incident_id}/identity/claims",
    operation_id="openClaim",
    status_code=201,
    summary="Open a claim for somebody who says they are the owner.",
    responses=responses(
        201,
        OpenedClaim,
        ErrorCode.UNAUTHENTICATED,
        ErrorCode.FORBIDDEN,
        ErrorCode.NOT_FOUND,
        ErrorCode.REFUSED_BY_RULE,
        ErrorCode.DATABASE_UNREACHABLE,
    ),
    response_model=None,
)
async def open_claim(request: Request, incident_id: str) -> Response:
    """The token is shown once. It lets the claimant present factors; by itself it proves nothing."""
    parts = parts_of(request)
    by = await parts.door.enter(request, Operation.CHOOSE)
    return answer(await parts.identity.claims.open(known_form(incident_id), by=by), 201)


@router.get(
    "/v1/incidents/{incident_id}/identity",
    operation_id="showIdentity",
    summary="Every claim, what counts, what is refused and why, what is missing.",
    responses=responses(200, IdentityView, *READING, ErrorCode.NOT_FOUND, ErrorCode.WALLET_UNREACHABLE),
    response_model=None,
)
async def show_identity(request: Request, incident_id: str) -> Response:
    """By the wallet's ids and times: no number, no address."""
    parts = parts_of(request)
    await parts.door.enter(request, Operation.LOOK)
    return answer(await parts.identity.look.all(known_form(incident_id)))


@router.post(
    "/v1/incidents/{incident_id}/identity/call-backs",
    operation_id="recordCallBack",
    status_code=201,
    summary="Record what came of a call to a number of old.",
    responses=responses(201, CallBackTaken, *CHANGING, ErrorCode.ALARM_WAITING, ErrorCode.WALLET_UNREACHABLE),
    response_model=None,
    openapi_extra=body_of(CalledBack),
)
async def record_call_back(request: Request, incident_id: str) -> Response:
    """Counted once for a claim, under the agent's name, and never enough alone."""
    parts = parts_of(request)
    by = await parts.door.enter(request, Operation.CHOOSE)
    body = await read(request, CalledBack)
    claim = await parts.identity.claims.of_incident(known_form(incident_id), body.claim_id)
    result = await parts.identity.call_back.run(
        claim, body.contact_id, body.reason, confirmed=body.said == "confirmed", by=by
    )
    parts.afterwards.later(claim.incident_id, lambda: parts.wake.now(claim.incident_id))
    return answer(CallBackTaken(counts=result.refusal is None), 201)


@router.post(
    "/v1/incidents/{incident_id}/identity/reviews",
    operation_id="acceptIdentity",
    status_code=201,
    summary="Ask that a claimant's evidence be accepted; another person approves.",
    responses=responses(201, DecisionView, *CHANGING),
    response_model=None,
    openapi_extra=body_of(AboutClaim),
)
async def accept_identity(request: Request, incident_id: str) -> Response:
    """It counts beside a document, a passkey or trusted contacts only: two people cannot make an owner of nothing."""
    return await _about(request, incident_id, DecisionKind.ACCEPT_IDENTITY, AboutClaim)


@router.post(
    "/v1/incidents/{incident_id}/identity/impostors",
    operation_id="nameImpostor",
    status_code=201,
    summary="Ask that a claimant be named an impostor; another person approves.",
    responses=responses(201, DecisionView, *CHANGING),
    response_model=None,
    openapi_extra=body_of(NamedImpostor),
)
async def name_impostor(request: Request, incident_id: str) -> Response:
    """The account stays protected, the real owner is told on old contacts, the claim stays as a record."""
    return await _about(request, incident_id, DecisionKind.IMPOSTOR, NamedImpostor)


@router.post(
    "/v1/incidents/{incident_id}/identity/withdrawals",
    operation_id="withdrawClaim",
    status_code=201,
    summary="Withdraw a claim that was opened by mistake.",
    responses=responses(201, Withdrawal, *CHANGING),
    response_model=None,
    openapi_extra=body_of(AboutClaim),
)
async def withdraw_claim(request: Request, incident_id: str) -> Response:
    """At once while nothing was shown in it; otherwise another person approves. Nobody is told of an impostor."""
    parts = parts_of(request)
    by = await parts.door.enter(request, Operation.CHOOSE)
    body = await read(request, AboutClaim)
    claim = await parts.identity.claims.of_incident(known_form(incident_id), body.claim_id)
    withdrawal = await parts.identity.withdrawing.run(claim, body.reason, by=by)
    parts.afterwards.later(claim.incident_id, lambda: parts.wake.now(claim.incident_id))
    return answer(withdrawal, 201)


async def _about(
    request: Request, incident_id: str, kind: DecisionKind, form: type[AboutClaim | NamedImpostor]
) -> Response:
    parts = parts_of(request)
    by = await parts.door.enter(request, Operation.CHOOSE)
    body = await read(request, form)
    claims = parts.identity.claims
    if body.claim_id == UNCLAIMED:
        claim = await claims.unclaimed(known_form(incident_id))
    else:
        claim = await claims.of_incident(known_form(incident_id), body.claim_id)
    decision = await parts.decide.about_claim(claim, kind, body.reason, by=by)
    parts.afterwards.later(claim.incident_id, lambda: parts.wake.now(claim.incident_id))
    return answer(decision, 201)
