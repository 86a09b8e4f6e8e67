"""Bringing a security item back to what it was before a moment."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import Row, insert, text
from sqlalchemy.ext.asyncio import AsyncConnection

from sandbox.tables import security_entry
from sandbox.wallet import accounts, owner_links, postings
from sandbox.wallet.receipts import Effect

RESTORABLE = ("devices", "factors", "payees", "mandates", "forwarding", "contacts", "limits")
ALWAYS_ENDED = ("sessions", "refresh_tokens", "api_keys")

COVERS = {"contacts": ["contacts", "trusted_contacts"]}
"""Who may vouch for the customer goes with how the customer is reached."""

_ENTRIES = text(
    "SELECT * FROM wallet.security_entry WHERE account_id = :id AND item = ANY(:items) ORDER BY set_at, entry_id"
)
_END = text(
    "UPDATE wallet.security_entry SET ended_at = :moment, ended_by = 'reset' WHERE entry_id = ANY(:ids)"
)
_RESTORE = text(
    "UPDATE wallet.security_entry SET ended_at = NULL, ended_by = NULL WHERE entry_id = ANY(:ids)"
)
_RENEW = text("UPDATE wallet.security_entry SET value = gen_random_uuid()::text WHERE entry_id = ANY(:ids)")

Change = tuple[str, str, str]
"""(entry id, change, label)."""


async def reset(connection: AsyncConnection, account_id: str, item: str, set_since: datetime) -> Effect:
    """One item as before `set_since`; the table in the contract says how. Refusals: account_unknown, account_closed."""
    await accounts.lock_one(connection, account_id)
    seq, moment = await postings.head(connection)
    entries = list(await connection.execute(_ENTRIES, {"id": account_id, "items": COVERS.get(item, [item])}))
    if item == "password":
        # A link that somebody may have read since must not set the next password.
        await owner_links.overtake(connection, account_id)
        changes = await _invalidate_password(connection, account_id, entries, moment)
    elif item in ALWAYS_ENDED:
        changes = await _end(connection, [e for e in entries if e.ended_at is None], "ended", moment)
    elif item == "cards":
        active = [entry for entry in entries if entry.ended_at is None]
        changes = await _end(connection, [e for e in active if _since(e) >= set_since], "ended", moment)
        kept = [entry for entry in active if _since(entry) < set_since]
        await connection.execute(_RENEW, {"ids": [entry.entry_id for entry in kept]})
        changes += [(entry.entry_id, "renewed", entry.label) for entry in kept]
    else:
        changes = await _go_back(connection, entries, set_since, moment)
    result = {
        "item": item,
        "changes": [
            {"id": entry_id, "change": change, "label": label} for entry_id, change, label in changes
        ],
        "nothing_to_change": not changes,
    }
    return Effect(account_id, seq, moment, result)


def _since(entry: Row[Any]) -> datetime:
    """Since when it is what it is: somebody may have turned back `set_at`, and nobody the audit's `changed_at`."""
    set_at: datetime = entry.set_at
    return max(set_at, entry.changed_at or set_at)


async def _end(
    connection: AsyncConnection, entries: list[Row[Any]], change: str, moment: datetime
) -> list[Change]:
    if entries:
        await connection.execute(_END, {"ids": [entry.entry_id for entry in entries], "moment": moment})
    return [(entry.entry_id, change, entry.label) for entry in entries]


async def _go_back(
    connection: AsyncConnection, entries: list[Row[Any]], set_since: datetime, moment: datetime
) -> list[Change]:
    changes = await _end(
        connection, [e for e in entries if e.ended_at is None and _since(e) >= set_since], "removed", moment
    )
    # What a customer (or whoever posed as one) took away since was there before: it comes back as it was.
    restored = [
        entry
        for entry in entries
        if entry.ended_at is not None
        and _since(entry) < set_since <= entry.ended_at
        and entry.ended_by in ("customer", "replaced")
    ]
    if restored:
        await connection.execute(_RESTORE, {"ids": [entry.entry_id for entry in restored]})
    return changes + [(entry.entry_id, "restored", entry.label) for entry in restored]


async def _invalidate_password(
    connection: AsyncConnection, account_id: str, entries: list[Row[Any]], moment: datetime
) -> list[Change]:
    standing = [entry for entry in entries if entry.ended_at is None]
    waiting = [entry for entry in standing if entry.label == accounts.MUST_RENEW]
    if waiting:
        return [(waiting[0].entry_id, "must_renew", accounts.MUST_RENEW)]
    await _end(connection, standing, "ended", moment)
    entry_id = f"ent-{uuid.uuid4().hex[:16]}"
    await connection.execute(
        insert(security_entry).values(
            entry_id=entry_id,
            account_id=account_id,
            item="password",
            label=accounts.MUST_RENEW,
            set_at=moment,
            previous_id=standing[-1].entry_id if standing else None,
        )
    )
    return [(entry_id, "must_renew", accounts.MUST_RENEW)]
