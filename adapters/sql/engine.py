"""The connection pool, and what is said when the database does not answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar

import asyncpg
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from models.errors import ErrorCode, StanchError

CONNECT_SECONDS = 2.0
"""A database that does not answer its door in this time is down, as far as a freeze is concerned."""

PLACE_SECONDS = 30.0
"""Waiting for a free connection says nothing about the database; whoever has less time brings a deadline."""

SESSION = {
    "application_name": "stanch",
    "jit": "off",
    "timezone": "UTC",
    # A process whose machine vanished must not keep an incident locked: nothing of ours waits inside a transaction.
    "idle_in_transaction_session_timeout": "60s",
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
}
"""What every connection of ours says of itself."""

GONE = (
    OSError,
    asyncio.TimeoutError,
    OperationalError,
    InterfaceError,
    PoolTimeout,
    asyncpg.PostgresConnectionError,
)

SHUTTING = frozenset(
    {"57P01", "57P02", "57P03", "53100", "53200", "53300", "25006", "08000", "08003", "08006"}
)
"""SQLSTATEs of a server that is going, starting, full or only a copy now: nothing of ours is wrong."""

SACRIFICED = frozenset({"40001", "40P01", "55P03", "57014"})
"""SQLSTATEs of a statement given up for the sake of others: nothing of it is recorded, and it may be repeated."""


def make_engine(url: str, *, pool: int) -> AsyncEngine:
    """A pool of at most `pool` connections; each is checked by use, not by a ping before every use."""
    return create_async_engine(
        url,
        pool_size=pool,
        max_overflow=0,
        pool_timeout=PLACE_SECONDS,
        pool_recycle=1800,
        hide_parameters=True,
        connect_args={
            "timeout": CONNECT_SECONDS,
            "server_settings": SESSION,
        },
    )


def is_gone(error: BaseException) -> bool:
    """Whether this error says that the database is not there, rather than that a statement is wrong."""
    if isinstance(error, DBAPIError):
        state = getattr(error.orig, "sqlstate", None)
        return (
            error.connection_invalidated
            or state in SHUTTING | SACRIFICED
            or isinstance(error, OperationalError | InterfaceError)
        )
    return isinstance(error, GONE)


def unreachable() -> StanchError:
    """What a caller hears when the database is not there."""
    return StanchError(
        ErrorCode.DATABASE_UNREACHABLE,
        "The database does not answer. What was not answered before is not recorded; repeat the same request.",
    )


_SEEN: ContextVar[AsyncConnection | None] = ContextVar("the one state that is read", default=None)


@asynccontextmanager
async def one_state(engine: AsyncEngine) -> AsyncIterator[None]:
    """Whatever is read inside, one after the other, is as of one moment. Nothing can be written. Errors: as `transaction`."""
    async with engine.connect() as pooled:
        connection = await pooled.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )
        async with transaction_on(connection):
            token = _SEEN.set(connection)
            try:
                yield
            finally:
                _SEEN.reset(token)


@asynccontextmanager
async def transaction_on(connection: AsyncConnection) -> AsyncIterator[None]:
    """A transaction of this connection, begun at once: the moment it sees is now."""
    try:
        async with connection.begin():
            await connection.execute(text("SELECT 1"))
            yield
    except Exception as error:
        if is_gone(error):
            raise unreachable() from error
        raise


def seen(engine: AsyncEngine) -> AsyncConnection | None:
    """The connection of `one_state`, inside it."""
    connection = _SEEN.get()
    return connection if connection is not None and connection.engine is engine else None


@asynccontextmanager
async def transaction(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """One transaction. Errors: DATABASE_UNREACHABLE when the database went away in it."""
    if (reading := seen(engine)) is not None:
        yield reading
        return
    try:
        async with engine.begin() as connection:
            yield connection
    except Exception as error:
        if is_gone(error):
            raise unreachable() from error
        raise


@asynccontextmanager
async def statement(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """A connection on which each statement is its own transaction: one round trip instead of three.

    Errors: DATABASE_UNREACHABLE when the database is away or went away.
    """
    if (reading := seen(engine)) is not None:
        yield reading
        return
    try:
        async with engine.connect() as pooled:
            yield await pooled.execution_options(isolation_level="AUTOCOMMIT")
    except Exception as error:
        if is_gone(error):
            raise unreachable() from error
        raise


def was_cut(error: StanchError) -> bool:
    """Whether an established connection turned out dead: the next one may well live (the database came back)."""
    return isinstance(error.__cause__, DBAPIError) and error.__cause__.connection_invalidated
