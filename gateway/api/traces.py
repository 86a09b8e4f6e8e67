"""Traces: their totals, what other rules give, the picture; and what people ask of them beyond that."""

from __future__ import annotations

import asyncio
import re
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from gateway.api.decisions import Reason
from gateway.api.description import body_of, errors, responses
from gateway.api.incidents import READING_ONE, answer, known_form
from gateway.auth.permissions import Operation
from gateway.parts import parts_of
from gateway.reading import read
from models.contracts.base import Message
from models.contracts.transfers import Flow, TraceSummary
from models.errors import ErrorCode, StanchError
from tracing.picture.drawing import flow_picture
from tracing.picture.languages import Language
from use_cases.see_traces import SeeTraces

router = APIRouter(tags=["traces"])

LARGEST = 20_000
"""Edges of a trace whose picture is drawn here: some 0.5 s in a thread. The process also takes alarms."""

AT_ONCE = asyncio.Semaphore(1)
"""Pictures drawn, or traces followed, at once, for the same reason."""

ASKING = (
    *READING_ONE,
    ErrorCode.TOO_LARGE,
    ErrorCode.WALLET_UNREACHABLE,
)

POLICY = "default-src 'none'; frame-ancestors 'none'; sandbox"
"""The picture needs nothing and may do nothing: text in it comes from a ledger."""

_TRACE_ID = re.compile(r"[0-9a-f]{32}")


class SeenTrace(TraceSummary):
    """A trace without its edges. `ranges`: totals by rule, as far as they were computed; its own rule is among them."""

    ranges: dict[str, Flow]


class AskedOfTrace(Message):
    """Why it is wanted: recorded, sealed, with who asked."""

    reason: Reason


class TraceList(Message):
    """Every trace of an incident, in the order in which they were made."""

    traces: tuple[SeenTrace, ...]


@router.get(
    "/v1/incidents/{incident_id}/traces",
    operation_id="listTraces",
    summary="Where the stolen money went, trace by trace.",
    responses=responses(200, TraceList, *READING_ONE),
    response_model=None,
)
async def list_traces(request: Request, incident_id: str) -> Response:
    """Totals by place, up to which posting, how far the feed was behind, and what each rule gives."""
    parts = parts_of(request)
    await parts.door.enter(request, Operation.LOOK)
    found = await parts.see_traces.of_incident(known_form(incident_id))
    traces = tuple(
        SeenTrace(**dict(summary), ranges={rule.value: flow for rule, flow in ranges.items()})
        for summary, ranges in found
    )
    return answer(TraceList(traces=traces))


@router.get(
    "/v1/traces/{trace_id}/flow.svg",
    operation_id="drawTrace",
    summary="The flow picture of one trace.",
    responses={
        200: {"description": "The same bytes every time.", "content": {"image/svg+xml": {}}},
        **errors(*READING_ONE, ErrorCode.REFUSED_BY_RULE),
    },
    response_model=None,
)
async def draw_trace(
    request: Request, trace_id: str, language: Annotated[Language, Query()] = Language.ENGLISH
) -> Response:
    """Columns are hops, heights are stolen amounts; small bars are folded, and no money is left out."""
    parts = parts_of(request)
    await parts.door.enter(request, Operation.LOOK)
    picture = await _picture(parts.see_traces, _known_trace(trace_id), language)
    headers = {
        "content-security-policy": POLICY,
        "x-content-type-options": "nosniff",
        "cache-control": "no-store",
    }
    return Response(picture, media_type="image/svg+xml", headers=headers)


@router.post(
    "/v1/traces/{trace_id}/extensions",
    operation_id="extendTrace",
    status_code=201,
    summary="Follow what was transferred since.",
    responses=responses(201, SeenTrace, *ASKING),
    response_model=None,
    openapi_extra=body_of(AskedOfTrace),
)
async def extend_trace(request: Request, trace_id: str) -> Response:
    """The same trace up to the wallet's newest posting; the same trace again where nothing is new. A step of who asks."""
    parts = parts_of(request)
    by = await parts.door.enter(request, Operation.CHOOSE)
    body = await read(request, AskedOfTrace)
    async with AT_ONCE:
        summary = await parts.trace_again.extend(_known_trace(trace_id), body.reason, by=by)
    return await _seen(parts.see_traces, summary)


@router.post(
    "/v1/traces/{trace_id}/comparisons",
    operation_id="compareRules",
    status_code=201,
    summary="Have what every rule gives computed, and kept with the trace.",
    responses=responses(201, SeenTrace, *ASKING),
    response_model=None,
    openapi_extra=body_of(AskedOfTrace),
)
async def compare_rules(request: Request, trace_id: str) -> Response:
    """A rule that would read too many rows is not among the ranges. A step of who asks."""
    parts = parts_of(request)
    by = await parts.door.enter(request, Operation.CHOOSE)
    body = await read(request, AskedOfTrace)
    async with AT_ONCE:
        summary = await parts.trace_again.compare(_known_trace(trace_id), body.reason, by=by)
    return await _seen(parts.see_traces, summary)


def _known_trace(trace_id: str) -> str:
    if not _TRACE_ID.fullmatch(trace_id):
        raise StanchError(ErrorCode.NOT_FOUND, "There is no trace with this id. Check the id.")
    return trace_id


async def _seen(see_traces: SeeTraces, summary: TraceSummary) -> Response:
    ranges = await see_traces.ranges(summary.trace_id)
    seen = SeenTrace(**dict(summary), ranges={rule.value: flow for rule, flow in ranges.items()})
    return answer(seen, 201)


async def _picture(see_traces: SeeTraces, trace_id: str, language: Language) -> str:
    summary = await see_traces.summary(trace_id)
    if summary.edges > LARGEST:
        raise StanchError(
            ErrorCode.REFUSED_BY_RULE,
            f"This trace has more than {LARGEST:,} edges, too many to be drawn here. Nothing was changed; draw it with "
            "`stanch trace show --svg`.",
        )
    async with AT_ONCE:
        evidence = await see_traces.evidence(trace_id)
        return await asyncio.to_thread(
            flow_picture, evidence.trace, ranges=evidence.ranges or None, language=language
        )
