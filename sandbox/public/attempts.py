"""Who is asking, and the record of what was refused."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Annotated, Any, NoReturn

from fastapi import Depends, Request
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from sandbox.problems import Refusal
from sandbox.state import running
from sandbox.tables import attempt
from sandbox.wallet import credentials, entries, guards
from sandbox.wallet.credentials import FoundSession


async def current_session(request: Request) -> FoundSession:
    """The session of the bearer token, also one that has ended: its refusal belongs on the account's record."""
    token = request.headers.get("authorization", "").removeprefix("Bearer ")
    async with running(request).database.engine.connect() as connection:
        found = await credentials.find_session(connection, token)
    if found is None:
        raise Refusal(401, "session_unknown", "This session is not known. Log in again.")
    return found


Session = Annotated[FoundSession, Depends(current_session)]


@contextlib.asynccontextmanager
async def recorded(
    engine: AsyncEngine, account_id: str, action: str, session: FoundSession | None = None, **detail: Any
) -> AsyncIterator[None]:
    """Record what is refused inside the block, and refuse it.

    A restriction is the reason given first: a session that it ended is told of the restriction, not of the session.
    """
    try:
        if session is not None and session.ended:
            await _refuse_ended(engine, account_id)
        yield
    except Refusal as refused:
        async with engine.begin() as connection:
            standing = bool(await guards.scopes(connection, account_id))
            await connection.execute(
                insert(attempt).values(
                    account_id=account_id,
                    at=await entries.clock(connection),
                    action=action,
                    code=refused.code,
                    restricted=standing,
                    detail={"device_id": session.device_id if session else None, **detail},
                )
            )
        raise


async def _refuse_ended(engine: AsyncEngine, account_id: str) -> NoReturn:
    async with engine.connect() as connection:
        await guards.check_login(connection, account_id)
    raise Refusal(401, "session_ended", "This session has ended. Log in again.")
