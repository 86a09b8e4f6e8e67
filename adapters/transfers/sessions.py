"""How the transfer index uses its database: transactions on the asyncpg connection under SQLAlchemy's pool.

Pages are thousands of rows, so they go in by COPY and arrays; the engine, its pool and its settings stay SQLAlchemy's.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import asyncpg
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from adapters.sql.engine import SHUTTING, is_gone, seen, unreachable

_ALONE = text("SELECT pg_advisory_xact_lock(712025001)")
"""Whoever writes positions holds this: every row's position depends on the one before it."""

_BEGIN = text("SELECT 1")
"""SQLAlchemy begins the transaction with the first statement that goes through it."""


@asynccontextmanager
async def alone(engine: AsyncEngine) -> AsyncIterator[asyncpg.Connection]:
    """A transaction in which nobody else writes the index. No remote call belongs inside.

    Errors: DATABASE_UNREACHABLE when the database went away; then nothing of it happened.
    """
    with _told():
        async with engine.begin() as connection:
            await connection.execute(_ALONE)
            yield await _driver(connection)


@asynccontextmanager
async def snapshot(engine: AsyncEngine) -> AsyncIterator[asyncpg.Connection]:
    """A transaction that sees one state of the index throughout, whatever is fed meanwhile. Errors: as `alone`."""
    with _told():
        if (reading := seen(engine)) is not None:
            yield await _driver(reading)
            return
        async with engine.connect() as pooled:
            connection = await pooled.execution_options(isolation_level="REPEATABLE READ")
            async with connection.begin():
                await connection.execute(_BEGIN)
                yield await _driver(connection)


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        gone = is_gone(error) or getattr(error, "sqlstate", None) in SHUTTING
        if gone or isinstance(error, asyncpg.InterfaceError):
            raise unreachable() from error
        raise


async def _driver(connection: AsyncConnection) -> asyncpg.Connection:
    driver = (await connection.get_raw_connection()).driver_connection
    if not isinstance(driver, asyncpg.Connection):
        raise TypeError("the transfer index needs postgresql+asyncpg")
    return driver
