"""The outermost layer: measures, logs and catches. Pure ASGI, since every alarm passes through it."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING

import structlog

from gateway.metrics import Metrics
from gateway.problems import internal

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = structlog.get_logger("gateway")

QUIET = frozenset({"/health", "/ready", "/metrics"})
"""Asked every few seconds by machines; they would drown the log."""

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

        try:
            await self._app(scope, receive, watch)
        except Exception as error:  # noqa: BLE001 - the last place where anything can be caught
            trace = error.__traceback__
            while trace is not None and trace.tb_next is not None:
                trace = trace.tb_next
            where = None if trace is None else f"{trace.tb_frame.f_code.co_qualname}:{trace.tb_lineno}"
            # Not log.exception: a library's text and frames may carry the values it failed on.
            log.error("unexpected", error=type(error).__name__, where=where)  # noqa: TRY400
            if not status:
                await internal()(scope, receive, watch)
        self._account(scope, status, perf_counter() - began)

    def _account(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", None) or "unmatched"
        method = scope["method"] if scope["method"] in METHODS else "other"
        self._metrics.requests.labels(method, route, str(status)).observe(seconds)
        if route not in QUIET:
            log.info("request", method=method, route=route, status=status, ms=round(seconds * 1000, 1))
