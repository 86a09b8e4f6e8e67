"""Closing an account for its proven owner."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from gateway.api.decisions import CHANGING, Reason, decided, known_identifier
from gateway.api.description import body_of, responses
from gateway.api.incidents import READING_ONE, answer, known_form
from gateway.auth.permissions import Operation
from gateway.parts import parts_of
from gateway.reading import read
from models.contracts.closure import ProvenDestination
from models.errors import ErrorCode
from use_cases.ports import DecisionView

router = APIRouter(tags=["decisions"])


class ClosureRequest(ProvenDestination):
    """Where the owner wants the money, how it was found to be theirs, and why the account is to be closed."""

    reason: Reason


@router.post(
    "/v1/incidents/{incident_id}/closure",
    operation_id="askToCloseAccount",
    status_code=201,
    summary="Ask that the account be paid out and closed: its proven owner does not want it back.",
    responses=responses(201, DecisionView, *CHANGING, ErrorCode.WALLET_UNREACHABLE),
    response_model=None,
    openapi_extra=body_of(ClosureRequest),
)
async def ask_to_close(request: Request, incident_id: str) -> Response:
    """Another person approves; from the policy's amount on two supervisors decide. Also while the stages of a return run: the
    limits of the stage end with the account.
    """
    parts = parts_of(request)
    by = await parts.door.enter(request, Operation.CHOOSE)
    body = await read(request, ClosureRequest)
    proven = ProvenDestination(destination=body.destination, how_proven=body.how_proven)
    decision = await parts.ask_to_close.ask(known_form(incident_id), proven, body.reason, by=by)
    return decided(parts, decision, 201)


@router.get(
    "/v1/incidents/{incident_id}/destinations/{destination_id}",
    operation_id="readDestination",
    summary="Where the money of a closed account would go, and how that was proven.",
    responses=responses(200, ProvenDestination, *READING_ONE),
    response_model=None,
)
async def read_destination(request: Request, incident_id: str, destination_id: str) -> Response:
    """What an approver must see before they agree; personal data."""
    parts = parts_of(request)
    await parts.door.enter(request, Operation.LOOK)
    found = await parts.ask_to_close.look(known_form(incident_id), known_identifier(destination_id))
    return answer(found)
