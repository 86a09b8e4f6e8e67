"""Relay: hands over to Temporal whatever the gateway could not, for ever. Runs beside the worker."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, Generic, Protocol, TypeVar

import structlog

from activities.ports import HandOver
from adapters.temporal.hand_over import NotTaken
from models.errors import ErrorCode, StanchError

AT_ONCE: Final = 8
"""Wakes under way at once: two cores open some forty workflows a second, and more at once only queue."""

RELAY_BUDGET: Final = timedelta(seconds=10)
"""For one wake of the relay's: nobody waits for it, and in a burst Temporal takes seconds to come to it."""

IDLE_SECONDS: Final = 0.5
"""Between two looks when nothing is due; a row becomes due 2 s after it was asked for."""

DOWN_SECONDS: Final = 1.0
"""Between two looks while Temporal or the database is away."""

_log = structlog.get_logger(__name__)


class Leased(Protocol):
    """One hand-over row that is ours for a while."""

    @property
    def incident_id(self) -> str:
        """Whose workflow to start or wake."""
        ...


Due = TypeVar("Due", bound=Leased)


class DueHandOvers(Protocol[Due]):
    """Rows whose time has come. A lease is the pushed-back next try, so a relay that dies loses nothing."""

    async def due(self, limit: int) -> Sequence[Due]:
        """Lease up to `limit` rows."""
        ...

    async def delivered(self, due: Due, /) -> None:
        """Temporal has taken this; what was asked meanwhile stays due."""
        ...

    async def failed(self, due: Due, error: str, /) -> None:
        """Note the stable code of the failure; the row stays due."""
        ...


@dataclass
class Relay(Generic[Due]):
    """Insists. While Temporal is away it tries one row at a time, so the others do not age meanwhile and all follow
    at once when it is back. Several relays may run: each row is leased by one.
    """

    rows: DueHandOvers[Due]
    hand_over: HandOver
    at_once: int = AT_ONCE
    idle_seconds: float = IDLE_SECONDS
    down_seconds: float = DOWN_SECONDS
    _under_way: set[asyncio.Task[None]] = field(default_factory=set)
    _temporal_answers: bool = True

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`; what is under way is finished first, within the hand-over's own budget."""
        try:
            while not stop.is_set():
                await self._pause(stop, await self._lease())
        finally:
            await asyncio.gather(*self._under_way, return_exceptions=True)

    async def _lease(self) -> float:
        """Take what is due and set it going; how long to wait before the next look."""
        wanted = (self.at_once if self._temporal_answers else 1) - len(self._under_way)
        if wanted <= 0:
            return self.idle_seconds
        try:
            leased = await self.rows.due(wanted)
        except StanchError as error:
            _log.warning("relay_cannot_read", code=error.code)
            return self.down_seconds
        for due in leased:
            task = asyncio.create_task(self._deliver(due), name=f"hand-over {due.incident_id}")
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)
        if not self._temporal_answers:
            return self.down_seconds
        return 0.0 if len(leased) == wanted else self.idle_seconds

    async def _pause(self, stop: asyncio.Event, seconds: float) -> None:
        """Wait, but no longer than until a place is free when all are taken; not at all when asked to end."""
        asked: asyncio.Task[object] = asyncio.create_task(stop.wait())
        full = len(self._under_way) >= (self.at_once if self._temporal_answers else 1)
        try:
            await asyncio.wait(
                [asked, *self._under_way] if full else [asked],
                timeout=None if full else seconds,
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            asked.cancel()

    async def _deliver(self, due: Due) -> None:
        try:
            await self.hand_over.wake(due.incident_id)
            self._temporal_answers = True
            await self.rows.delivered(due)
        except NotTaken as error:
            # Temporal is there: the others need not wait for the worker that this one waits for.
            self._temporal_answers = True
            await self._note(due, error.code)
        except StanchError as error:
            await self._failed(due, error.code)
        except Exception as error:  # noqa: BLE001 - one broken hand-over must not end the relay of all others
            # Not exception(): a library's text and frames may carry the values it failed on.
            _log.error("relay_failed", incident_id=due.incident_id, error=type(error).__name__)
            await self._failed(due, ErrorCode.INTERNAL)

    async def _failed(self, due: Due, code: ErrorCode) -> None:
        if code is ErrorCode.TEMPORAL_UNREACHABLE:
            self._temporal_answers = False
        elif code is not ErrorCode.DATABASE_UNREACHABLE:
            self._temporal_answers = True
        await self._note(due, code)

    async def _note(self, due: Due, code: ErrorCode) -> None:
        _log.warning("hand_over_failed", incident_id=due.incident_id, code=code)
        with contextlib.suppress(StanchError):
            await self.rows.failed(due, code.value)
