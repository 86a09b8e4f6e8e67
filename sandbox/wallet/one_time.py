"""One-time codes of authenticator apps (RFC 4226, RFC 6238) and saved codes: checked here, where their secrets are."""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from sandbox.problems import refusal
from sandbox.wallet import accounts, postings
from sandbox.wallet.entries import secret_digest
from sandbox.wallet.receipts import Effect

STEP_SECONDS = 30
DIGITS = 6
DRIFT = 1
"""Steps to either side that a customer's clock may be off (RFC 6238, 5.2)."""

_ENTRY = text("""
    SELECT entry_id FROM wallet.security_entry
    WHERE entry_id = :id AND account_id = :account_id AND item = 'factors' AND factor = :kind
""")
_SEED = text("SELECT seed, last_step FROM wallet.otp_seed WHERE entry_id = :id FOR UPDATE")
_USED_STEP = text("UPDATE wallet.otp_seed SET last_step = :step WHERE entry_id = :id")
_USED_CODE = text("""
    UPDATE wallet.saved_code SET used_at = :moment WHERE entry_id = :id AND code_digest = :digest AND used_at IS NULL
""")


def hotp(secret: bytes, counter: int, *, digits: int = DIGITS, algorithm: str = "sha1") -> str:
    """The code of a counter (RFC 4226, 5.3)."""
    mac = hmac.new(secret, counter.to_bytes(8, "big"), algorithm).digest()
    offset = mac[-1] & 0x0F
    number = int.from_bytes(mac[offset : offset + 4], "big") & 0x7FFFFFFF
    return str(number % 10**digits).zfill(digits)


def totp(secret: bytes, at: datetime, *, digits: int = DIGITS, algorithm: str = "sha1") -> str:
    """The code of a moment (RFC 6238, 4)."""
    return hotp(secret, step_of(at), digits=digits, algorithm=algorithm)


def step_of(at: datetime) -> int:
    """The time step of a moment."""
    return int(at.timestamp()) // STEP_SECONDS


def matching_step(secret: bytes, code: str, at: datetime, last_step: int) -> int | None:
    """The step whose code this is, within the drift and later than every step taken before."""
    now = step_of(at)
    for step in range(now - DRIFT, now + DRIFT + 1):
        if step > last_step and hmac.compare_digest(hotp(secret, step).encode(), code.encode()):
            return step
    return None


def saved_code_digest(entry_id: str, code: str) -> str:
    """How a saved code is kept: bound to its set, written with or without dashes, in either case."""
    return hashlib.sha256(f"{entry_id}:{secret_digest(code.replace('-', '').upper())}".encode()).hexdigest()


async def verify(
    connection: AsyncConnection, account_id: str, factor_id: str, kind: str, code: str
) -> Effect:
    """Check a code and use it up. Refusals: account_unknown, account_closed, factor_unknown."""
    await accounts.lock_one(connection, account_id)
    which = {"id": factor_id, "account_id": account_id, "kind": kind}
    if (await connection.execute(_ENTRY, which)).first() is None:
        raise refusal("factor_unknown")
    seq, moment = await postings.head(connection)
    if kind == "totp":
        accepted = await _use_step(connection, factor_id, code, moment)
    else:
        used = {"id": factor_id, "digest": saved_code_digest(factor_id, code), "moment": moment}
        accepted = (await connection.execute(_USED_CODE, used)).rowcount == 1
    return Effect(account_id, seq, moment, {"accepted": accepted})


async def _use_step(connection: AsyncConnection, factor_id: str, code: str, moment: datetime) -> bool:
    row = (await connection.execute(_SEED, {"id": factor_id})).first()
    step = None if row is None else matching_step(row.seed, code, moment, row.last_step)
    if step is not None:
        await connection.execute(_USED_STEP, {"id": factor_id, "step": step})
    return step is not None
