"""Putting the gateway together: one FastAPI application."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

from fastapi import FastAPI

from gateway import problems
from gateway.api import (
    alarms,
    break_glass,
    claimants,
    claims,
    closure,
    credential_desk,
    credentials,
    decisions,
    identity,
    incidents,
    notices,
    rating,
    recalls,
    recovery,
    security,
    staff,
    state,
    traces,
)
from gateway.api.description import with_problems
from gateway.boundary import Boundary
from gateway.parts import Parts

LAST_WORDS = 1.0
"""Seconds for hand-overs under way when the gateway stops; the relay does the rest."""


def create_app(parts: Parts) -> FastAPI:
    """The application around these parts. Its lifespan opens and closes them."""

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await parts.open()
        try:
            yield
        finally:
            await parts.afterwards.close(LAST_WORDS)
            await parts.close()

    app = _routed(lifespan)
    app.state.parts = parts
    problems.install(app)
    app.add_middleware(Boundary, metrics=parts.metrics)
    return app


def description() -> dict[str, Any]:
    """The API in OpenAPI 3.1, as `/openapi.json` and docs/gateway-api.yaml have it."""
    return _routed(None).openapi()


def _routed(lifespan: Callable[[FastAPI], AbstractAsyncContextManager[None]] | None) -> FastAPI:
    app = FastAPI(
        title="Stanch",
        version="1",
        summary="Account-security incidents: freeze first, prove, trace, reset, return.",
        lifespan=lifespan,
        redirect_slashes=False,
        docs_url=None,
        redoc_url=None,
    )
    for each in (
        alarms,
        incidents,
        decisions,
        identity,
        claims,
        claimants,
        credentials,
        credential_desk,
        traces,
        security,
        recalls,
        recovery,
        closure,
        break_glass,
        notices,
        staff,
        rating,
        state,
    ):
        app.include_router(each.router)
    describe = app.openapi

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = with_problems(describe())
        return app.openapi_schema

    app.openapi = described  # type: ignore[method-assign]
    return app
