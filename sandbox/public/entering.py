"""Signing up, logging in, staying in, and coming back through an owner link."""

from __future__ import annotations

import uuid

from fastapi import APIRouter, Request
from sqlalchemy import insert, text
from sqlalchemy.ext.asyncio import AsyncConnection

from sandbox.problems import Refusal
from sandbox.public.attempts import Session, recorded
from sandbox.public.bodies import LogIn, LookAtLink, Refresh, SignUp, UseLink
from sandbox.state import running
from sandbox.tables import account, person
from sandbox.wallet import accounts, credentials, entries, guards, owner_links
from sandbox.wallet.credentials import OpenedSession
from sandbox.wallet.entries import Entry

router = APIRouter(prefix="/public")

CURRENCY = "CNY"
FIRST_LIMIT = 20_000_000
"""What a new account may send in a day, minor units."""

_BY_CONTACT = text("""
    SELECT account_id FROM wallet.security_entry
    WHERE item = 'contacts' AND value = :value AND ended_at IS NULL ORDER BY set_at DESC LIMIT 1
""")
_REMEMBER = text("UPDATE wallet.person SET password = :password WHERE account_id = :account_id")


def _opened(account_id: str, opened: OpenedSession) -> dict[str, str]:
    return {
        "account_id": account_id,
        "session_id": opened.session_id,
        "session_token": opened.session_token,
        "refresh_token": opened.refresh_token,
        "device_id": opened.device_id,
    }


async def _account_named(connection: AsyncConnection, name: str) -> str | None:
    if await accounts.kind_of(connection, name) in accounts.HOLDING_KINDS:
        return name
    return (await connection.execute(_BY_CONTACT, {"value": name})).scalar()


@router.post("/signup", status_code=201)
async def sign_up(request: Request, body: SignUp) -> dict[str, str]:
    """Open an account. Refusals: contact_taken."""
    async with running(request).database.engine.begin() as connection:
        if (await connection.execute(_BY_CONTACT, {"value": body.phone})).first() is not None:
            raise Refusal(
                409, "contact_taken", "This number belongs to an account already. Nothing was opened."
            )
        account_id = f"acc-{uuid.uuid4().hex[:12]}"
        moment = await entries.clock(connection)
        await connection.execute(
            insert(account).values(
                account_id=account_id,
                kind="wallet",
                status="active",
                real_name_state="unverified",
                name=body.name,
                opened_at=moment,
            )
        )
        await connection.execute(
            insert(person).values(
                account_id=account_id,
                password=body.password,
                device=body.device.fingerprint,
                contacts={"phone": body.phone} | ({"email": body.email} if body.email else {}),
            )
        )
        await credentials.set_password(connection, account_id, body.password, moment)
        for kind, value in (("phone", body.phone), ("email", body.email)):
            if value is not None:
                label = accounts.contact_label(kind, value)
                await entries.add(
                    connection, account_id, Entry("contacts", label, kind=kind, value=value), moment
                )
        kind = f"outgoing_per_day:{CURRENCY}"
        limit = Entry("limits", f"outgoing per day {CURRENCY}", kind=kind, value=str(FIRST_LIMIT))
        await entries.add(connection, account_id, limit, moment)
        opened = await credentials.open_session(
            connection, account_id, body.device.fingerprint, body.device.label
        )
    return _opened(account_id, opened)


@router.post("/login")
async def log_in(request: Request, body: LogIn) -> dict[str, str]:
    """Open a session; a device not seen before is bound. Refusals: login_failed, account_restricted, must_renew."""
    engine = running(request).database.engine
    async with engine.connect() as connection:
        account_id = await _account_named(connection, body.account)
    if account_id is None:
        raise Refusal(401, "login_failed", "Account or password is wrong.")
    async with recorded(engine, account_id, "login"), engine.begin() as connection:
        await accounts.lock_one(connection, account_id)
        await guards.check_login(connection, account_id)
        matches = await credentials.password_matches(connection, account_id, body.password)
        if matches is None:
            raise Refusal(403, "must_renew", "The password must be renewed through the link that was sent.")
        if not matches:
            raise Refusal(401, "login_failed", "Account or password is wrong.")
        opened = await credentials.open_session(
            connection, account_id, body.device.fingerprint, body.device.label
        )
    return _opened(account_id, opened)


@router.post("/refresh")
async def refresh(request: Request, body: Refresh) -> dict[str, str]:
    """A new session for a refresh token. Refusals: session_unknown, session_ended, account_restricted."""
    engine = running(request).database.engine
    async with engine.connect() as connection:
        found = await credentials.find_session(connection, body.refresh_token, "refresh_tokens")
    if found is None:
        raise Refusal(401, "session_unknown", "This token is not known. Log in again.")
    async with recorded(engine, found.account_id, "refresh", found), engine.begin() as connection:
        await accounts.lock_one(connection, found.account_id)
        await guards.check_login(connection, found.account_id)
        device = await entries.find(connection, found.device_id)
        if device is None or device.ended_at is not None:
            raise Refusal(401, "session_ended", "The device of this token is no longer bound. Log in again.")
        moment = await entries.clock(connection)
        await entries.end(
            connection, found.account_id, "refresh_tokens", [found.session_id], moment, by="replaced"
        )
        opened = await credentials.open_session(connection, found.account_id, device.value, device.label)
    return _opened(found.account_id, opened)


@router.post("/logout")
async def log_out(request: Request, session: Session) -> dict[str, bool]:
    """End this session."""
    async with running(request).database.engine.begin() as connection:
        moment = await entries.clock(connection)
        ids = [session.session_id]
        ended = await entries.end(connection, session.account_id, "sessions", ids, moment, by="customer")
    return {"ended": ended == 1}


@router.post("/links/look")
async def look_at_link(request: Request, body: LookAtLink) -> dict[str, object]:
    """What stands behind an owner link. Refusals: link_unknown."""
    async with running(request).database.engine.connect() as connection:
        return await owner_links.look(connection, body.token)


@router.post("/links/use")
async def use_link(request: Request, body: UseLink) -> dict[str, object]:
    """Set new secrets, once. Refusals: link_unknown, link_used, link_not_for_this, confirmation_wrong, account_restricted."""
    engine = running(request).database.engine
    async with engine.begin() as connection:
        # In a commit of its own: a refusal takes everything back, and a wrong code must stay counted.
        right = await owner_links.confirmed(connection, body.token, body.confirmation)
    if not right:
        raise Refusal(
            403, "confirmation_wrong", "The code that this link asks for is not right. Nothing was changed."
        )
    async with engine.begin() as connection:
        told = await owner_links.use(
            connection,
            body.token,
            body.password,
            purpose=body.purpose,
            authenticator=body.authenticator,
        )
        remembered = {"password": body.password, "account_id": told["account_id"]}
        await connection.execute(_REMEMBER, remembered)
    return {"renewed": True, **told}
