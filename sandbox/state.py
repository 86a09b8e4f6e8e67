"""What the running server holds, and how a route gets at it."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from starlette.requests import HTTPConnection

from sandbox.problems import refusal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sandbox.bank.banker import Banker
    from sandbox.clerk import Clerk
    from sandbox.database import Database
    from sandbox.detector import Detector
    from sandbox.faults import Faults
    from sandbox.settings import Settings
    from sandbox.wallet.outbox import Fates


@dataclass
class Running:
    """The parts of one running sandbox."""

    settings: Settings
    database: Database
    faults: Faults
    detector: Detector
    banker: Banker
    fates: Fates
    clerk: Clerk


def running(request: HTTPConnection) -> Running:
    """The parts behind this request."""
    return cast("Running", request.app.state.running)


def check_bearer(request: HTTPConnection, key: str) -> None:
    """Refusals: unauthenticated, unless the request carries this bearer key."""
    given = request.headers.get("authorization", "")
    if not hmac.compare_digest(given.encode("utf-8", "surrogateescape"), f"Bearer {key}".encode()):
        raise refusal("unauthenticated")


def bearer(name: str) -> Callable[[HTTPConnection], Awaitable[None]]:
    """A dependency that asks for the bearer key that the settings call `name`."""

    async def check(request: HTTPConnection) -> None:
        check_bearer(request, getattr(running(request).settings, name))

    return check
