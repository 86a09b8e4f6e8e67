"""How migrations run: as the owner of the tables, one at a time, one transaction each, never waiting long for a lock.

The advisory lock keeps two starting houses from migrating at once. `lock_timeout` is short because a migration that waits
behind a long transaction makes every later query wait behind it.
"""

from __future__ import annotations

import asyncio
import os

from alembic import context
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine

from models.tables.registry import METADATA

ADVISORY_LOCK = 0x5354414E4348
"""An arbitrary number of our own ("STANCH")."""


def address() -> str:
    """Where the owner's database is."""
    url = context.get_x_argument(as_dictionary=True).get("url") or os.environ.get("STANCH_OWNER_DATABASE_URL")
    if not url:
        raise SystemExit(
            "No database was named; nothing was changed. Set STANCH_OWNER_DATABASE_URL to the owner's address."
        )
    return url


def migrate(connection: Connection) -> None:
    """Run what is asked for on an open connection."""
    context.configure(
        connection=connection,
        target_metadata=METADATA,
        compare_type=True,
        compare_server_default=True,
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()


async def run() -> None:
    """Connect as the owner, take the lock, migrate."""
    engine = create_async_engine(
        address(),
        connect_args={"server_settings": {"statement_timeout": "600s"}},
    )
    try:
        async with engine.connect() as connection:
            await connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": ADVISORY_LOCK})
            await connection.execute(text("SET lock_timeout = '5s'"))
            await connection.commit()
            await connection.run_sync(migrate)
            await connection.commit()
    finally:
        await engine.dispose()


if context.is_offline_mode():
    raise SystemExit("Migrations need a database to check against; offline SQL is not offered.")
asyncio.run(run())
