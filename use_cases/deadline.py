"""A budget that holds even when what runs inside it does not stop at once."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

Result = TypeVar("Result")


@dataclass
class Deadline:
    """Runs something within a number of seconds.

    What is late is cancelled but not waited for: giving up a database that has stopped can itself take seconds, and the
    caller must hear in time that nothing is certain.
    """

    seconds: float
    _abandoned: set[asyncio.Task[Any]] = field(default_factory=set)

    async def within(self, work: Coroutine[Any, Any, Result]) -> Result:
        """The result of `work`. Errors: TimeoutError when it took longer, and whatever it raises itself."""
        task = asyncio.ensure_future(work)
        try:
            done, _ = await asyncio.wait((task,), timeout=self.seconds)
        except asyncio.CancelledError:
            self._abandon(task)
            raise
        if not done:
            self._abandon(task)
            raise TimeoutError
        return task.result()

    def _abandon(self, task: asyncio.Task[Any]) -> None:
        task.cancel()
        self._abandoned.add(task)
        task.add_done_callback(self._forget)

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self._abandoned.discard(task)
        if not task.cancelled():
            task.exception()
