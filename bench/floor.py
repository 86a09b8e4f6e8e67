"""The floor: the least that could freeze an account durably. Two commits and one HTTP call, nothing else.

Run as `python -m bench.floor`; FLOOR_DATABASE_URL, FLOOR_WALLET_URL, FLOOR_WALLET_KEY and FLOOR_PORT say where.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

TABLES = (
    "CREATE TABLE IF NOT EXISTS alarm (id text PRIMARY KEY, account_id text NOT NULL, body jsonb NOT NULL)",
    "CREATE TABLE IF NOT EXISTS step (id text PRIMARY KEY REFERENCES alarm, receipt jsonb NOT NULL)",
)
ALARM = text("INSERT INTO alarm (id, account_id, body) VALUES (:id, :account_id, CAST(:body AS jsonb))")
STEP = text("INSERT INTO step (id, receipt) VALUES (:id, CAST(:receipt AS jsonb))")


class FloorAlarm(BaseModel):
    """As much of an alarm as the floor needs."""

    id: str
    account_id: str


def make_app() -> FastAPI:
    """The whole application."""
    engine = create_async_engine(os.environ["FLOOR_DATABASE_URL"], pool_size=20)
    wallet = httpx2.AsyncClient(
        base_url=os.environ["FLOOR_WALLET_URL"],
        headers={"Authorization": f"Bearer {os.environ['FLOOR_WALLET_KEY']}"},
        trust_env=False,
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await _make_tables(engine)
        yield
        await wallet.aclose()
        await engine.dispose()

    app = FastAPI(lifespan=lifespan)

    @app.get("/health")
    async def health() -> dict[str, Any]:
        return {}

    @app.post("/alarms", status_code=201)
    async def alarm(alarm: FloorAlarm) -> dict[str, Any]:
        async with engine.begin() as connection:
            await connection.execute(ALARM, {**alarm.model_dump(), "body": alarm.model_dump_json()})
        frozen = await wallet.post(
            f"/v1/accounts/{alarm.account_id}/restrictions",
            json={"restriction_id": alarm.id, "scope": "full", "placer": "floor", "reason": "floor"},
            headers={"Idempotency-Key": alarm.id},
        )
        frozen.raise_for_status()
        async with engine.begin() as connection:
            await connection.execute(STEP, {"id": alarm.id, "receipt": frozen.text})
        return {"receipt": frozen.json()["receipt_id"]}

    return app


async def _make_tables(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        for table in TABLES:
            await connection.execute(text(table))


if __name__ == "__main__":
    uvicorn.run(
        make_app(),
        host="127.0.0.1",
        port=int(os.environ["FLOOR_PORT"]),
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_level="warning",
    )
