"""Alerter: alerts staff beside the worker. A target that is slow keeps nobody's notice waiting."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import structlog

from activities.staff_ports import StaffAlertStore
from models.contracts.staff import DueAlert
from models.errors import StanchError
from use_cases.alert_staff import AlertStaff

AT_ONCE: Final = 4
LEASE: Final = timedelta(seconds=120)
"""Longer than a slow try at each of a few targets."""

IDLE_SECONDS: Final = 0.5
DOWN_SECONDS: Final = 2.0
WATCH_SECONDS: Final = 5.0
"""Between two looks at what only a clock shows: one reads the attempts of the last minutes, of which a burst makes many."""

_log = structlog.get_logger(__name__)


@dataclass
class Alerter:
    """Leases what is due and delivers it. Several may run; a dead one's leases end by themselves."""

    store: StaffAlertStore
    alert: AlertStaff
    lease: timedelta = LEASE
    idle_seconds: float = IDLE_SECONDS
    watch_seconds: float = WATCH_SECONDS
    _watched_at: float | None = None

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
            await self._watch()
            due: Sequence[DueAlert] = await self.store.due(AT_ONCE, self.lease)
        except StanchError as error:
            _log.warning("alerter_cannot_read", code=error.code)
            return DOWN_SECONDS
        await asyncio.gather(*(self._safely(each) for each in due))
        return 0.0 if len(due) == AT_ONCE else self.idle_seconds

    async def _watch(self) -> None:
        now = time.monotonic()
        if self._watched_at is None or now - self._watched_at >= self.watch_seconds:
            self._watched_at = now
            await self.alert.watch()

    async def _safely(self, due: DueAlert) -> None:
        """An alert that breaks must not end the alerter of all others; its lease ends by itself."""
        try:
            await self.alert.run(due)
        except StanchError as error:
            _log.info("staff_alert_not_now", alert_id=due.alert_id, code=error.code)
        except Exception:  # noqa: BLE001 - logged, and tried again when its lease ends
            _log.exception("staff_alert_broken", alert_id=due.alert_id)
