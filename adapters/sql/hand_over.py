"""That Temporal must look at an incident: asked in the commit of what happened, leased by the relay, for ever insisted on."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from adapters.sql.engine import statement
from models.contracts.base import Message

ASK = text(
    """
INSERT INTO hand_over (incident_id, generation, requested_at, next_try_at, attempts)
VALUES (:incident_id, 1, :at, clock_timestamp() + interval '2 seconds', 0)
ON CONFLICT (incident_id) DO UPDATE SET generation = hand_over.generation + 1, requested_at = excluded.requested_at,
    next_try_at = excluded.next_try_at, attempts = 0, done_at = NULL, last_error = NULL
"""
)

# The lease is the pushed-back next try: nobody else takes the row meanwhile, and no transaction spans the remote call.
LEASE = text(
    """
UPDATE hand_over SET attempts = attempts + 1,
    next_try_at = clock_timestamp() + least(interval '30 seconds', interval '2 seconds' * power(1.6, least(attempts, 12)))
WHERE incident_id IN (
    SELECT incident_id FROM hand_over WHERE done_at IS NULL AND next_try_at <= clock_timestamp()
    ORDER BY next_try_at LIMIT :limit FOR UPDATE SKIP LOCKED)
RETURNING incident_id, generation
"""
)

GENERATION = text("SELECT generation FROM hand_over WHERE incident_id = :incident_id AND done_at IS NULL")

DONE = text(
    "UPDATE hand_over SET done_at = clock_timestamp(), last_error = NULL "
    "WHERE incident_id = :incident_id AND generation = :generation AND done_at IS NULL"
)

FAILED = text("UPDATE hand_over SET last_error = :error WHERE incident_id = :incident_id AND done_at IS NULL")


class Due(Message):
    """A hand-over that is leased to us. Something asked later has a higher generation and stays due."""

    incident_id: str
    generation: int


async def ask(connection: AsyncConnection, incident_id: str, at: datetime) -> None:
    """Ask in the caller's transaction: one outstanding row per incident."""
    await connection.execute(ASK, {"incident_id": incident_id, "at": at})


class SqlHandOver:
    """The rows, for the gateway right after intake and for the relay."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def due(self, limit: int) -> list[Due]:
        """Lease up to `limit` rows whose next try has come: 2 s after they were asked, then backing off to 30 s, for ever."""
        async with statement(self._engine) as connection:
            rows = await connection.execute(LEASE, {"limit": limit})
            return [Due(incident_id=row.incident_id, generation=row.generation) for row in rows]

    async def outstanding(self, incident_id: str) -> Due | None:
        """The row of one incident, if something was asked and not handed over yet."""
        async with statement(self._engine) as connection:
            generation = (await connection.execute(GENERATION, {"incident_id": incident_id})).scalar()
            return None if generation is None else Due(incident_id=incident_id, generation=generation)

    async def delivered(self, due: Due) -> None:
        """Temporal has taken it; what was asked meanwhile stays due."""
        async with statement(self._engine) as connection:
            await connection.execute(DONE, due.model_dump())

    async def failed(self, due: Due, error: str) -> None:
        """Note the stable code of the last failure; the row stays due."""
        async with statement(self._engine) as connection:
            await connection.execute(FAILED, {"incident_id": due.incident_id, "error": error})
