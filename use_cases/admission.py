"""How many alarms are at the database at once, and what the others hear when it is gone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from models.errors import ErrorCode, StanchError
from use_cases.deadline import Deadline

Result = TypeVar("Result")


class Admission:
    """Lets a burst queue without letting an outage queue.

    `places` alarms are at the database at once, each with `budget` seconds; the others wait for a place, and that wait
    does not count, for the database is well. When one meets a database that is gone, everybody who waited behind it
    hears so at once: so nobody waits longer than one budget for a database that does not answer.
    """

    def __init__(self, *, places: int, budget: float) -> None:
        self._places = asyncio.Semaphore(places)
        self._deadline = Deadline(budget)
        self._failures = 0

    async def run(self, work: Callable[[], Coroutine[Any, Any, Result]]) -> Result:
        """The result of `work`. Errors: NOT_ACCEPTED when the database did not take it; whatever else it raises."""
        failures = self._failures
        async with self._places:
            if failures != self._failures:
                raise not_accepted()
            try:
                return await self._deadline.within(work())
            except TimeoutError:
                self._failures += 1
                raise not_accepted() from None
            except StanchError as error:
                if error.code is not ErrorCode.DATABASE_UNREACHABLE:
                    raise
                self._failures += 1
                raise not_accepted() from error


def not_accepted() -> StanchError:
    """What the caller of an alarm hears when nothing can be committed."""
    return StanchError(
        ErrorCode.NOT_ACCEPTED,
        "The alarm was not accepted and nothing was frozen: the database does not answer. "
        "Repeat it with the same id; repeating never freezes twice.",
    )
