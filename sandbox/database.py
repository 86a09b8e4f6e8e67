"""The wallet company's database: pools, tables, and emptying it for another world."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import asyncpg
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from sandbox.restricting import PLACE_RESTRICTION
from sandbox.tables import SCHEMA, metadata

POOL_SIZE = 12
HOT_POOL_SIZE = 4
START_LOCK = 0x57A11E7

GROWN = (
    "ALTER TABLE wallet.account ADD COLUMN IF NOT EXISTS language text",
    "ALTER TABLE wallet.message ADD COLUMN IF NOT EXISTS html text",
    "ALTER TABLE wallet.message ALTER COLUMN delivered_at DROP NOT NULL",
    "ALTER TABLE wallet.owner_link ADD COLUMN IF NOT EXISTS purpose text NOT NULL DEFAULT 'renew_credentials'",
    "ALTER TABLE wallet.owner_link ADD COLUMN IF NOT EXISTS reference text",
    "ALTER TABLE wallet.owner_link ADD COLUMN IF NOT EXISTS ended_at timestamptz",
    "ALTER TABLE wallet.owner_link ADD COLUMN IF NOT EXISTS confirmation_digest text",
    "ALTER TABLE wallet.owner_link ADD COLUMN IF NOT EXISTS contact_point_id text",
    "ALTER TABLE wallet.owner_link ADD COLUMN IF NOT EXISTS authenticator_id text",
    "ALTER TABLE wallet.owner_link ADD COLUMN IF NOT EXISTS created_at timestamptz NOT NULL DEFAULT clock_timestamp()",
    "ALTER TABLE wallet.owner_link ADD COLUMN IF NOT EXISTS failures integer NOT NULL DEFAULT 0",
)
"""What tables of an earlier version lack: a world outlives the program that made it."""


class PlainConnection(asyncpg.Connection):  # type: ignore[misc]
    """A connection without session state: giving it back needs no reset, which would be one more round trip."""

    __slots__ = ()

    def get_reset_query(self) -> str:
        """Nothing to reset: only single statements run here."""
        return ""


@dataclass(frozen=True)
class Database:
    """`engine` for everything; `hot` for the restriction call, whose speed is the product."""

    engine: AsyncEngine
    hot: asyncpg.Pool[Any]

    @classmethod
    async def open(cls, url: str) -> Database:
        """Connect and create what is missing. Any `postgresql[+driver]://` URL will do."""
        parsed = make_url(url).set(drivername="postgresql+asyncpg")
        engine = create_async_engine(
            parsed,
            # A failing statement is logged; what customers typed is not.
            hide_parameters=True,
            pool_size=POOL_SIZE,
            max_overflow=POOL_SIZE,
            connect_args={"server_settings": {"timezone": "UTC", "application_name": "sandbox"}},
        )
        async with engine.begin() as connection:
            await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": START_LOCK})
            await connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
            await connection.run_sync(metadata.create_all)
            for each in GROWN:
                await connection.execute(text(each))
            await connection.execute(text(PLACE_RESTRICTION))
            await connection.execute(
                text("INSERT INTO wallet.posting_head VALUES (true, 0, NULL) ON CONFLICT DO NOTHING")
            )
        hot = await asyncpg.create_pool(
            parsed.set(drivername="postgresql").render_as_string(hide_password=False),
            min_size=HOT_POOL_SIZE,
            max_size=HOT_POOL_SIZE,
            connection_class=PlainConnection,
            server_settings={"timezone": "UTC", "application_name": "sandbox restrictions"},
        )
        return cls(engine, hot)

    async def close(self) -> None:
        """Give every connection back."""
        await self.hot.close()
        await self.engine.dispose()


async def empty(connection: asyncpg.Connection[Any]) -> None:
    """Forget the whole world, receipts and all, inside the caller's transaction."""
    names = ", ".join(f"{SCHEMA}.{name.name}" for name in metadata.sorted_tables)
    await connection.execute(f"TRUNCATE {names} RESTART IDENTITY")
    await connection.execute("INSERT INTO wallet.posting_head VALUES (true, 0, NULL)")
