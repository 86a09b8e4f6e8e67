"""Making a world, loading one, and looking at the one that is there."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from pydantic import Field
from sqlalchemy import text

from sandbox.contract.bodies import Body, Moment
from sandbox.problems import Refusal
from sandbox.state import bearer, running
from sandbox.world.ledger import read_ledger
from sandbox.world.rows import WorldRows, store, uncollected
from sandbox.world.seeded import ACCOUNTS, TRANSFERS, make_world

router = APIRouter(prefix="/sandbox", dependencies=[Depends(bearer("admin_key"))])

_WORLD = text("SELECT summary, (SELECT seq FROM wallet.posting_head) AS head_seq FROM wallet.world")
_BOOKS = text("""
    WITH holding AS (
        SELECT b.currency, sum(b.opening) AS opened, sum(b.amount) AS standing, min(b.amount) AS lowest
        FROM wallet.balance b WHERE b.kind IN ('wallet', 'pooling') GROUP BY b.currency),
    crossing AS (
        SELECT currency,
               sum(CASE WHEN dst_kind NOT IN ('wallet', 'pooling') THEN amount ELSE 0 END) AS gone,
               sum(CASE WHEN src_kind NOT IN ('wallet', 'pooling') THEN amount ELSE 0 END) AS come
        FROM wallet.transfer GROUP BY currency),
    numbers AS (SELECT count(*) AS postings, COALESCE(max(seq), 0) AS highest FROM wallet.transfer)
    SELECT h.currency, h.opened::text, h.standing::text, h.lowest::text,
           COALESCE(c.gone, 0)::text AS gone, COALESCE(c.come, 0)::text AS come, n.postings, n.highest
    FROM holding h LEFT JOIN crossing c ON c.currency = h.currency CROSS JOIN numbers n ORDER BY h.currency
""")


class Seed(Body):
    """Which world; `base` is its present."""

    seed: int
    base: Moment | None = None
    accounts: Annotated[int, Field(ge=20, le=100_000)] = ACCOUNTS
    transfers: Annotated[int, Field(ge=20, le=1_000_000)] = TRANSFERS


async def _store(request: Request, rows: WorldRows) -> dict[str, Any]:
    parts = running(request)
    await store(parts.database.hot, rows)
    parts.faults.forget_answers()
    return {**rows.summary, "head_seq": len(rows.transfer)}


@router.post("/seed")
async def seed(request: Request, body: Seed) -> dict[str, Any]:
    """Replace the world by the one of this seed; everything that was is forgotten."""
    base = body.base or datetime.now(UTC)
    with uncollected():
        rows = await asyncio.to_thread(
            make_world, body.seed, base, accounts=body.accounts, transfers=body.transfers
        )
        return await _store(request, rows)


@router.post("/ledger")
async def load_ledger(request: Request) -> dict[str, Any]:
    """Replace the world by the one these NDJSON lines tell. Refusals: ledger_invalid, the old world stays."""
    content = await request.body()
    with uncollected():
        rows = await asyncio.to_thread(lambda: read_ledger(content.splitlines(), datetime.now(UTC)))
        return await _store(request, rows)


@router.get("/world")
async def world(request: Request) -> dict[str, Any]:
    """What this world is. Refusals: world_missing."""
    async with running(request).database.engine.connect() as connection:
        found = (await connection.execute(_WORLD)).first()
    if found is None:
        raise Refusal(404, "world_missing", "There is no world yet. POST /sandbox/seed makes one.")
    return {**found.summary, "head_seq": found.head_seq}


@router.get("/books")
async def books(request: Request) -> dict[str, Any]:
    """Whether money is conserved: openings + come - gone = standing, nothing below zero, numbers gapless."""
    async with running(request).database.engine.connect() as connection:
        rows = (await connection.execute(_BOOKS)).all()
    told = [
        {
            "currency": row.currency,
            "opened": int(row.opened),
            "come": int(row.come),
            "gone": int(row.gone),
            "standing": int(row.standing),
            "lowest": int(row.lowest),
        }
        for row in rows
    ]
    balanced = all(
        book["opened"] + book["come"] - book["gone"] == book["standing"] and book["lowest"] >= 0
        for book in told
    )
    gapless = all(row.postings == row.highest for row in rows)
    return {"balanced": balanced, "gapless": gapless, "books": told}
