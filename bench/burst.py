"""A burst: many accounts stolen at once. When was the last one frozen, when was the last incident at work, is any lost?"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from time import perf_counter
from typing import Any

import httpx2
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from bench import bare_workflow
from bench.figures import summary
from bench.running import Measured
from bench.time_to_freeze import raise_alarm
from models.ids import incident_workflow_id
from models.names import PLACER, Role

ALARMS = 300
LOOK_SECONDS = 0.1
PATIENCE_SECONDS = 600.0
SETTLED_SECONDS = 6.0


async def burst(measured: Measured, accounts: Sequence[str]) -> dict[str, Any]:
    """All alarms at once. Times are seconds from the first one sent."""
    began = perf_counter()
    async with measured.client() as client:
        answers = await asyncio.gather(*(raise_alarm(client, account) for account in accounts))
    answered = perf_counter() - began
    statuses = [answer.status_code for _, answer in answers]
    pending = [answer.json()["incident_id"] for _, answer in answers if answer.status_code == 202]
    incidents = [answer.json()["incident_id"] for _, answer in answers if answer.status_code in (201, 202)]
    await _until_frozen(measured, pending)
    frozen = perf_counter() - began
    await until_handed_over(measured)
    handed_over = perf_counter() - began
    lost = (
        len(accounts)
        - len(incidents)
        + await _not_open(incidents)
        + await _not_restricted(measured, accounts)
    )
    return {
        "alarms": len(accounts),
        "answers": {str(status): statuses.count(status) for status in sorted(set(statuses))},
        "answer": summary([took for took, _ in answers]),
        "last_answered_s": round(answered, 2),
        "last_frozen_s": round(frozen, 2),
        "last_open_in_temporal_s": round(handed_over, 2),
        "lost": lost,
    }


async def until_handed_over(measured: Measured) -> None:
    """Until Temporal has taken every hand-over."""
    async with _counting(measured, "SELECT count(*) FROM hand_over WHERE done_at IS NULL") as outstanding:
        while await outstanding():  # noqa: ASYNC110 - another process does it
            await asyncio.sleep(LOOK_SECONDS)


async def until_settled(measured: Measured) -> None:
    """Until no step was recorded for a while: what the alarms began has come to where it waits for people."""
    async with _counting(measured, "SELECT count(*) FROM step") as recorded:
        before, since = await recorded(), perf_counter()
        while perf_counter() - since < SETTLED_SECONDS:
            await asyncio.sleep(LOOK_SECONDS)
            now = await recorded()
            if now != before:
                before, since = now, perf_counter()


@asynccontextmanager
async def _counting(measured: Measured, query: str) -> AsyncIterator[Callable[[], Awaitable[int]]]:
    """One connection that counts, for no longer than patience lasts."""
    engine = create_async_engine(measured.owner_url)
    try:
        async with engine.connect() as opened, asyncio.timeout(PATIENCE_SECONDS):
            connection = await opened.execution_options(isolation_level="AUTOCOMMIT")

            async def count() -> int:
                return int((await connection.execute(text(query))).scalar_one())

            yield count
    finally:
        await engine.dispose()


async def _until_frozen(measured: Measured, incidents: Sequence[str]) -> None:
    """Those whose freeze was still pending when the gateway answered."""
    async with measured.client(Role.AUDITOR) as client, asyncio.timeout(PATIENCE_SECONDS):
        for incident_id in incidents:
            while not await _frozen(client, incident_id):  # noqa: ASYNC110 - another process does it
                await asyncio.sleep(LOOK_SECONDS)


async def _frozen(client: httpx2.AsyncClient, incident_id: str) -> bool:
    incident = (await client.get(f"/v1/incidents/{incident_id}")).json()
    return incident["frozen_at"] is not None


async def _not_open(incidents: Sequence[str]) -> int:
    """Incidents that Temporal does not know."""
    client = await bare_workflow.connect()
    missing = 0
    for incident_id in incidents:
        try:
            await client.get_workflow_handle(incident_workflow_id(incident_id)).describe()
        except Exception:  # noqa: BLE001 - whatever the reason, it is not there
            missing += 1
    return missing


async def _not_restricted(measured: Measured, accounts: Sequence[str]) -> int:
    """Accounts that the wallet itself does not list as restricted by us."""
    restricted: set[str] = set()
    after: str | None = None
    async with measured.wallet() as wallet:
        while True:
            query = {"placer": PLACER, "limit": "500", **({"after": after} if after else {})}
            page = (await wallet.get("/v1/restrictions", params=query)).json()
            restricted |= {each["account_id"] for each in page["restrictions"]}
            after = page["next"]
            if after is None:
                return len(set(accounts) - restricted)
