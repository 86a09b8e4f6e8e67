"""Deliverer: tells people what steps have promised, and asks for receipts. Runs beside the worker."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import structlog

from activities.notice_ports import NoticeStore
from models.contracts.notices import Delivery, DueNotice
from models.errors import ErrorCode, StanchError
from use_cases.deliver_notice import DeliverNotice

AT_ONCE: Final = 4
"""Notices under way at once: nobody waits for one, and the freezes of others need the database more."""

LEASE: Final = timedelta(seconds=60)
"""Longer than the slowest delivery: a wallet's answer, and one call of 5 or 10 s for each of a few contacts."""

IDLE_SECONDS: Final = 0.5
DOWN_SECONDS: Final = 2.0
"""Between two looks while the database is away."""

_log = structlog.get_logger(__name__)


@dataclass
class Deliverer:
    """Leases what is due and delivers it. Several may run; a dead one's leases end by themselves.

    While a provider is away notices wait longer and longer; the first that gets through calls the others.
    """

    store: NoticeStore
    deliver: DeliverNotice
    at_once: int = AT_ONCE
    lease: timedelta = LEASE
    idle_seconds: float = IDLE_SECONDS
    _away: bool = False

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`; what is under way is finished first."""
        while not stop.is_set():
            pause = await self.once()
            if pause:
                try:
                    async with asyncio.timeout(pause):
                        await stop.wait()
                except TimeoutError:
                    continue

    async def once(self) -> float:
        """One look; how long to wait before the next."""
        try:
            due = await self.store.due(self.at_once, self.lease)
            looks = await self.store.to_look_at(self.at_once)
        except StanchError as error:
            _log.warning("deliverer_cannot_read", code=error.code)
            return DOWN_SECONDS
        await asyncio.gather(
            *(self._safely(self._notice(each), each.notice_id) for each in due),
            *(self._safely(self._look(each), each.notice_id) for each in looks),
        )
        full = len(due) == self.at_once or len(looks) == self.at_once
        return 0.0 if full else self.idle_seconds

    async def _notice(self, due: DueNotice) -> None:
        answered = await self.deliver.run(due)
        if answered and self._away:
            await self.store.hurry(ErrorCode.WALLET_UNREACHABLE)
        self._away = not answered

    async def _look(self, delivery: Delivery) -> None:
        await self.deliver.look(delivery)

    async def _safely(self, work: Awaitable[None], notice_id: str) -> None:
        """A notice that breaks must not end the deliverer of all others; its lease ends by itself."""
        try:
            await work
        except StanchError as error:
            _log.info("notice_not_now", notice_id=notice_id, code=error.code)
        except Exception:  # noqa: BLE001 - logged, and tried again when its lease ends
            _log.exception("notice_broken", notice_id=notice_id)
