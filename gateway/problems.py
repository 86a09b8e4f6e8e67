"""Every error as application/problem+json (RFC 9457): a stable code for programs, a sentence for people."""

from __future__ import annotations

import json
import math
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route

from models.errors import ErrorCode, StanchError, TooFast

STATUS: dict[ErrorCode, int] = {
    ErrorCode.INVALID: 422,
    ErrorCode.UNAUTHENTICATED: 401,
    ErrorCode.FORBIDDEN: 403,
    ErrorCode.NOT_FOUND: 404,
    ErrorCode.METHOD_NOT_ALLOWED: 405,
    ErrorCode.TOO_LARGE: 413,
    ErrorCode.ACCOUNT_UNKNOWN: 404,
    ErrorCode.ALARM_CONFLICT: 409,
    ErrorCode.NOT_ACCEPTED: 503,
    ErrorCode.REFUSED_BY_RULE: 409,
    ErrorCode.ALREADY_DECIDED: 409,
    ErrorCode.FOUR_EYES: 403,
    ErrorCode.CODE_WRONG: 422,
    ErrorCode.CODE_LATE: 422,
    ErrorCode.CODE_USED: 422,
    ErrorCode.TOO_MANY_ATTEMPTS: 429,
    ErrorCode.ALARM_WAITING: 409,
    ErrorCode.RESET_INCOMPLETE: 409,
    ErrorCode.PROOF_IN_DOUBT: 409,
    ErrorCode.WALLET_REFUSED: 409,
    ErrorCode.WALLET_UNREACHABLE: 503,
    ErrorCode.DATABASE_UNREACHABLE: 503,
    ErrorCode.TEMPORAL_UNREACHABLE: 503,
    ErrorCode.ILLEGAL_MOVE: 409,
    ErrorCode.ERASED: 410,
    ErrorCode.THEFT_UNKNOWN: 422,
    ErrorCode.THEFT_NOT_VICTIMS: 422,
}
"""The status of each code; a code that is not here has no business leaving and becomes 500."""

HEADERS: dict[int, dict[str, str]] = {
    401: {"www-authenticate": 'Bearer realm="stanch"'},
    503: {"retry-after": "1"},
}

CODES: dict[int, tuple[ErrorCode, str]] = {
    404: (
        ErrorCode.NOT_FOUND,
        "There is nothing at this address. Nothing was changed; see the API's description.",
    ),
    405: (ErrorCode.METHOD_NOT_ALLOWED, "This address does not take this method. Nothing was changed."),
}
"""What the router itself refuses."""


def problem(
    status: int, code: ErrorCode, detail: str, headers: dict[str, str] | None = None, **more: Any
) -> Response:
    """One problem document. `detail` never repeats what the caller sent."""
    body = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code.value,
        "detail": detail,
        **more,
    }
    return Response(
        json.dumps(body, ensure_ascii=False).encode(),
        status_code=status,
        headers=HEADERS.get(status, {}) | (headers or {}),
        media_type="application/problem+json",
    )


def problem_of(error: StanchError) -> Response:
    """The problem document of one of our errors."""
    status = STATUS.get(error.code, 500)
    if status == 500:
        return internal()
    # Waiting time is whole seconds in HTTP, and never too few of them.
    headers = {"retry-after": str(math.ceil(error.retry_after))} if isinstance(error, TooFast) else None
    return problem(status, error.code, error.message, headers)


def internal() -> Response:
    """Something that should not be possible. What it was is in the log, without anybody's data."""
    return problem(
        500,
        ErrorCode.INTERNAL,
        "Something went wrong here. What was committed stands; repeat the request with the same id.",
    )


def too_long() -> Response:
    """Nothing came of the request in time."""
    return problem(
        503,
        ErrorCode.DATABASE_UNREACHABLE,
        "The answer took too long. What was committed stands; repeat the same request.",
    )


def _methods_at(request: Request) -> set[str]:
    """Every method that some route answers at this path: a route alone knows only its own."""
    found: set[str] = set()
    for route in request.app.router.routes:
        if isinstance(route, Route) and route.path_regex.match(request.scope["path"]):
            found |= route.methods or set()
    return found


def install(app: FastAPI) -> None:
    """Answer with problems wherever FastAPI and Starlette would answer otherwise."""

    async def ours(_request: Request, error: Exception) -> Response:
        assert isinstance(error, StanchError)
        return problem_of(error)

    async def invalid(_request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        places = [".".join(map(str, each["loc"][1:])) or str(each["loc"][0]) for each in error.errors()]
        detail = (
            f"{', '.join(sorted(set(places)))}: not valid. Nothing was changed; see the API's description."
        )
        return problem(422, ErrorCode.INVALID, detail)

    async def routed(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        code, detail = CODES.get(
            error.status_code, (ErrorCode.INVALID, "The request cannot be understood. Nothing was changed.")
        )
        headers = dict(error.headers or {})
        if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            headers["Allow"] = ", ".join(sorted(_methods_at(request)))
        return problem(error.status_code, code, detail, headers)

    app.add_exception_handler(StanchError, ours)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, routed)
