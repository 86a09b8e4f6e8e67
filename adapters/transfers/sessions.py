"""How the transfer index uses its database: transactions on the asyncpg connection under SQLAlchemy's pool.

Pages are thousands of rows, so they go in by COPY and arrays; the engine, its pool and its settings stay SQLAlchemy's.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

_ALONE = text("SELECT pg_advisory_xact_lock(712025001)")
"""Whoever writes positions holds this: every row's position depends on the one before it."""

_BEGIN = text("SELECT 1")
"""SQLAlchemy begins the transaction with the first statement that goes through it."""


@asynccontextmanager
async def alone(engine: AsyncEngine) -> AsyncIterator[asyncpg.Connection]:
    """A transaction in which nobody else writes the index. No remote call belongs inside."""
    async with engine.begin() as connection:
        await connection.execute(_ALONE)
        yield await _driver(connection)


@asynccontextmanager
async def snapshot(engine: AsyncEngine) -> AsyncIterator[asyncpg.Connection]:
    """A transaction that sees one state of the index throughout, whatever is fed meanwhile."""
    async with engine.connect() as pooled:
        connection = await pooled.execution_options(isolation_level="REPEATABLE READ")
        async with connection.begin():
            await connection.execute(_BEGIN)
            yield await _driver(connection)


async def _driver(connection: AsyncConnection) -> asyncpg.Connection:
    driver = (await connection.get_raw_connection()).driver_connection
    if not isinstance(driver, asyncpg.Connection):
        raise TypeError("the transfer index needs postgresql+asyncpg")
    return driver
