"""Passwords and sessions of accounts."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from sandbox.wallet import entries
from sandbox.wallet.entries import Entry

_SESSION = text("""
    SELECT entry_id, account_id, value AS device_id, ended_at FROM wallet.security_entry
    WHERE secret = :secret AND item = :item
""")


@dataclass(frozen=True)
class OpenedSession:
    """What a login gives: tokens that only the customer has, ids that records name."""

    session_id: str
    session_token: str
    refresh_token: str
    device_id: str


@dataclass(frozen=True)
class FoundSession:
    """A session or refresh token that somebody presented."""

    session_id: str
    account_id: str
    device_id: str
    ended: bool


async def set_password(connection: AsyncConnection, account_id: str, password: str, moment: datetime) -> None:
    """Replace the password."""
    entry = Entry("password", "password", secret=f"{account_id}:{password}")
    await entries.replace(connection, account_id, entry, moment)


async def password_matches(connection: AsyncConnection, account_id: str, password: str) -> bool | None:
    """Whether it is the password; None when the password must be renewed first."""
    standing = await entries.current(connection, account_id, "password")
    if not any(entry.secret for entry in standing):
        return None
    wanted = entries.secret_digest(f"{account_id}:{password}")
    found = next((entry for entry in standing if entry.secret == wanted), None)
    if found is not None:
        await entries.touch(connection, found.entry_id, await entries.clock(connection))
    return found is not None


async def open_session(
    connection: AsyncConnection, account_id: str, fingerprint: str, label: str
) -> OpenedSession:
    """Bind the device if it is new, and open a session on it."""
    moment = await entries.clock(connection)
    devices = await entries.current(connection, account_id, "devices")
    known = next((device for device in devices if device.value == fingerprint), None)
    if known is None:
        device_id = await entries.add(
            connection, account_id, Entry("devices", label, value=fingerprint), moment
        )
    else:
        device_id = known.entry_id
    await entries.touch(connection, device_id, moment)
    token, refresh = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
    session = Entry("sessions", f"session on {label}", value=device_id, secret=token)
    session_id = await entries.add(connection, account_id, session, moment)
    renewal = Entry("refresh_tokens", f"refresh token of {label}", value=device_id, secret=refresh)
    await entries.add(connection, account_id, renewal, moment)
    return OpenedSession(session_id, token, refresh, device_id)


async def find_session(
    connection: AsyncConnection, token: str, item: str = "sessions"
) -> FoundSession | None:
    """Whose token this is, also when it has ended."""
    secret = entries.secret_digest(token)
    row = (await connection.execute(_SESSION, {"secret": secret, "item": item})).first()
    if row is None:
        return None
    return FoundSession(row.entry_id, row.account_id, row.device_id, row.ended_at is not None)
