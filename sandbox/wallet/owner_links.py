"""Links of one use with which an owner renews the password."""

from __future__ import annotations

import hashlib
import secrets
import uuid
from datetime import datetime

from sqlalchemy import insert, text
from sqlalchemy.ext.asyncio import AsyncConnection

from sandbox.problems import Refusal, refusal
from sandbox.tables import owner_link
from sandbox.wallet import accounts, credentials, guards, outbox, postings
from sandbox.wallet.receipts import Effect

_CONTACT = text("""
    SELECT kind, value FROM wallet.security_entry
    WHERE entry_id = :id AND account_id = :account_id AND item = 'contacts' AND ended_at IS NULL
""")
_FIND = text(
    "SELECT *, clock_timestamp() AS moment FROM wallet.owner_link WHERE token_digest = :digest FOR UPDATE"
)
_USE = text("UPDATE wallet.owner_link SET used_at = :moment WHERE link_id = :id")


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


async def create(
    connection: AsyncConnection, account_id: str, contact_point_id: str, expires_at: datetime
) -> Effect:
    """Make a link and deliver it. Refusals: account_unknown, account_closed, contact_point_unknown."""
    await accounts.lock_one(connection, account_id)
    contact = (await connection.execute(_CONTACT, {"id": contact_point_id, "account_id": account_id})).first()
    if contact is None:
        raise refusal("contact_point_unknown")
    link_id = f"lnk-{uuid.uuid4().hex[:20]}"
    token = secrets.token_urlsafe(32)
    await connection.execute(
        insert(owner_link).values(
            link_id=link_id, account_id=account_id, token_digest=_digest(token), expires_at=expires_at
        )
    )
    await outbox.deliver(
        connection,
        link_id,
        channel="sms" if contact.kind == "phone" else "email",
        recipient=contact.value,
        subject=None if contact.kind == "phone" else "Set a new password for your wallet",
        body=f"Set a new password for your wallet: https://wallet.example/renew#{token} (one use)",
    )
    seq, moment = await postings.head(connection)
    return Effect(account_id, seq, moment, {"link_id": link_id})


async def look(connection: AsyncConnection, token: str) -> dict[str, object]:
    """What the page behind the link shows; looking uses nothing up. Refusals: link_unknown."""
    found = (await connection.execute(_FIND, {"digest": _digest(token)})).first()
    if found is None:
        raise Refusal(404, "link_unknown", "This link is not known. Ask for a new one.")
    state = "used" if found.used_at else "expired" if found.expires_at <= found.moment else "open"
    allowed = "full" not in await guards.scopes(connection, found.account_id)
    return {"account_id": found.account_id, "state": state, "login_allowed": allowed}


async def use(connection: AsyncConnection, token: str, password: str) -> str:
    """Set a new password, once; works while the account is restricted. Refusals: link_unknown, link_used."""
    found = (await connection.execute(_FIND, {"digest": _digest(token)})).first()
    if found is None:
        raise Refusal(404, "link_unknown", "This link is not known. Ask for a new one.")
    await accounts.lock_one(connection, found.account_id)
    if found.used_at is not None or found.expires_at <= found.moment:
        raise Refusal(409, "link_used", "This link was used or has expired. Ask for a new one.")
    await connection.execute(_USE, {"id": found.link_id, "moment": found.moment})
    await credentials.set_password(connection, found.account_id, password, found.moment)
    return str(found.account_id)
