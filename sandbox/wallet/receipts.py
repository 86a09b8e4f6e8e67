"""Every write once: key lock, former receipt, effect and receipt in one transaction."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import insert, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from sandbox.problems import refusal
from sandbox.tables import receipt

_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))")
_FIND = text("SELECT digest, body FROM wallet.receipt WHERE idempotency_key = :key")


@dataclass(frozen=True)
class Effect:
    """What a write did: on which account, after which posting number, when, and what came of it."""

    account_id: str
    effective_seq: int
    effective_at: datetime
    result: dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """A receipt as JSON text, and whether it is an earlier request's."""

    body: str
    replayed: bool


def digest(method: str, path: str, content: str) -> bytes:
    """What makes two requests the same: method, path, and the content in one canonical form."""
    return hashlib.sha256(f"{method} {path}\n{content}".encode("utf-8", "surrogatepass")).digest()


async def once(
    engine: AsyncEngine,
    *,
    key: str,
    request: bytes,
    action: str,
    effect: Callable[[AsyncConnection], Awaitable[Effect]],
) -> Answer:
    """Run `effect` unless `key` has a receipt; a request in flight with the same key is waited for.

    A refusal raised by `effect` rolls everything back, so the key stays unused. Refusals: idempotency_mismatch.
    """
    async with engine.begin() as connection:
        await connection.execute(_LOCK, {"key": key})
        former = (await connection.execute(_FIND, {"key": key})).first()
        if former is not None:
            if former.digest != request:
                raise refusal("idempotency_mismatch")
            return Answer(former.body, replayed=True)
        done = await effect(connection)
        body = json.dumps(
            {
                "receipt_id": f"rcp-{uuid.uuid4().hex}",
                "idempotency_key": key,
                "action": action,
                "account_id": done.account_id,
                "effective_seq": done.effective_seq,
                "effective_at": done.effective_at.isoformat(),
                "result": done.result,
            }
        )
        await connection.execute(insert(receipt).values(idempotency_key=key, digest=request, body=body))
    return Answer(body, replayed=False)


async def find(engine: AsyncEngine, key: str) -> str:
    """The receipt of a key. Refusals: receipt_unknown."""
    async with engine.connect() as connection:
        former = (await connection.execute(_FIND, {"key": key})).first()
    if former is None:
        raise refusal("receipt_unknown")
    return str(former.body)
