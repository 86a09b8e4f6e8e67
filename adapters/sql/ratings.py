"""Ratings of closed incidents (use_cases.rate.Ratings)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from activities.ending_changes import AskRating
from adapters.secrets.keys import Sealer
from adapters.sql.engine import statement
from models.contracts.steps import FinishedStep
from models.errors import ErrorCode, StanchError
from models.tables.rating import Rating, RatingAsk

COMMENT = "rating.comment"

# One statement: of two answers with the same code the first is stored, and the second finds it used.
STORE = text(
    """
INSERT INTO rating (incident_id, rating, comment, rated_at)
SELECT incident_id, :rating, :comment, :at FROM rating_ask
WHERE incident_id = :incident_id AND code_digest = :digest AND expires_at > :at
ON CONFLICT DO NOTHING RETURNING incident_id
"""
)


class SqlRatings:
    """Stores a rating, once."""

    def __init__(self, engine: AsyncEngine, sealer: Sealer) -> None:
        self._engine = engine
        self._sealer = sealer

    async def store(self, digest: str, rating: int, comment: str | None, at: datetime) -> bool:
        """See use_cases.rate.Ratings."""
        async with statement(self._engine) as connection:
            incident_id: str | None = await connection.scalar(
                select(RatingAsk.incident_id).where(RatingAsk.code_digest == digest)
            )
        if incident_id is None:
            return False
        sealed = None if comment is None else await self._sealer.seal(incident_id, COMMENT, comment.encode())
        values = {"incident_id": incident_id, "digest": digest, "rating": rating, "comment": sealed, "at": at}
        async with statement(self._engine) as connection:
            return await connection.scalar(STORE, values) is not None


async def asked(change: AskRating, connection: AsyncConnection, step: FinishedStep) -> None:
    """In the commit of the closing, with the notice that carries the code."""
    await connection.execute(
        insert(RatingAsk).values(
            incident_id=step.attempt.incident_id,
            code_digest=change.code_digest,
            asked_at=change.at,
            expires_at=change.expires_at,
        )
    )


async def read_rating(connection: AsyncConnection, incident_id: str, sealer: Sealer) -> dict[str, Any] | None:
    """What was answered, for people; None when nothing was, yet."""
    row = (await connection.execute(select(Rating).where(Rating.incident_id == incident_id))).one_or_none()
    if row is None:
        return None
    return {
        "rating": row.rating,
        "comment": None if row.comment is None else await _opened(sealer, incident_id, row.comment),
        "rated_at": row.rated_at.isoformat(),
    }


async def _opened(sealer: Sealer, incident_id: str, sealed: bytes) -> str:
    try:
        return (await sealer.open(incident_id, COMMENT, sealed)).decode()
    except StanchError as error:
        if not error.matches(ErrorCode.ERASED):
            raise
        return "(erased)"
