"""Beside the worker: lets go of counters that say nothing any more, so that strangers cannot fill a table."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import structlog

from activities.ports import Clock
from adapters.sql.pace import SqlPace
from models.errors import StanchError

EVERY_SECONDS = 60.0

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Forgetting:
    """Forgets until asked to stop. A database that is away is noted, and the next round finds it again."""

    pace: SqlPace
    clock: Clock
    every_seconds: float = EVERY_SECONDS

    async def run(self, stop: asyncio.Event) -> None:
        """Now and then."""
        while not stop.is_set():
            try:
                async with asyncio.timeout(self.every_seconds):
                    await stop.wait()
                    return
            except TimeoutError:
                await self.once()

    async def once(self) -> None:
        """Delete, a thousand rows at a time, what lies behind the clock."""
        try:
            while await self.pace.forget(self.clock.now()):
                continue
        except StanchError as error:
            _log.warning("forgetting_failed", code=error.code)
