"""What is done after the answer: nobody waits for it, and nothing is lost when it never happens."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator
from time import monotonic

import structlog

from gateway.metrics import Metrics
from models.errors import StanchError

log = structlog.get_logger("gateway.afterwards")

AT_ONCE = 4
"""Hand-overs at once: enough to keep Temporal busy, few enough to leave the machine to alarms."""

Work = Callable[[], Awaitable[None]]

WAITING = 10_000
"""Beyond this the relay alone does it, from the rows."""

CALM = 0.02
"""Seconds without an alarm after which background work begins: alarms that follow each other closely are one burst."""

YIELD = 1.0
"""Seconds a hand-over lets alarms go first. Below the relay's patience (2 s), so it does not do the same work again."""


class Afterwards:
    """Runs work in the background, a little at a time, each within its budget (seconds), one at most waiting per name."""

    def __init__(self, metrics: Metrics, *, budget: float) -> None:
        self._metrics = metrics
        self._budget = budget
        self._places = asyncio.Semaphore(AT_ONCE)
        self._waiting: dict[str, tuple[float, Work]] = {}
        self._running: set[asyncio.Task[None]] = set()
        self._dispatcher: asyncio.Task[None] | None = None
        self._alarms = 0
        self._last_alarm = 0.0

    @contextlib.contextmanager
    def alarm(self) -> Iterator[None]:
        """An alarm is under way: background work lets it go first."""
        self._alarms += 1
        try:
            yield
        finally:
            self._alarms -= 1
            self._last_alarm = monotonic()

    def later(self, name: str, work: Work) -> None:
        """Do `work` soon, unless the same is waiting already or too much is: the committed row asks for it anyway."""
        if name in self._waiting or len(self._waiting) >= WAITING:
            self._metrics.follow_ups.labels("left_to_relay").inc()
            return
        self._waiting[name] = monotonic(), work
        if self._dispatcher is None or self._dispatcher.done():
            self._dispatcher = asyncio.create_task(self._dispatch())

    async def close(self, patience: float) -> None:
        """Give what waits and runs `patience` seconds, then let go of it."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience):
                if self._dispatcher is not None:
                    await self._dispatcher
                if self._running:
                    await asyncio.wait(self._running)
        for task in self._running:
            task.cancel()

    async def _dispatch(self) -> None:
        """One at a time looks whether it is calm, whatever waits: a burst must not pay for what it left behind."""
        while self._waiting:
            await self._turn()
            await self._places.acquire()
            # From here on a later request for the same is not covered by this run.
            _, work = self._waiting.pop(next(iter(self._waiting)))
            self._metrics.waiting.set(len(self._waiting))
            task = asyncio.create_task(self._run(work))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    async def _turn(self) -> None:
        """Until no alarm has been under way for a while, or the oldest work has let enough of them pass."""
        oldest, _ = next(iter(self._waiting.values()))
        while (rest := oldest + YIELD - monotonic()) > 0:
            if not self._alarms and monotonic() - self._last_alarm >= CALM:
                return
            await asyncio.sleep(min(CALM, rest))

    async def _run(self, work: Work) -> None:
        result = "done"
        try:
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
        finally:
            self._places.release()
        self._metrics.follow_ups.labels(result).inc()
