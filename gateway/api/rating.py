"""What the owner says of our help."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field, StringConstraints
from starlette.requests import Request
from starlette.responses import Response

from gateway.api.description import body_of, responses
from gateway.api.incidents import answer
from gateway.parts import parts_of
from gateway.reading import read
from models.contracts.base import Message
from models.errors import ErrorCode

router = APIRouter(tags=["rating"])


class RatingGiven(Message):
    """The code of the closing notice, and from 1 (badly) to 5 (well); the comment is stored encrypted."""

    code: Annotated[str, StringConstraints(min_length=16, max_length=24, pattern="^[A-Za-z2-7 -]+$")]
    rating: Annotated[int, Field(strict=True, ge=1, le=5)]
    comment: Annotated[
        str | None, StringConstraints(max_length=1000, pattern=r"^[^\x00]*$", strip_whitespace=True)
    ] = None


class RatingTaken(Message):
    """Thank you."""

    rating: int


@router.post(
    "/v1/rating",
    operation_id="rate",
    status_code=201,
    summary="Say how well we helped, once, with the code of the closing notice. Nobody is asked who they are.",
    responses=responses(
        201,
        RatingTaken,
        ErrorCode.NOT_FOUND,
        ErrorCode.ERASED,
        ErrorCode.TOO_LARGE,
        ErrorCode.INVALID,
        ErrorCode.DATABASE_UNREACHABLE,
    ),
    response_model=None,
    openapi_extra=body_of(RatingGiven),
)
async def rate(request: Request) -> Response:
    """Only a POST uses the code up: a mail scanner that follows or opens anything does not."""
    parts = parts_of(request)
    body = await read(request, RatingGiven)
    await parts.rate.run(body.code, body.rating, body.comment)
    return answer(RatingTaken(rating=body.rating), 201)
