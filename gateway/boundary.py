"""The outermost layer: measures, logs and catches. Pure ASGI, since every alarm passes through it."""

from __future__ import annotations

import asyncio
from time import perf_counter
from typing import TYPE_CHECKING

import structlog

from gateway.metrics import Metrics
from gateway.problems import internal, too_long

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = structlog.get_logger("gateway")

QUIET = frozenset({"/health", "/ready", "/metrics"})
"""Asked every few seconds by machines; they would drown the log."""

LONGEST = 15.0
"""Seconds of any request. Alarms are bounded far more tightly by themselves; this is for reading while a database hangs."""

METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "CONNECT"})


class Boundary:
    """Wraps the application. Neither paths as sent nor bodies nor texts of errors are ever logged."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = perf_counter()
        status = 0

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        timer = asyncio.timeout(LONGEST)
        try:
            async with timer:
                await self._app(scope, receive, watch)
        except Exception as error:  # noqa: BLE001 - the last place where anything can be caught
            expired = isinstance(error, TimeoutError) and timer.expired()
            if not expired:
                # Not log.exception: a library's text and frames may carry the values it failed on.
                log.error("unexpected", error=type(error).__name__, where=_where(error))  # noqa: TRY400
            if not status:
                await (too_long() if expired else internal())(scope, receive, watch)
        self._account(scope, status, perf_counter() - began)

    def _account(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", None) or "unmatched"
        method = scope["method"] if scope["method"] in METHODS else "other"
        self._metrics.requests.labels(method, route, str(status)).observe(seconds)
        if route not in QUIET:
            log.info("request", method=method, route=route, status=status, ms=round(seconds * 1000, 1))


def _where(error: BaseException) -> str | None:
    """Function and line where it was raised: enough to find it, and nobody's data."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return None if trace is None else f"{trace.tb_frame.f_code.co_qualname}:{trace.tb_lineno}"
