"""The means to stop any single activity where a test wants it, or to let it fail."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from temporalio import activity
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from models.ids import incident_of_workflow
from models.registered import Activity


@dataclass(eq=False)
class Held:
    """One activity of one incident, stopped once: before it does anything, or when all of it is done and recorded."""

    activity: Activity
    incident_id: str
    after: bool
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    free: asyncio.Event = field(default_factory=asyncio.Event)

    async def stands(self) -> None:
        """Wait until it is there."""
        async with asyncio.timeout(60):
            await self.reached.wait()

    def go(self) -> None:
        """Let it go on."""
        self.free.set()


class Gate(Interceptor):
    """Stops activities, or lets them fail."""

    def __init__(self) -> None:
        self.waiting: list[Held] = []
        self.failing: dict[tuple[str, str], list[Exception]] = {}

    @contextmanager
    def hold(self, activity: Activity, incident_id: str, *, after: bool = False) -> Iterator[Held]:
        """The next attempt of this activity for this incident is stopped; at the end of the block it goes on."""
        held = Held(activity, incident_id, after)
        self.waiting.append(held)
        try:
            yield held
        finally:
            held.go()
            if held in self.waiting:
                self.waiting.remove(held)

    def fail(self, activity: Activity, incident_id: str, *errors: Exception) -> None:
        """The next attempts raise these instead of doing anything."""
        self.failing[activity.value, incident_id] = list(errors)

    def take(self, activity: str, incident_id: str, *, after: bool) -> Held | None:
        """The stop that is meant for this attempt, if there is one."""
        for held in self.waiting:
            if (held.activity.value, held.incident_id, held.after) == (activity, incident_id, after):
                self.waiting.remove(held)
                return held
        return None

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002
        return _Gated(next, self)


class _Gated(ActivityInboundInterceptor):
    def __init__(self, inner: ActivityInboundInterceptor, gate: Gate) -> None:
        super().__init__(inner)
        self._gate = gate

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002
        info = activity.info()
        incident_id = incident_of_workflow(info.workflow_id or "") or ""
        await self._stop(info.activity_type, incident_id, after=False)
        errors = self._gate.failing.get((info.activity_type, incident_id))
        if errors:
            raise errors.pop(0)
        result = await super().execute_activity(input)
        await self._stop(info.activity_type, incident_id, after=True)
        return result

    async def _stop(self, name: str, incident_id: str, *, after: bool) -> None:
        held = self._gate.take(name, incident_id, after=after)
        if held is not None:
            held.reached.set()
            await held.free.wait()
