"""The owner says how well they were helped: once, if they like, with the code of the closing notice."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from activities.ports import Clock
from models.digests import rating_code_digest
from models.errors import ErrorCode, StanchError


class Ratings(Protocol):
    """Where ratings are stored."""

    async def store(self, digest: str, rating: int, comment: str | None, at: datetime) -> bool:
        """Store it under the incident whose code has this digest. False when none has, it was used, or it is too old.

        Errors: ERASED, when there is a comment and nothing to seal it with any more.
        """
        ...


@dataclass
class Rate:
    """Asks nobody who they are: the code is all."""

    ratings: Ratings
    clock: Clock

    async def run(self, code: str, rating: int, comment: str | None) -> None:
        """Store the rating. Errors: NOT_FOUND, the same whether the code is unknown, used or too old."""
        stored = await self.ratings.store(rating_code_digest(code), rating, comment or None, self.clock.now())
        if not stored:
            raise StanchError(
                ErrorCode.NOT_FOUND,
                "This code is not known, was used already, or is too old. Nothing was stored.",
            )
