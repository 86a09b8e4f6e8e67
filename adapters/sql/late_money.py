"""What comes when nobody waits for it any more: money of recalls that are closed, and what a dropped claim has left standing."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from adapters.sql.dropped_claims import dropped
from adapters.sql.engine import statement, transaction
from adapters.sql.hand_over import ask
from adapters.sql.recalls import OURS
from adapters.sql.recovery_money import LOOKS_RETURNED
from adapters.sql.staff_alerts import raise_alert
from models.contracts.recalls import LateMoney
from models.names import StaffAlertKind

AWAITED = "r.state <> 'closed' OR (r.ending NOT IN ('cancelled', 'withdrawn') AND r.received < r.asked)"
"""Of recalls `r`: money may still come, whatever the institution said and however long ago."""

ANY_AWAITED = text(f"SELECT EXISTS (SELECT FROM recall AS r WHERE {AWAITED})")  # noqa: S608 - a constant of ours

CAME_LATE = f"r.state = 'closed' AND ({AWAITED}) AND {OURS} > r.received"

OF_INCIDENT = text(
    f"""
SELECT r.id AS recall_id, r.transfer_seq, r.part, r.currency, {OURS} AS arrived FROM recall AS r
WHERE r.incident_id = :incident_id AND {CAME_LATE} ORDER BY r.transfer_seq, r.part
"""  # noqa: S608 - the parts are constants of ours
)

LEASED = text(
    f"""
UPDATE recall SET wakes = wakes + 1,
    next_wake_at = clock_timestamp() + least(interval '10 minutes', interval '2 seconds' * power(1.7, least(wakes, 14)))
WHERE id IN (
    SELECT r.id FROM recall AS r JOIN incident AS i ON i.id = r.incident_id
    WHERE r.next_wake_at <= clock_timestamp() AND {CAME_LATE} AND NOT {dropped("i")}
    ORDER BY r.next_wake_at LIMIT :limit FOR UPDATE OF r SKIP LOCKED)
RETURNING id, incident_id, (SELECT {OURS} FROM recall AS r WHERE r.id = recall.id) AS arrived
"""  # noqa: S608 - the parts are constants of ours
)
"""Until a recovery has counted it, ever more seldom: as with open recalls, the lease is the pushed-back next look."""

LEFT = text(
    f"""
SELECT i.id FROM incident AS i
WHERE i.id IN (SELECT incident_id FROM mule_freeze WHERE ended_at IS NULL
               UNION SELECT incident_id FROM hold_claim WHERE state <> 'ended')
  AND i.closed_at < clock_timestamp() - interval '1 minute' AND {dropped("i")}
ORDER BY i.id LIMIT :limit
"""  # noqa: S608 - the parts are constants of ours
)
"""An incident's own recovery lets all of it go when it ends: what stands a minute later nobody ends."""


UNASKED = text(
    f"""
SELECT DISTINCT r.incident_id FROM recall AS r {LOOKS_RETURNED}
  AND r.state = 'closed' AND r.received < r.asked AND i.closed_at IS NOT NULL AND NOT {dropped("i")}
ORDER BY r.incident_id LIMIT :limit
"""  # noqa: S608 - the parts are constants of ours
)
"""As long as a recovery runs it asks by itself."""


async def late_money(connection: AsyncConnection, incident_id: str) -> tuple[LateMoney, ...]:
    """What has come for closed recalls of one incident and is not counted yet."""
    rows = await connection.execute(OF_INCIDENT, {"incident_id": incident_id})
    return tuple(LateMoney.model_validate(dict(row)) for row in rows.mappings())


class SqlLateMoney:
    """For whoever looks beside the worker. All of it ends in a hand-over: the recovery is woken, or begins again."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def any_awaited(self) -> bool:
        """Whether money may still come from anybody."""
        async with statement(self._engine) as connection:
            return bool(await connection.scalar(ANY_AWAITED))

    async def hand_over(self, limit: int) -> int:
        """Have the recoveries look whose money came late, or may have, or that left something standing; how many. Staff are alerted
        to money; about what may be money the recovery asks people.

        One commit. A recovery that is woken in vain ends its turn as it began.
        """
        async with transaction(self._engine) as connection:
            come = (await connection.execute(LEASED, {"limit": limit})).all()
            for row in come:
                await raise_alert(
                    connection,
                    StaffAlertKind.LATE_MONEY,
                    f"{row.id}/{row.arrived}",
                    incident_id=row.incident_id,
                )
            left = list(await connection.scalars(LEFT, {"limit": limit}))
            unasked = list(await connection.scalars(UNASKED, {"limit": limit}))
            incidents = sorted({*(row.incident_id for row in come), *left, *unasked})
            at = await connection.scalar(text("SELECT clock_timestamp()"))
            for incident_id in incidents:
                await ask(connection, incident_id, at)
        return len(incidents)
