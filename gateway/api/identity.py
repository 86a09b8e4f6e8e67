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
    """The reference and the code of a message."""

    challenge_id: Annotated[str, StringConstraints(pattern="^[0-9A-Z]{26}$")]
    code: Annotated[str, StringConstraints(pattern="^[0-9]{6,10}$")]


class CodeAccepted(Message):
    """`remaining`: how many further contacts must answer."""

    accepted: Literal[True]
    remaining: int


@router.post(
    "/v1/identity/answers",
    operation_id="answerChallenge",
    summary="Answer a one-time code.",
    responses=responses(
        200,
        CodeAccepted,
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
    body = await read(request, CodeAnswer)
    answered = await parts.answer_challenge.run(body.challenge_id, body.code)
    parts.afterwards.later(answered.incident_id, lambda: parts.wake.now(answered.incident_id))
    return answer(CodeAccepted(accepted=True, remaining=answered.remaining))
