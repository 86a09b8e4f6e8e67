"""Links of one use with which an owner sets new secrets. They open one page for one purpose, and never the account."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import Row, insert, text
from sqlalchemy.ext.asyncio import AsyncConnection

from sandbox.problems import Refusal, refusal
from sandbox.tables import otp_seed, owner_link
from sandbox.wallet import accounts, credentials, entries, guards, outbox, postings
from sandbox.wallet.entries import Entry
from sandbox.wallet.receipts import Effect

_CONTACT = text("""
    SELECT kind, value FROM wallet.security_entry
    WHERE entry_id = :id AND account_id = :account_id AND item = 'contacts' AND ended_at IS NULL
""")
_FIND = text(
    "SELECT *, clock_timestamp() AS moment FROM wallet.owner_link WHERE token_digest = :digest FOR UPDATE"
)
_USE = text("UPDATE wallet.owner_link SET used_at = :moment WHERE link_id = :id")
_OVERTAKE = text("""
    UPDATE wallet.owner_link SET ended_at = clock_timestamp()
    WHERE account_id = :id AND used_at IS NULL AND ended_at IS NULL AND (purpose = :purpose OR :all)
""")
_GUESSED = text("""
    UPDATE wallet.owner_link SET failures = failures + 1,
        ended_at = CASE WHEN failures + 1 >= :most THEN COALESCE(ended_at, clock_timestamp()) ELSE ended_at END
    WHERE link_id = :id
""")
_SET = text("UPDATE wallet.owner_link SET authenticator_id = :entry_id WHERE link_id = :id")
_AUTHENTICATOR = text("UPDATE wallet.security_entry SET factor = 'totp' WHERE entry_id = :id")

TOKEN_BYTES = 32
"""256 bits: nobody guesses one. Only its sha256 is kept, so nobody who reads the records has one either."""
SEED_BYTES = 20
GUESSES = 5
"""Wrong confirmation codes before a link opens nothing any more."""
RENEW, RECOVER = "renew_credentials", "recover_password"
"""What a link is for. One for a forgotten password (`recover_password`) opens nothing on a restricted account."""


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


async def create(
    connection: AsyncConnection,
    account_id: str,
    contact_point_id: str,
    expires_at: datetime,
    *,
    purpose: str,
    reference: str | None,
    confirmation: str | None = None,
) -> Effect:
    """Make a link and deliver it; those made before for this purpose end. Refusals: account_unknown, account_closed,
    contact_point_unknown.

    `confirmation`: a code that whoever uses the link must know besides; it is told to nobody from here.
    """
    await accounts.lock_one(connection, account_id)
    contact = (await connection.execute(_CONTACT, {"id": contact_point_id, "account_id": account_id})).first()
    if contact is None:
        raise refusal("contact_point_unknown")
    await overtake(connection, account_id, purpose)
    link_id = f"lnk-{uuid.uuid4().hex[:20]}"
    token = secrets.token_urlsafe(TOKEN_BYTES)
    await connection.execute(
        insert(owner_link).values(
            link_id=link_id,
            account_id=account_id,
            token_digest=_digest(token),
            purpose=purpose,
            reference=reference,
            contact_point_id=contact_point_id,
            confirmation_digest=None if confirmation is None else _digest(f"{link_id}:{confirmation}"),
            expires_at=expires_at,
        )
    )
    besides = (
        "" if confirmation is None else " It asks for the code that is shown where you proved who you are."
    )
    await outbox.deliver(
        connection,
        link_id,
        channel="sms" if contact.kind == "phone" else "email",
        recipient=contact.value,
        subject=None if contact.kind == "phone" else "Set a new password for your wallet",
        # Behind the #: no browser, proxy or scanner sends that part to any server.
        body=f"Set a new password for your wallet: https://wallet.example/renew#{token} (one use){besides}",
    )
    seq, moment = await postings.head(connection)
    asks = confirmation is not None
    return Effect(account_id, seq, moment, {"link_id": link_id, "asks_confirmation": asks})


async def overtake(connection: AsyncConnection, account_id: str, purpose: str | None = None) -> None:
    """End the links that were not used: those of this purpose, or all of them where none is named or it is the stronger."""
    every = purpose in {None, RENEW}
    await connection.execute(_OVERTAKE, {"id": account_id, "purpose": purpose, "all": every})


async def look(connection: AsyncConnection, token: str) -> dict[str, object]:
    """What the page behind the link shows; looking uses nothing up. Refusals: link_unknown."""
    found = await _found(connection, token)
    allowed = "full" not in await guards.scopes(connection, found.account_id)
    return {
        "account_id": found.account_id,
        "purpose": found.purpose,
        "state": _state(found),
        "login_allowed": allowed,
        "asks_confirmation": found.confirmation_digest is not None,
    }


async def confirmed(connection: AsyncConnection, token: str, confirmation: str | None) -> bool:
    """Whether the code besides is right, or none is asked for. A wrong one is counted, and the last one allowed ends the link.

    Refusals: link_unknown.
    """
    found = await _found(connection, token)
    if found.confirmation_digest is None or _state(found) != "open":
        return True
    given = _digest(f"{found.link_id}:{confirmation or ''}")
    if hmac.compare_digest(found.confirmation_digest, given):
        return True
    await connection.execute(_GUESSED, {"id": found.link_id, "most": GUESSES})
    return False


async def use(
    connection: AsyncConnection, token: str, password: str, *, purpose: str, authenticator: str | None
) -> dict[str, object]:
    """Set new secrets, once, and nothing else: nobody is logged in by it.

    Works while the account is restricted, but for a forgotten password. `authenticator`: the name of a new authenticator
    app, whose seed is given this once. Refusals: link_unknown, link_used, link_not_for_this, account_restricted.
    """
    found = await _found(connection, token)
    await accounts.lock_one(connection, found.account_id)
    if found.purpose != purpose or (authenticator is not None and purpose != RENEW):
        raise Refusal(403, "link_not_for_this", "This link was made for something else. Nothing was changed.")
    if _state(found) != "open":
        raise Refusal(409, "link_used", "This link was used or has expired. Ask for a new one.")
    if purpose == RECOVER:
        await guards.check_change(connection, found.account_id)
    await connection.execute(_USE, {"id": found.link_id, "moment": found.moment})
    await credentials.set_password(connection, found.account_id, password, found.moment)
    told: dict[str, object] = {"account_id": str(found.account_id)}
    if authenticator is not None:
        entry = Entry("factors", authenticator)
        entry_id = await entries.add(connection, found.account_id, entry, found.moment)
        await connection.execute(_AUTHENTICATOR, {"id": entry_id})
        await connection.execute(_SET, {"id": found.link_id, "entry_id": entry_id})
        seed = secrets.token_bytes(SEED_BYTES)
        await connection.execute(insert(otp_seed).values(entry_id=entry_id, seed=seed, last_step=0))
        told |= {"authenticator_id": entry_id, "seed": seed.hex()}
    return told


async def _found(connection: AsyncConnection, token: str) -> Row[Any]:
    found = (await connection.execute(_FIND, {"digest": _digest(token)})).first()
    if found is None:
        raise Refusal(404, "link_unknown", "This link is not known. Ask for a new one.")
    return found


def _state(found: Row[Any]) -> str:
    if found.used_at is not None:
        return "used"
    if found.ended_at is not None:
        return "overtaken"
    return "expired" if found.expires_at <= found.moment else "open"
