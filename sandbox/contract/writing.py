"""What every write of the contract has in common: the key, the digest, the receipt as an answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Header, Request, Response
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncConnection

from sandbox.state import running
from sandbox.wallet import receipts
from sandbox.wallet.receipts import Effect

KEY_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_.:/\-]*$"
IdempotencyKey = Annotated[str, Header(alias="Idempotency-Key", pattern=KEY_PATTERN, max_length=200)]


def receipt_response(body: str, *, replayed: bool) -> Response:
    """A receipt, marked when it is an earlier request's."""
    headers = {"Idempotency-Replayed": "true"} if replayed else None
    return Response(body, headers=headers, media_type="application/json")


async def write(
    request: Request,
    key: str,
    content: BaseModel | None,
    action: str,
    effect: Callable[[AsyncConnection], Awaitable[Effect]],
    *,
    forget: frozenset[str] = frozenset(),
) -> Response:
    """Run a write once and answer its receipt. Of the fields in `forget` no trace is kept, not even in a digest."""
    text = content.model_dump_json(exclude=set(forget)) if content is not None else request.url.query
    digest = receipts.digest(request.method, request.scope["path"], text)
    engine = running(request).database.engine
    answer = await receipts.once(engine, key=key, request=digest, action=action, effect=effect)
    return receipt_response(answer.body, replayed=answer.replayed)
