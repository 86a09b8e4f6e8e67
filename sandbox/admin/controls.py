"""Faults on demand, where the detector reports to, and closing an account."""

from __future__ import annotations

import re
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from pydantic import Field
from sqlalchemy import text

from sandbox.contract.bodies import Body
from sandbox.faults import Fault, Mode
from sandbox.problems import Refusal, refusal
from sandbox.state import bearer, running

router = APIRouter(prefix="/sandbox", dependencies=[Depends(bearer("admin_key"))])

_CLOSE = text(
    "UPDATE wallet.account SET status = 'closed' WHERE account_id = :id AND kind IN ('wallet', 'pooling')"
)


class SetFault(Body):
    """A bad day: see sandbox/faults.py."""

    match: Annotated[str, Field(min_length=1, max_length=500)]
    mode: Mode
    count: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    ms: Annotated[int, Field(ge=0, le=600_000)] = 0
    status: Annotated[int, Field(ge=500, le=599)] = 503
    skip: Annotated[int, Field(ge=0, le=1_000_000)] = 0


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
    told = [fault.described() for fault in faults.standing]
    faults.standing.clear()
    return {"faults": told}


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
