"""The wallet company's clerk: carries out what is due, day and night, whoever ordered it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

import asyncpg
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from sandbox.wallet import payments

LOOK_SECONDS = 0.5


class Clerk:
    """Looks for due payments. `on_posted` is called when some moved money: the detector looks at once then."""

    def __init__(self, engine: AsyncEngine, settle_seconds: float, on_posted: Callable[[], None]) -> None:
        self._engine = engine
        self._settle_seconds = settle_seconds
        self._on_posted = on_posted

    async def carry_out_due(self, account_id: str | None = None) -> list[dict[str, object]]:
        """What became of everything that was due now."""
        done = await payments.carry_out_due(self._engine, self._settle_seconds, account_id=account_id)
        if any(each["state"] == "captured" for each in done):
            self._on_posted()
        return done

    async def run(self) -> None:
        """Until cancelled; a failing database is tried again."""
        while True:
            try:
                await self.carry_out_due()
            except (SQLAlchemyError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                logging.getLogger(__name__).warning("clerk could not work: %s", type(error).__name__)
            await asyncio.sleep(LOOK_SECONDS)
