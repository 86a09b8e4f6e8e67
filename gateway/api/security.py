"""What changed on an account since the compromise time, and what was in flight."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from gateway.api.description import responses
from gateway.api.incidents import READING_ONE, answer, known_form
from gateway.auth.permissions import Operation
from gateway.parts import parts_of
from models.contracts.security import SecurityView
from models.errors import ErrorCode

router = APIRouter(tags=["incidents"])


@router.get(
    "/v1/incidents/{incident_id}/security",
    operation_id="readSecurity",
    summary="What was added, changed and removed since the compromise time, and what the reset did or would do about it.",
    responses=responses(
        200, SecurityView, *READING_ONE, ErrorCode.WALLET_UNREACHABLE, ErrorCode.ACCOUNT_UNKNOWN
    ),
    response_model=None,
)
async def read_security(request: Request, incident_id: str) -> Response:
    """Setting by setting, masked; payments in flight; what is missing and what to do about it.

    As recorded where it is recorded. Before the reset the account is read at the wallet, which must answer for it.
    """
    parts = parts_of(request)
    await parts.door.enter(request, Operation.LOOK)
    return answer(await parts.see_security.run(known_form(incident_id)))
