"""How the gateway is: alive, ready, and in numbers."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Literal

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.requests import Request
from starlette.responses import Response

from gateway.api.description import responses
from gateway.api.incidents import answer
from gateway.parts import Probe, parts_of
from gateway.problems import problem
from models.contracts.base import Message
from models.errors import ErrorCode, StanchError

router = APIRouter(tags=["state"])

PATIENCE = 1.0
"""Seconds for each part to answer."""

ESSENTIAL = "database"
"""Without it no alarm can be accepted. Without the others alarms are accepted all the same, so traffic must still come."""


class Alive(Message):
    """The process answers."""

    status: Literal["ok"]


class Ready(Message):
    """Whether alarms can be accepted, and how each part is: `ok` or `unreachable`."""

    ready: Literal[True]
    parts: dict[str, str]


@router.get(
    "/health",
    operation_id="health",
    summary="Whether the process answers.",
    responses=responses(200, Alive),
    response_model=None,
)
async def health() -> Response:
    """It asks nobody else."""
    return answer(Alive(status="ok"))


@router.get(
    "/ready",
    operation_id="ready",
    summary="Whether alarms can be accepted, and how each part is.",
    responses=responses(200, Ready, ErrorCode.DATABASE_UNREACHABLE),
    response_model=None,
)
async def ready(request: Request) -> Response:
    """200 while the database answers: alarms are accepted without wallet and without Temporal, too."""
    probes = parts_of(request).probes
    found = await asyncio.gather(*(_answers(probe) for probe in probes.values()))
    parts = {name: "ok" if each else "unreachable" for name, each in zip(probes, found, strict=True)}
    if parts.get(ESSENTIAL) == "ok":
        return answer(Ready(ready=True, parts=parts))
    detail = "The database does not answer, so no alarm can be accepted. Nothing is lost; bring it back."
    return problem(503, ErrorCode.DATABASE_UNREACHABLE, detail, ready=False, parts=parts)


@router.get("/metrics", include_in_schema=False)
async def metrics(request: Request) -> Response:
    """Prometheus text. Notices are counted in the database; while it is away the last count stands."""
    parts = parts_of(request)
    with contextlib.suppress(StanchError, TimeoutError):
        async with asyncio.timeout(PATIENCE):
            for state, count in (await parts.tell.counts()).items():
                parts.metrics.notices.labels(state.value).set(count)
    return Response(parts.metrics.text(), media_type=CONTENT_TYPE_LATEST)


async def _answers(probe: Probe) -> bool:
    try:
        async with asyncio.timeout(PATIENCE):
            return await probe()
    except Exception:  # noqa: BLE001 - whatever it was, the part does not answer
        return False
