"""Somebody on the phone: an agent writes down what a caller says and reports it, and nobody ever calls back."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

import httpx2

from sandbox.people.telling import Stage

LOOK_SECONDS = 0.3
ANSWERED_FOR_GOOD = 500
"""Below this status the gateway has answered; from it on the same report is sent again."""


async def run_hotline(gateway_url: str, *, credential: str, account_id: str, stage: Stage) -> int:
    """Report that the account was stolen, once, until the gateway has answered; gives 0, or 3 when it was refused."""
    report = {
        "source": "hotline",
        "id": f"call-{uuid.uuid4().hex[:16]}",
        "account_id": account_id,
        "occurred_at": datetime.now(UTC).isoformat(),
        "kind": "report",
        "detail": "A caller says that this account was taken over. The line broke off.",
    }
    headers = {"Authorization": f"Bearer {credential}"}
    async with httpx2.AsyncClient(
        base_url=gateway_url, headers=headers, timeout=10, trust_env=False
    ) as gateway:
        while not stage.over.is_set():
            try:
                response = await gateway.post("/v1/alarms", json=report)
            except httpx2.TransportError:
                await stage.pause(LOOK_SECONDS)
                continue
            if response.status_code < ANSWERED_FOR_GOOD:
                stage.tell("reported", account_id=account_id, status=response.status_code)
                return 0 if response.is_success else 3
            await stage.pause(LOOK_SECONDS)
    return 0
