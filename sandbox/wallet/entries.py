"""Security entries as a customer sets them: a device, a payee, a contact; each with the time it was set."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, insert, text
from sqlalchemy.ext.asyncio import AsyncConnection

from sandbox.tables import security_entry

_CLOCK = text("SELECT clock_timestamp()")
_CURRENT = text("""
    SELECT * FROM wallet.security_entry WHERE account_id = :id AND item = :item AND ended_at IS NULL
      AND (CAST(:kind AS text) IS NULL OR kind = :kind) ORDER BY set_at DESC, entry_id
""")
_END = text("""
    UPDATE wallet.security_entry SET ended_at = :moment, ended_by = :by
    WHERE account_id = :id AND item = :item AND entry_id = ANY(:ids) AND ended_at IS NULL
""")
_FIND = text("SELECT * FROM wallet.security_entry WHERE entry_id = :id")
_TOUCH = text("UPDATE wallet.security_entry SET last_used_at = :moment WHERE entry_id = :id")


def secret_digest(secret: str) -> str:
    """How a password or token is kept."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True)
class Entry:
    """What is about to be set. `kind` tells entries of one item apart of which only one may stand."""

    item: str
    label: str
    kind: str | None = None
    value: str | None = None
    secret: str | None = None


async def clock(connection: AsyncConnection) -> datetime:
    """The wallet's time."""
    moment: datetime = (await connection.execute(_CLOCK)).scalar_one()
    return moment


async def current(
    connection: AsyncConnection, account_id: str, item: str, kind: str | None = None
) -> list[Row[Any]]:
    """What stands of an item, newest first."""
    return list(await connection.execute(_CURRENT, {"id": account_id, "item": item, "kind": kind}))


async def add(
    connection: AsyncConnection,
    account_id: str,
    entry: Entry,
    moment: datetime,
    *,
    previous_id: str | None = None,
) -> str:
    """Set an entry beside the others; gives its id."""
    entry_id = f"ent-{uuid.uuid4().hex[:16]}"
    await connection.execute(
        insert(security_entry).values(
            entry_id=entry_id,
            account_id=account_id,
            item=entry.item,
            kind=entry.kind,
            label=entry.label,
            value=entry.value,
            secret=secret_digest(entry.secret) if entry.secret is not None else None,
            set_at=moment,
            previous_id=previous_id,
        )
    )
    return entry_id


async def replace(connection: AsyncConnection, account_id: str, entry: Entry, moment: datetime) -> str:
    """Set an entry in place of the ones of its kind; gives its id."""
    former = await current(connection, account_id, entry.item, entry.kind)
    await end(connection, account_id, entry.item, [row.entry_id for row in former], moment, by="replaced")
    return await add(
        connection, account_id, entry, moment, previous_id=former[0].entry_id if former else None
    )


async def end(
    connection: AsyncConnection, account_id: str, item: str, ids: list[str], moment: datetime, *, by: str
) -> int:
    """End entries; gives how many stood."""
    if not ids:
        return 0
    values = {"id": account_id, "item": item, "ids": ids, "moment": moment, "by": by}
    return (await connection.execute(_END, values)).rowcount


async def touch(connection: AsyncConnection, entry_id: str, moment: datetime) -> None:
    """Note that an entry was used."""
    await connection.execute(_TOUCH, {"id": entry_id, "moment": moment})


async def find(connection: AsyncConnection, entry_id: str) -> Row[Any] | None:
    """One entry, whoever's it is."""
    return (await connection.execute(_FIND, {"id": entry_id})).first()
