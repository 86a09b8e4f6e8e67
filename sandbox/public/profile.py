"""A customer's own settings: contacts, payees, limits, password, and the rest."""

from __future__ import annotations

import json
import secrets
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Request
from sqlalchemy.ext.asyncio import AsyncConnection

from sandbox.problems import Refusal
from sandbox.public.attempts import Session, recorded
from sandbox.public.bodies import AddPayee, SetContact, SetLimit, SetOther, SetPassword
from sandbox.state import running
from sandbox.wallet import accounts, credentials, entries, guards
from sandbox.wallet.credentials import FoundSession
from sandbox.wallet.entries import Entry

router = APIRouter(prefix="/public")

Other = Literal["factors", "api_keys", "mandates", "cards", "forwarding"]
Removable = Literal[
    "sessions",
    "refresh_tokens",
    "devices",
    "factors",
    "trusted_contacts",
    "api_keys",
    "payees",
    "mandates",
    "cards",
    "forwarding",
]


@router.get("/me")
async def me(request: Request, session: Session) -> dict[str, object]:
    """What the app shows when it opens. Refusals: session_ended, account_restricted (full)."""
    engine = running(request).database.engine
    async with recorded(engine, session.account_id, "read", session), engine.connect() as connection:
        await guards.check_login(connection, session.account_id)
        state = json.loads(await accounts.read_state(connection, session.account_id))
        payees = await entries.current(connection, session.account_id, "payees")
        cards = await entries.current(connection, session.account_id, "cards")
    return {
        "account_id": state["account_id"],
        "balances": state["balances"],
        "restricted": bool(state["restrictions"]),
        "stage_limits": state["stage_limits"],
        "contact_points": [point for point in state["contact_points"] if point["removed_at"] is None],
        "payees": [{"payee_id": payee.entry_id, "to": payee.value} for payee in payees],
        "cards": [{"card_id": card.entry_id, "label": card.label} for card in cards],
    }


async def _changing(connection: AsyncConnection, session: FoundSession) -> None:
    await accounts.lock_one(connection, session.account_id)
    await guards.check_change(connection, session.account_id)


@router.post("/contacts", status_code=201)
async def set_contact(request: Request, session: Session, body: SetContact) -> dict[str, str]:
    """Replace the phone number or email address. Refusals: session_ended, account_restricted."""
    engine = running(request).database.engine
    async with recorded(engine, session.account_id, "change_contact", session), engine.begin() as connection:
        await _changing(connection, session)
        entry = Entry(
            "contacts", accounts.contact_label(body.kind, body.value), kind=body.kind, value=body.value
        )
        moment = await entries.clock(connection)
        return {"id": await entries.replace(connection, session.account_id, entry, moment)}


@router.post("/trusted-contacts", status_code=201)
async def trust(request: Request, session: Session, body: SetContact) -> dict[str, str]:
    """Let somebody vouch for the customer. Refusals: session_ended, account_restricted."""
    engine = running(request).database.engine
    async with recorded(engine, session.account_id, "trust", session), engine.begin() as connection:
        await _changing(connection, session)
        label = accounts.contact_label(body.kind, body.value)
        entry = Entry("trusted_contacts", label, kind=body.kind, value=body.value)
        moment = await entries.clock(connection)
        return {"id": await entries.add(connection, session.account_id, entry, moment)}


@router.post("/payees", status_code=201)
async def add_payee(request: Request, session: Session, body: AddPayee) -> dict[str, str]:
    """Add somebody to send money to. Refusals: session_ended, account_restricted, stage_limit, payee_unknown."""
    engine = running(request).database.engine
    async with recorded(engine, session.account_id, "add_payee", session), engine.begin() as connection:
        await accounts.lock_one(connection, session.account_id)
        await guards.check_new_payee(connection, session.account_id)
        kind = await accounts.kind_of(connection, body.to)
        if kind is None:
            raise Refusal(404, "payee_unknown", "Nobody can be paid under this id. Nothing was added.")
        standing = await entries.current(connection, session.account_id, "payees")
        known = next((payee.entry_id for payee in standing if payee.value == body.to), None)
        if known is not None:
            return {"id": known}
        entry = Entry("payees", body.label or f"{kind} payee", kind=kind, value=body.to)
        return {
            "id": await entries.add(connection, session.account_id, entry, await entries.clock(connection))
        }


@router.post("/limits", status_code=201)
async def set_limit(request: Request, session: Session, body: SetLimit) -> dict[str, str]:
    """Change what may leave in a day. Refusals: session_ended, account_restricted."""
    engine = running(request).database.engine
    async with recorded(engine, session.account_id, "change_limit", session), engine.begin() as connection:
        await _changing(connection, session)
        kind = f"outgoing_per_day:{body.currency}"
        entry = Entry("limits", f"outgoing per day {body.currency}", kind=kind, value=str(body.amount))
        return {
            "id": await entries.replace(
                connection, session.account_id, entry, await entries.clock(connection)
            )
        }


@router.post("/password")
async def set_password(request: Request, session: Session, body: SetPassword) -> dict[str, bool]:
    """Change the password. Refusals: session_ended, account_restricted."""
    engine = running(request).database.engine
    async with recorded(engine, session.account_id, "change_password", session), engine.begin() as connection:
        await _changing(connection, session)
        moment = await entries.clock(connection)
        await credentials.set_password(connection, session.account_id, body.password, moment)
    return {"changed": True}


@router.post("/security/{item}", status_code=201)
async def add_other(request: Request, session: Session, item: Other, body: SetOther) -> dict[str, str]:
    """Add a factor, API key, mandate, card or forwarding rule. Refusals: session_ended, account_restricted."""
    engine = running(request).database.engine
    async with recorded(engine, session.account_id, f"add_{item}", session), engine.begin() as connection:
        await _changing(connection, session)
        secret = secrets.token_urlsafe(24) if item == "api_keys" else None
        entry = Entry(item, body.label, value=body.value, secret=secret)
        entry_id = await entries.add(connection, session.account_id, entry, await entries.clock(connection))
    return {"id": entry_id, "secret": secret} if secret else {"id": entry_id}


@router.delete("/security/{item}/{entry_id}")
async def remove(
    request: Request, session: Session, item: Removable, entry_id: Annotated[str, Path(pattern=r"^[^\x00]+$")]
) -> dict[str, bool]:
    """Remove an entry. Refusals: session_ended, account_restricted."""
    engine = running(request).database.engine
    async with recorded(engine, session.account_id, f"remove_{item}", session), engine.begin() as connection:
        await _changing(connection, session)
        moment = await entries.clock(connection)
        ended = await entries.end(connection, session.account_id, item, [entry_id], moment, by="customer")
    return {"removed": ended == 1}
