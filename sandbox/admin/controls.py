"""Faults on demand, where the detector reports to, and closing an account."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request
from pydantic import Field
from sqlalchemy import text

from sandbox.contract.bodies import Body
from sandbox.faults import Fault, Mode
from sandbox.problems import Refusal, refusal
from sandbox.state import bearer, running
from sandbox.wallet.outbox import Fate

router = APIRouter(prefix="/sandbox", dependencies=[Depends(bearer("admin_key"))])

_CLOSE = text(
    "UPDATE wallet.account SET status = 'closed' WHERE account_id = :id AND kind IN ('wallet', 'pooling')"
)


_LANGUAGE = text(
    "UPDATE wallet.account SET language = :language WHERE account_id = :id AND kind IN ('wallet', 'pooling')"
)


class SetFault(Body):
    """A bad day: see sandbox/faults.py."""

    match: Annotated[str, Field(min_length=1, max_length=500)]
    mode: Mode
    count: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    ms: Annotated[int, Field(ge=0, le=600_000)] = 0
    status: Annotated[int, Field(ge=400, le=599)] = 503
    skip: Annotated[int, Field(ge=0, le=1_000_000)] = 0


class SetFate(Body):
    """What happens to messages that were taken: `seconds` late, or lost where it is null."""

    channel: Literal["sms", "email"]
    to: Annotated[str, Field(min_length=3, max_length=254)] | None = None
    seconds: Annotated[float, Field(ge=0, le=86_400)] | None = None
    count: Annotated[int, Field(ge=1, le=1_000_000)] = 1


class SetLanguage(Body):
    """The language the owner reads; null: the wallet does not know."""

    language: Annotated[str, Field(pattern="^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$")] | None


class ReportTo(Body):
    """Where alarms go; null keeps them here. `enabled` false stops the looking."""

    gateway_url: str | None
    alarm_key: str | None
    enabled: bool = True


@router.post("/faults", status_code=201)
async def set_fault(request: Request, body: SetFault) -> dict[str, Any]:
    """Let a bad day begin. Refusals: invalid, when `match` is no regular expression."""
    try:
        pattern = re.compile(body.match)
    except re.error as error:
        raise Refusal(422, "invalid", f"body.match: {error}. No fault was set.") from error
    fault = Fault(pattern, body.mode, body.count, ms=body.ms, status=body.status, skip=body.skip)
    running(request).faults.standing.append(fault)
    return fault.described()


@router.get("/faults")
async def list_faults(request: Request) -> dict[str, Any]:
    """Every fault set, with how often it hit."""
    return {"faults": [fault.described() for fault in running(request).faults.standing]}


@router.delete("/faults")
async def clear_faults(request: Request) -> dict[str, Any]:
    """Good days again; tells what the faults did."""
    faults = running(request).faults
    running(request).fates.standing.clear()
    told = [fault.described() for fault in faults.standing]
    faults.standing.clear()
    return {"faults": told}


@router.post("/faults/messages", status_code=201)
async def set_fate(request: Request, body: SetFate) -> dict[str, Any]:
    """Let messages come late or get lost after they were taken; DELETE /sandbox/faults ends it."""
    fate = Fate(body.channel, body.to, body.seconds, body.count)
    running(request).fates.standing.append(fate)
    return {"channel": fate.channel, "to": fate.recipient, "seconds": fate.seconds, "count": fate.count}


@router.post("/accounts/{account_id}/language")
async def set_language(request: Request, account_id: str, body: SetLanguage) -> dict[str, Any]:
    """Let the wallet know, or forget, what the owner reads. Refusals: account_unknown."""
    async with running(request).database.engine.begin() as connection:
        values = {"id": account_id, "language": body.language}
        if (await connection.execute(_LANGUAGE, values)).rowcount == 0:
            raise refusal("account_unknown")
    return {"account_id": account_id, "language": body.language}


@router.post("/detector")
async def set_detector(request: Request, body: ReportTo) -> dict[str, Any]:
    """Tell the detector where to report."""
    detector = running(request).detector
    detector.enabled = body.enabled
    detector.report_to(body.gateway_url, body.alarm_key)
    return {"enabled": body.enabled, "reporting": body.gateway_url is not None and body.alarm_key is not None}


@router.post("/accounts/{account_id}/close")
async def close_account(request: Request, account_id: str) -> dict[str, Any]:
    """Close an account. Refusals: account_unknown."""
    async with running(request).database.engine.begin() as connection:
        if (await connection.execute(_CLOSE, {"id": account_id})).rowcount == 0:
            raise refusal("account_unknown")
    return {"account_id": account_id, "status": "closed"}
