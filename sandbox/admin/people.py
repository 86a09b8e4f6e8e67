"""What people know, what reached them, and what was refused to them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from sqlalchemy import text

from sandbox.problems import refusal
from sandbox.state import bearer, running
from sandbox.wallet import outbox

router = APIRouter(prefix="/sandbox", dependencies=[Depends(bearer("admin_key"))])

_KNOWN = text("SELECT password, device, contacts FROM wallet.person WHERE account_id = :id")
_ATTEMPTS = text("""
    SELECT number, account_id, at, action, code, restricted, detail FROM wallet.attempt
    WHERE (CAST(:id AS text) IS NULL OR account_id = :id) ORDER BY number
""")
_ALARMS = text("""
    SELECT alarm_id, account_id, body, raised_at, tries, answered_at, answer_status, answer FROM wallet.alarm
    WHERE (CAST(:id AS text) IS NULL OR account_id = :id) ORDER BY raised_at
""")


@router.get("/people/{account_id}")
async def person(request: Request, account_id: str) -> dict[str, Any]:
    """What the account's owner has in head and hands, whatever a thief changed at the wallet since."""
    async with running(request).database.engine.connect() as connection:
        found = (await connection.execute(_KNOWN, {"id": account_id})).first()
    if found is None:
        raise refusal("account_unknown")
    return {
        "account_id": account_id,
        "password": found.password,
        "device": found.device,
        "contacts": found.contacts,
    }


@router.get("/outbox")
async def read_outbox(
    request: Request,
    to: str | None = None,
    after: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 1000,
) -> dict[str, Any]:
    """Messages delivered, oldest first; `after` is the `number` of the last one seen."""
    async with running(request).database.engine.connect() as connection:
        return {"messages": await outbox.read(connection, to, after, limit)}


@router.get("/attempts")
async def read_attempts(request: Request, account_id: str | None = None) -> dict[str, Any]:
    """What was refused on the public side. `refused_while_restricted` counts what a restriction stood against."""
    async with running(request).database.engine.connect() as connection:
        rows = (await connection.execute(_ATTEMPTS, {"id": account_id})).mappings().all()
    attempts = [{**row, "at": row["at"].isoformat()} for row in rows]
    by_action: dict[str, int] = {}
    for attempt in attempts:
        if attempt["restricted"]:
            by_action[attempt["action"]] = by_action.get(attempt["action"], 0) + 1
    return {
        "total": len(attempts),
        "refused_while_restricted": sum(by_action.values()),
        "by_action": by_action,
        "attempts": attempts,
    }


@router.get("/alarms")
async def read_alarms(request: Request, account_id: str | None = None) -> dict[str, Any]:
    """What the detector raised, and how it was answered."""
    async with running(request).database.engine.connect() as connection:
        rows = (await connection.execute(_ALARMS, {"id": account_id})).mappings().all()
    return {
        "alarms": [
            {
                **row,
                "raised_at": row["raised_at"].isoformat(),
                "answered_at": row["answered_at"].isoformat() if row["answered_at"] else None,
            }
            for row in rows
        ]
    }
