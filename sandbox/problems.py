"""Refusals: an HTTP status, a stable code, a sentence for people; sent as application/problem+json."""

from __future__ import annotations

import json
import logging
from http import HTTPStatus

import asyncpg
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route

CODES_BY_STATUS = {401: "unauthenticated", 404: "not_found", 405: "method_not_allowed"}


PASSING = ("08", "40", "53", "55", "57")
"""SQLSTATE classes of a database that will do better later: connections, deadlocks, resources, locks, shutdown."""


class Refusal(Exception):
    """The request is refused and had no effect. `detail` holds no personal data."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.detail = detail


def problem(status: int, code: str, detail: str, headers: dict[str, str] | None = None) -> Response:
    """The answer for a refusal (RFC 9457)."""
    body = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
    }
    return Response(json.dumps(body), status, headers, media_type="application/problem+json")


REFUSALS: dict[str, tuple[int, str]] = {
    "unauthenticated": (401, "This needs a bearer key that the wallet knows. Nothing was done."),
    "idempotency_mismatch": (
        422,
        "This idempotency key was used for another request. Nothing was done; use a new key.",
    ),
    "account_unknown": (404, "No account of the wallet has this id. Nothing was done."),
    "account_closed": (409, "This account is closed. Nothing was done."),
    "account_held": (
        409,
        "A hold stands on this account. Nothing was done; it can be closed when no money is held on it.",
    ),
    "account_restricted": (
        409,
        "A restriction that was not named stands on this account. Nothing was done; whoever placed it decides.",
    ),
    "transfer_pending": (
        409,
        "An exit of this account has not settled. Nothing was done; stop it, or wait until it has.",
    ),
    "balance_changed": (
        409,
        "The account does not have exactly what was named. Nothing was done; read it and ask again.",
    ),
    "destination_refused": (
        409,
        "This destination cannot take the money: it is unknown, closed, or the account itself. Nothing was done.",
    ),
    "restriction_ended": (
        409,
        "This restriction has ended and its id can never be placed again. Nothing was done; use a new id.",
    ),
    "restriction_conflict": (
        409,
        "This restriction id stands on another account or with another scope. Nothing was done; use a new id.",
    ),
    "hold_unknown": (404, "No hold has this id. Nothing was done."),
    "hold_ended": (409, "This hold has ended. Nothing was done; place a new one under a new id."),
    "hold_conflict": (409, "This hold id stands with other content. Nothing was done; use a new id."),
    "amount_exceeds_hold": (
        409,
        "This is more than the hold has. Nothing was done; read the hold and ask for less.",
    ),
    "transfer_unknown": (404, "No transfer has this id. Nothing was done."),
    "transfer_settled": (
        409,
        "This transfer is not pending, so it cannot be stopped. Recall it where the money went.",
    ),
    "payment_unknown": (404, "No payment in flight has this id. Nothing was done."),
    "payment_captured": (
        409,
        "This payment has moved its money already, so it cannot be stopped. Follow the transfer it names.",
    ),
    "contact_point_unknown": (
        404,
        "This is not a contact point of the account that is set now. Nothing was sent.",
    ),
    "factor_unknown": (
        404,
        "The account has no such authenticator that a code could belong to. Nothing was used up.",
    ),
    "receipt_unknown": (404, "No effect was committed under this key. Repeating the request is safe."),
}


def refusal(code: str) -> Refusal:
    """The refusal that the contract names `code`."""
    status, detail = REFUSALS[code]
    return Refusal(status, code, detail)


async def _refused(_request: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    return problem(error.status, error.code, error.detail)


async def _invalid(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    return problem(422, "invalid", f"{place}: {first['msg']}. Nothing was done.")


async def _unroutable(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    # A body that is no JSON at all is 400 to FastAPI; to the contract it is one more invalid request.
    status = 422 if error.status_code == 400 else error.status_code
    code = CODES_BY_STATUS.get(status, "invalid")
    headers = dict(error.headers or {})
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(sorted(_methods_at(request)))
    return problem(status, code, f"{str(error.detail).rstrip('.')}. Nothing was done.", headers)


def _methods_at(request: Request) -> set[str]:
    """Every method that some route answers at this path: a route alone knows only its own."""
    found: set[str] = set()
    for route in request.app.router.routes:
        if isinstance(route, Route) and route.path_regex.match(request.scope["path"]):
            found |= route.methods or set()
    return found


async def _unavailable(request: Request, error: Exception) -> Response:
    logging.getLogger(__name__).error("%s %s: %s", request.method, request.url.path, error)
    detail = "The wallet's database did not answer, so it is not known whether anything was done. Repeat with the same key."
    return problem(503, "unavailable", detail)


async def _database_error(request: Request, error: Exception) -> Response:
    cause = error.orig if isinstance(error, DBAPIError) else error
    state = str(getattr(cause, "sqlstate", None) or "")
    if isinstance(cause, Exception) and state[:2] not in PASSING and state:
        logging.getLogger(__name__).error("%s %s", request.method, request.url.path, exc_info=error)
        return problem(500, "internal", "The wallet made a mistake. Nothing was done.")
    return await _unavailable(request, error)


def install(app: FastAPI) -> None:
    """Let every refusal and failure of `app` leave as a problem."""
    app.add_exception_handler(Refusal, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _unroutable)
    app.add_exception_handler(SQLAlchemyError, _database_error)
    app.add_exception_handler(asyncpg.PostgresError, _database_error)
    app.add_exception_handler(asyncpg.InterfaceError, _unavailable)
    # What asyncpg says of a connection that broke under its hands.
    app.add_exception_handler(asyncpg.InternalClientError, _unavailable)
    app.add_exception_handler(OSError, _unavailable)
