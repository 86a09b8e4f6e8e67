"""What is done after the answer: nobody waits for it, and nothing is lost when it never happens."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator

import structlog

from gateway.metrics import Metrics
from models.errors import StanchError

log = structlog.get_logger("gateway.afterwards")

AT_ONCE = 8
"""Hand-overs at once: enough to keep Temporal busy, few enough to leave the machine to alarms."""

WAITING = 10_000
"""Beyond this the relay alone does it, from the rows."""

CALM = 0.02
"""Seconds without an alarm after which background work begins: alarms that follow each other closely are one burst."""

YIELD = 1.0
"""Seconds a hand-over lets alarms go first. Below the relay's patience (2 s), so it does not do the same work again."""


class Afterwards:
    """Runs work in the background, a little at a time, each within its budget (seconds), one at most per name."""

    def __init__(self, metrics: Metrics, *, budget: float) -> None:
        self._metrics = metrics
        self._budget = budget
        self._places = asyncio.Semaphore(AT_ONCE)
        self._waiting: dict[str, asyncio.Task[None]] = {}
        self._running: set[asyncio.Task[None]] = set()
        self._alarms = 0
        self._seen = 0
        self._quiet = asyncio.Event()
        self._quiet.set()

    @contextlib.contextmanager
    def alarm(self) -> Iterator[None]:
        """An alarm is under way: background work lets it go first."""
        self._alarms += 1
        self._seen += 1
        self._quiet.clear()
        try:
            yield
        finally:
            self._alarms -= 1
            if not self._alarms:
                self._quiet.set()

    def later(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """Do `work` soon, unless the same is waiting already or too much is: the committed row asks for it anyway."""
        if name in self._waiting or len(self._waiting) >= WAITING:
            self._metrics.follow_ups.labels("left_to_relay").inc()
            return
        task = asyncio.create_task(self._run(name, work))
        self._waiting[name] = task
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        self._metrics.waiting.set(len(self._waiting))

    async def close(self, patience: float) -> None:
        """Give what is under way `patience` seconds, then let go of it."""
        if self._running:
            _, late = await asyncio.wait(self._running, timeout=patience)
            for task in late:
                task.cancel()

    async def _calm(self) -> None:
        while True:
            await self._quiet.wait()
            seen = self._seen
            await asyncio.sleep(CALM)
            if seen == self._seen and not self._alarms:
                return

    async def _run(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        result = "done"
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(YIELD):
                    await self._calm()
            async with self._places:
                # From here on a later request for the same is not covered by this run.
                self._waiting.pop(name, None)
                async with asyncio.timeout(self._budget):
                    await work()
        except TimeoutError:
            result = "late"
        except StanchError as error:
            result = error.code.value
        except Exception as error:  # noqa: BLE001 - the row stands and the relay insists; only do not be silent about it
            result = "failed"
            # Not log.exception: a library's text and frames may carry the values it failed on.
            log.error("follow-up failed", error=type(error).__name__)  # noqa: TRY400
        self._metrics.waiting.set(len(self._waiting))
        self._metrics.follow_ups.labels(result).inc()
