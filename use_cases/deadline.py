"""A budget that holds even when what runs inside it does not stop at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from math import inf
from typing import Any, Final, TypeVar

Result = TypeVar("Result")

SLICES: Final = 10
"""The budget is waited for in so many parts."""

LATE: Final = 1.2
"""How much longer than it is a part may count. What is beyond is our own slowness, not that of what we wait for."""


def _nothing() -> int:
    return 0


@dataclass
class Deadline:
    """Runs something within a number of seconds, `longest` at the very most.

    What is late is cancelled but not waited for: giving up a database that has stopped can itself take seconds, and the
    caller must hear in time that nothing is certain. Time in which this process itself was too busy to look does not
    count. The budget begins anew whenever `signs_of_life` has changed.
    """

    seconds: float
    longest: float = inf
    signs_of_life: Callable[[], int] = _nothing
    _abandoned: set[asyncio.Task[Any]] = field(default_factory=set)

    async def within(self, work: Coroutine[Any, Any, Result]) -> Result:
        """The result of `work`. Errors: TimeoutError when it took longer, and whatever it raises itself."""
        task = asyncio.ensure_future(work)
        try:
            in_time = await self._in_time(task)
        except asyncio.CancelledError:
            self._abandon(task)
            raise
        if not in_time:
            self._abandon(task)
            raise TimeoutError
        return task.result()

    async def _in_time(self, task: asyncio.Task[Any]) -> bool:
        now = asyncio.get_running_loop().time
        part = self.seconds / SLICES
        begun, spent, life = now(), 0.0, self.signs_of_life()
        while True:
            looked = now()
            done, _ = await asyncio.wait((task,), timeout=part)
            if done:
                return True
            spent += min(now() - looked, part * LATE)
            if self.signs_of_life() != life:
                spent, life = 0.0, self.signs_of_life()
            if spent >= self.seconds or now() - begun >= self.longest:
                return False

    def _abandon(self, task: asyncio.Task[Any]) -> None:
        task.cancel()
        self._abandoned.add(task)
        task.add_done_callback(self._forget)

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self._abandoned.discard(task)
        if not task.cancelled():
            task.exception()
