"""What people enrolled long ago, and what carriers notice: authenticators, saved codes, trusted contacts, SIM swaps."""

from __future__ import annotations

import json
import secrets
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Request
from pydantic import Field
from sqlalchemy import insert, text

from sandbox.contract.bodies import Body, Moment
from sandbox.problems import refusal
from sandbox.state import bearer, running
from sandbox.tables import otp_seed, saved_code
from sandbox.wallet import accounts, entries, one_time
from sandbox.wallet.entries import Entry

router = APIRouter(prefix="/sandbox/people", dependencies=[Depends(bearer("admin_key"))])

SAVED_CODES = 8
SAVED_CODE_BYTES = 10
"""80 bits each, 20 characters of hexadecimal."""

_MARK = text("""
    UPDATE wallet.security_entry SET factor = :factor, passkey = CAST(:passkey AS jsonb) WHERE entry_id = :id
""")
_SIGNAL = text("""
    UPDATE wallet.security_entry SET signals = COALESCE(signals, '[]') || CAST(:signal AS jsonb)
    WHERE account_id = :account_id AND entry_id = :id
""")
_REWRITE = text("""
    UPDATE wallet.security_entry SET set_at = :set_at, changed_at = :changed_at
    WHERE account_id = :account_id AND entry_id = :id
""")
_REAL_NAME = text(
    "UPDATE wallet.account SET real_name_state = 'verified', real_name_set_at = :at WHERE account_id = :id"
)


class PublicKey(Body):
    """The public half of a passkey, base64url without padding."""

    credential_id: str
    public_key: str
    sign_count: int = 0


class EnrolFactor(Body):
    """What is enrolled, and since when."""

    kind: Literal["totp", "recovery_codes", "passkey"]
    set_at: Moment
    passkey: PublicKey | None = None


class EnrolTrusted(Body):
    """Who vouches: phone numbers, and since when."""

    phones: Annotated[list[str], Field(min_length=1, max_length=9)]
    set_at: Moment


class Noticed(Body):
    """What somebody noticed about a contact."""

    kind: Literal["sim_swap", "ported", "identifier_recycled"]
    at: Moment


class Rewritten(Body):
    """The clock of a thing, turned back by somebody; the wallet's own audit knows when."""

    set_at: Moment
    changed_at: Moment | None = None


class Named(Body):
    """When the real name was last taken from a document."""

    at: Moment


@router.post("/{account_id}/factors", status_code=201)
async def enrol(request: Request, account_id: str, body: EnrolFactor) -> dict[str, object]:
    """Enrol an authenticator; gives what its owner then has: the seed in hexadecimal, or the saved codes."""
    async with running(request).database.engine.begin() as connection:
        await accounts.lock_one(connection, account_id)
        entry_id = await entries.add(connection, account_id, Entry("factors", body.kind), body.set_at)
        passkey = None if body.passkey is None else body.passkey.model_dump_json()
        await connection.execute(_MARK, {"id": entry_id, "factor": body.kind, "passkey": passkey})
        if body.kind == "totp":
            seed = secrets.token_bytes(20)
            await connection.execute(insert(otp_seed).values(entry_id=entry_id, seed=seed, last_step=0))
            return {"id": entry_id, "seed": seed.hex()}
        if body.kind == "recovery_codes":
            codes = [secrets.token_hex(SAVED_CODE_BYTES).upper() for _ in range(SAVED_CODES)]
            digests = [
                {"entry_id": entry_id, "code_digest": one_time.saved_code_digest(entry_id, code)}
                for code in codes
            ]
            await connection.execute(insert(saved_code), digests)
            return {"id": entry_id, "codes": codes}
    return {"id": entry_id}


@router.post("/{account_id}/trusted-contacts", status_code=201)
async def trust(request: Request, account_id: str, body: EnrolTrusted) -> dict[str, list[str]]:
    """Let others vouch for the owner."""
    async with running(request).database.engine.begin() as connection:
        await accounts.lock_one(connection, account_id)
        ids = [
            await entries.add(
                connection,
                account_id,
                Entry("trusted_contacts", accounts.contact_label("phone", phone), kind="phone", value=phone),
                body.set_at,
            )
            for phone in body.phones
        ]
    return {"ids": ids}


@router.post("/{account_id}/entries/{entry_id}/signals", status_code=201)
async def signal(request: Request, account_id: str, entry_id: str, body: Noticed) -> dict[str, bool]:
    """A SIM swap, a porting, a number with a new holder."""
    noticed = json.dumps([{"kind": body.kind, "at": body.at.isoformat()}])
    return await _changed(request, _SIGNAL, {"account_id": account_id, "id": entry_id, "signal": noticed})


@router.post("/{account_id}/entries/{entry_id}/clock", status_code=201)
async def rewrite(request: Request, account_id: str, entry_id: str, body: Rewritten) -> dict[str, bool]:
    """Somebody got at the time a thing was set."""
    return await _changed(
        request,
        _REWRITE,
        {"account_id": account_id, "id": entry_id, "set_at": body.set_at, "changed_at": body.changed_at},
    )


@router.post("/{account_id}/real-name", status_code=201)
async def name(request: Request, account_id: str, body: Named) -> dict[str, bool]:
    """The real name was taken from a document."""
    return await _changed(request, _REAL_NAME, {"id": account_id, "at": body.at})


async def _changed(request: Request, statement: object, values: dict[str, object]) -> dict[str, bool]:
    async with running(request).database.engine.begin() as connection:
        done = await connection.execute(statement, values)  # type: ignore[call-overload]
    if done.rowcount != 1:
        raise refusal("account_unknown")
    return {"done": True}
