"""POST /v1/alarms: the hot path."""

from __future__ import annotations

from typing import Any

import structlog
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from gateway.api.decisions import Reason
from gateway.api.description import body_of, errors
from gateway.api.incidents import known_form
from gateway.auth.permissions import Operation
from gateway.parts import Parts, parts_of
from gateway.reading import read
from models.contracts.alarms import Alarm, FreezeTimes
from models.contracts.base import Message
from models.errors import ErrorCode, StanchError
from models.names import Outcome
from use_cases.raise_alarm import FreezeState, RaisedAlarm, not_accepted

router = APIRouter(tags=["alarms"])
log = structlog.get_logger(__name__)

MOMENTS = ("occurred_at", "compromised_since")
LEFT_OUT = {"repeated", "step_id"}


class AlarmAnswer(Message):
    """What became of an alarm. `time_to_freeze_ms` is null until the freeze is committed."""

    incident_id: str
    episode: int
    alarm_id: str
    freeze: FreezeState
    late: bool
    outcome: Outcome | None
    """Of an `ended` alarm: how its incident ended."""
    time_to_freeze_ms: FreezeTimes | None


RESPONSES: dict[int | str, dict[str, Any]] = {
    201: {"model": AlarmAnswer, "description": "Frozen, and recorded."},
    200: {
        "model": AlarmAnswer,
        "description": "Repeated with the same content: the same answer, or `ended` where it never froze and its episode is over.",
    },
    202: {
        "model": AlarmAnswer,
        "description": "Accepted, not frozen yet: the engine insists (`pending`), or an agent decides (`held_back`).",
    },
    **errors(
        ErrorCode.UNAUTHENTICATED,
        ErrorCode.FORBIDDEN,
        ErrorCode.ACCOUNT_UNKNOWN,
        ErrorCode.ALARM_CONFLICT,
        ErrorCode.WALLET_REFUSED,
        ErrorCode.TOO_LARGE,
        ErrorCode.INVALID,
        ErrorCode.NOT_ACCEPTED,
    ),
}


@router.post(
    "/v1/alarms",
    operation_id="raiseAlarm",
    status_code=201,
    summary="Raise an alarm: the account is frozen before this answers, or the answer says that it is not.",
    responses=RESPONSES,
    response_model=None,
    openapi_extra=body_of(Alarm),
)
async def raise_alarm(request: Request) -> Response:
    """Repeating an alarm with the same `source` and `id` is always safe and never freezes twice."""
    parts = parts_of(request)
    receipt = parts.raise_alarm.receive()
    try:
        with parts.afterwards.alarm():
            sender = await parts.door.enter(request, Operation.RAISE_ALARM)
            alarm = await read(request, Alarm, moments=MOMENTS)
            raised = await parts.raise_alarm.run(alarm, sender=sender, receipt=receipt)
    except StanchError as error:
        if error.code is ErrorCode.DATABASE_UNREACHABLE:
            error = not_accepted()
        parts.metrics.alarms.labels(error.code.value).inc()
        raise error from None
    return answered(parts, raised)


class ReopenRequest(Message):
    """Why the incident is reopened; stored encrypted."""

    reason: Reason


@router.post(
    "/v1/incidents/{incident_id}/reopen",
    operation_id="reopenIncident",
    status_code=201,
    summary="Reopen a closed incident as a new one that goes on with it; the account is frozen before this answers.",
    responses={
        **RESPONSES,
        **errors(
            ErrorCode.UNAUTHENTICATED,
            ErrorCode.FORBIDDEN,
            ErrorCode.NOT_FOUND,
            ErrorCode.REFUSED_BY_RULE,
            ErrorCode.ALARM_CONFLICT,
            ErrorCode.WALLET_REFUSED,
            ErrorCode.TOO_LARGE,
            ErrorCode.INVALID,
            ErrorCode.NOT_ACCEPTED,
        ),
    },
    response_model=None,
    openapi_extra=body_of(ReopenRequest),
)
async def reopen(request: Request, incident_id: str) -> Response:
    """The compromise time and every theft are carried over; traces and holds stay where they are."""
    parts = parts_of(request)
    receipt = parts.raise_alarm.receive()
    by = await parts.door.enter(request, Operation.CHOOSE)
    body = await read(request, ReopenRequest)
    with parts.afterwards.alarm():
        raised = await parts.reopen.run(known_form(incident_id), body.reason, by=by, receipt=receipt)
    return answered(parts, raised)


def answered(parts: Parts, raised: RaisedAlarm) -> Response:
    """The answer; what follows from it happens after it."""
    _follow_up(parts, raised)
    return Response(
        raised.model_dump_json(exclude=LEFT_OUT), status_code=status_of(raised), media_type="application/json"
    )


def status_of(raised: RaisedAlarm) -> int:
    """202 whenever it is not frozen yet, whoever asks and however often; what has ended will not be."""
    if raised.freeze in {FreezeState.PENDING, FreezeState.HELD_BACK}:
        return 202
    return 200 if raised.repeated else 201


def _follow_up(parts: Parts, raised: RaisedAlarm) -> None:
    parts.metrics.alarms.labels(raised.freeze.value).inc()
    log.info(
        "alarm",
        incident_id=raised.incident_id,
        alarm_id=raised.alarm_id,
        freeze=raised.freeze.value,
        repeated=raised.repeated,
        late=raised.late,
    )
    if raised.step_id is not None and raised.time_to_freeze_ms is not None:
        parts.metrics.wallet_ack.observe(raised.time_to_freeze_ms.wallet_ack / 1000)
        parts.metrics.committed.observe(raised.time_to_freeze_ms.committed / 1000)
        parts.afterwards.later(f"times/{raised.step_id}", lambda: parts.raise_alarm.store_times(raised))
    parts.afterwards.later(raised.incident_id, lambda: parts.wake.now(raised.incident_id))
