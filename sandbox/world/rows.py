"""A world as rows, ready to be copied into the tables."""

from __future__ import annotations

import contextlib
import gc
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import asyncpg
from sqlalchemy import Index
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, DropIndex

from sandbox.database import empty
from sandbox.tables import SCHEMA, security_entry, transfer

DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]

Row = tuple[Any, ...]

COLUMNS = {
    "account": ("account_id", "kind", "status", "real_name_state", "name", "opened_at"),
    "balance": ("account_id", "currency", "kind", "opening", "inferred", "amount", "opened_later"),
    "transfer": (
        "seq",
        "transfer_id",
        "src",
        "dst",
        "src_kind",
        "dst_kind",
        "amount",
        "currency",
        "posted_at",
        "device_id",
        "session_id",
        "reverses",
        "hold_id",
        "bank",
    ),
    "security_entry": (
        "entry_id",
        "account_id",
        "item",
        "kind",
        "label",
        "value",
        "secret",
        "set_at",
        "last_used_at",
        "ended_at",
        "ended_by",
        "previous_id",
    ),
    "person": ("account_id", "password", "device", "contacts"),
}


@dataclass
class WorldRows:
    """Everything of a world before it is stored; `summary` is what GET /sandbox/world answers."""

    account: list[Row] = field(default_factory=list)
    balance: list[Row] = field(default_factory=list)
    transfer: list[Row] = field(default_factory=list)
    security_entry: list[Row] = field(default_factory=list)
    person: list[Row] = field(default_factory=list)
    head_at: datetime | None = None
    summary: dict[str, Any] = field(default_factory=dict)

    def set(
        self,
        account_id: str,
        item: str,
        name: str,
        label: str,
        set_at: datetime,
        *,
        kind: str | None = None,
        value: str | None = None,
        secret: str | None = None,
        last_used_at: datetime | None = None,
        ended_at: datetime | None = None,
        ended_by: str | None = None,
        previous: str | None = None,
    ) -> str:
        """Add a security entry whose id is made of account and name; gives the id."""
        entry_id = f"{account_id}-{name}"
        previous_id = f"{account_id}-{previous}" if previous else None
        row = (
            entry_id,
            account_id,
            item,
            kind,
            label,
            value,
            secret,
            set_at,
            last_used_at,
            ended_at,
            ended_by,
        )
        self.security_entry.append((*row, previous_id))
        return entry_id


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """No garbage collection inside: walking a million rows that all stay alive took as long as making them."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


async def store(pool: asyncpg.Pool[Any], rows: WorldRows) -> None:
    """Replace the whole world, in one transaction."""
    indexes = [index for table in (transfer, security_entry) for index in sorted(table.indexes, key=_name)]
    async with pool.acquire() as connection, connection.transaction():
        await empty(connection)
        # Sorting for an index once is twice as fast as growing it row by row.
        for index in indexes:
            await connection.execute(_sql(DropIndex(index)))
        for table, columns in COLUMNS.items():
            await connection.copy_records_to_table(
                table, schema_name=SCHEMA, columns=columns, records=getattr(rows, table)
            )
        for index in indexes:
            await connection.execute(_sql(CreateIndex(index)))
        await connection.execute(
            "UPDATE wallet.posting_head SET seq = $1, at = $2", len(rows.transfer), rows.head_at
        )
        await connection.execute("INSERT INTO wallet.world VALUES (true, $1)", json.dumps(rows.summary))
    # Fresh tables have no statistics; without them the first incidents are planned blindly.
    async with pool.acquire() as connection:
        for table in COLUMNS:
            await connection.execute(f"ANALYZE {SCHEMA}.{table}")


def _name(index: Index) -> str:
    return str(index.name)


def _sql(statement: CreateIndex | DropIndex) -> str:
    return str(statement.compile(dialect=DIALECT))
