"""POST /v1/identity/answers: the owner answers a one-time code. No credential: the code is the secret."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import StringConstraints
from starlette.requests import Request
from starlette.responses import Response

from gateway.api.description import body_of, responses
from gateway.api.incidents import answer
from gateway.parts import parts_of
from gateway.reading import read
from models.contracts.base import Message
from models.errors import ErrorCode

router = APIRouter(tags=["identity"])


class CodeAnswer(Message):
    """The reference and the code of a message. With the token of a claim it counts for that claimant, else it opens one."""

    challenge_id: Annotated[str, StringConstraints(pattern="^[0-9A-Z]{26}$")]
    code: Annotated[str, StringConstraints(pattern="^[0-9]{6,10}$")]
    claim: Annotated[str, StringConstraints(pattern="^stanch_claim_[A-Za-z0-9_-]{43}$")] | None = None


class CodeAccepted(Message):
    """`remaining`: how much more must be shown, 0 once the owner is proven.

    `claim`: the token of the claim that this code opened, shown this once; null where the code came with one. Send it with
    every further code: what is answered without it counts as somebody else's.
    """

    accepted: Literal[True]
    remaining: int
    claim: str | None = None


@router.post(
    "/v1/identity/answers",
    operation_id="answerChallenge",
    summary="Answer a one-time code.",
    responses=responses(
        200,
        CodeAccepted,
        ErrorCode.UNAUTHENTICATED,
        ErrorCode.TOO_LARGE,
        ErrorCode.INVALID,
        ErrorCode.CODE_WRONG,
        ErrorCode.CODE_LATE,
        ErrorCode.CODE_USED,
        ErrorCode.TOO_MANY_ATTEMPTS,
        ErrorCode.DATABASE_UNREACHABLE,
    ),
    response_model=None,
    openapi_extra=body_of(CodeAnswer),
)
async def answer_challenge(request: Request) -> Response:
    """No answer tells which contact the code went to, nor which references exist."""
    parts = parts_of(request)
    await parts.pacing.address(request)
    body = await read(request, CodeAnswer)
    claim = None if body.claim is None else await parts.identity.claims.enter(body.claim)
    if claim is not None:
        await parts.pacing.claim(claim.claim_id)
    answered = await parts.answer_challenge.run(body.challenge_id, body.code, claim=claim)
    parts.afterwards.later(answered.incident_id, lambda: parts.wake.now(answered.incident_id))
    return answer(CodeAccepted(accepted=True, remaining=answered.remaining, claim=answered.token))
