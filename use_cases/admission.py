"""How many are at the database at once, and what the others hear when it is gone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from models.errors import ErrorCode, StanchError
from use_cases.deadline import Deadline

Result = TypeVar("Result")

LONGEST = 5.0
"""Seconds after which even a database that serves others is given up."""


class Admission:
    """Lets a burst queue without letting an outage queue.

    `places` are at the database at once, each with `budget` seconds; the others wait for a place, and that wait does not
    count. The budget begins anew whenever somebody else gets through: a database that answers is slow, not gone. When
    nobody gets through for a whole budget, everybody who waited until then hears so at once: so a database that hangs
    keeps nobody longer than that.
    """

    def __init__(self, *, places: int, budget: float) -> None:
        self._places = asyncio.Semaphore(places)
        self._deadline = Deadline(budget, longest=LONGEST, signs_of_life=lambda: self._successes)
        self._successes = 0
        self._outages = 0

    async def run(self, work: Callable[[], Coroutine[Any, Any, Result]]) -> Result:
        """The result of `work`. Errors: DATABASE_UNREACHABLE, also when it is too slow; whatever else it raises."""
        outages = self._outages
        async with self._places:
            if outages != self._outages:
                raise too_slow()
            try:
                result = await self._deadline.within(work())
            except TimeoutError:
                self._outages += 1
                raise too_slow() from None
            self._successes += 1
            return result


def too_slow() -> StanchError:
    """The database did not answer in time."""
    return StanchError(
        ErrorCode.DATABASE_UNREACHABLE,
        "The database does not answer in time. Nothing that was answered is lost; repeat the same request.",
    )
