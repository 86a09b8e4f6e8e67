"""How fast strangers ask (port `Pace`): one row for each, one atomic statement for each request."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.secrets.keys import MasterKey
from adapters.sql.engine import statement

# The row may run ahead of the clock by what is allowed at once. A request that would push it further changes nothing, so
# knocking on makes nobody wait longer; of many at once each sees what the one before it left.
TAKE = text(
    """
WITH taken AS (
    INSERT INTO request_pace (scope, subject, next_at) VALUES (:scope, :subject, CAST(:at AS timestamptz) + :every)
    ON CONFLICT (scope, subject) DO UPDATE SET next_at = greatest(request_pace.next_at, :at) + :every
    WHERE request_pace.next_at <= CAST(:at AS timestamptz) + :ahead
    RETURNING next_at
)
SELECT (SELECT next_at FROM taken) AS next_at,
       (SELECT next_at FROM request_pace WHERE (scope, subject) = (:scope, :subject)) AS before
"""
)

FORGET = text(
    "DELETE FROM request_pace WHERE ctid IN (SELECT ctid FROM request_pace WHERE next_at < :before LIMIT 1000)"
)
"""A row behind the clock says nothing that no row does not say."""

LEAST_WAIT = 1.0
"""Seconds, where the other request that was faster has not been seen yet."""


class SqlPace:
    """Port `Pace`."""

    def __init__(self, engine: AsyncEngine, master: MasterKey) -> None:
        self._engine = engine
        self._master = master

    async def take(
        self, scope: str, subject: str, *, every_seconds: float, at_once: int, at: datetime
    ) -> float | None:
        """See credential_ports.Pace."""
        every = timedelta(seconds=every_seconds)
        ahead = every * (at_once - 1)
        values = {"scope": scope, "subject": self._master.digest(scope, subject), "at": at}
        async with statement(self._engine) as connection:
            row = (await connection.execute(TAKE, values | {"every": every, "ahead": ahead})).one()
        if row.next_at is not None:
            return None
        if row.before is None:
            return LEAST_WAIT
        wait: timedelta = row.before - ahead - at
        return max(LEAST_WAIT, wait.total_seconds())

    async def forget(self, before: datetime) -> int:
        """Delete rows that say nothing any more, at most a thousand; how many."""
        async with statement(self._engine) as connection:
            return (await connection.execute(FORGET, {"before": before})).rowcount
