"""The sweep, beside the worker, at its own pace."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import structlog

from models.errors import StanchError
from use_cases.break_glass import BreakTheGlass
from use_cases.escalate import Escalate
from use_cases.sweep import Sweep

EVERY_SECONDS = 60.0
"""Between two sweeps: a restriction that should not stand locks a person out for as long as nobody notices."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Sweeping:
    """Sweeps until asked to stop. A wallet or database that is away is noted, and the next sweep finds them again."""

    sweep: Sweep
    escalate: Escalate
    break_the_glass: BreakTheGlass
    every_seconds: float = EVERY_SECONDS

    async def run(self, stop: asyncio.Event) -> None:
        """Sweep now and then; findings are in the table `discrepancy` and in the log."""
        while not stop.is_set():
            try:
                async with asyncio.timeout(self.every_seconds):
                    await stop.wait()
                    return
            except TimeoutError:
                await self._once()

    async def _once(self) -> None:
        try:
            for finding in await self.sweep.run():
                _log.error("discrepancy", kind=finding.kind.value, subject=finding.subject)
            for task_id, kind in await self.escalate.run():
                _log.error("decision_overdue", task_id=task_id, kind=kind)
            for use in await self.break_the_glass.overdue():
                _log.error("break_glass_unreviewed", request_id=use.request_id, incident_id=use.incident_id)
        except StanchError as error:
            _log.warning("sweep_failed", code=error.code)
