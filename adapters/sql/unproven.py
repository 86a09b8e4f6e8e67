"""Whether an account had its share of unproven freezes: otherwise freezing strangers would be a weapon (DESIGN 3)."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.sql.incoming import Incoming

# A report that was held back and ended without a freeze is no freeze. Every episode after the first is a re-freeze.
SHARE = text(
    """
SELECT count(*) FILTER (WHERE outcome = 'released' AND provisional AND frozen_at IS NOT NULL) AS unproven,
       coalesce(sum(episode - 1), 0) AS refreezes
FROM incident WHERE account_id = :account_id AND coalesce(closed_at, episode_opened_at) >= :since
"""
)

OTHERS = text(
    "SELECT EXISTS (SELECT FROM alarm WHERE incident_id = :incident_id AND episode = :episode AND NOT held_back)"
)


async def had_its_share(connection: AsyncConnection, incoming: Incoming) -> bool:
    """Whether a further unproven report on this account goes to an agent instead of freezing."""
    rules = incoming.policy.freeze
    since = incoming.attempt.requested_at - timedelta(days=rules.unproven_window_days)
    which = {"account_id": incoming.alarm.account_id, "since": since}
    counts = (await connection.execute(SHARE, which)).one()
    return bool(counts.unproven >= rules.unproven_freezes or counts.refreezes >= rules.refreezes)


async def nothing_but_held_back(connection: AsyncConnection, incident_id: str, episode: int) -> bool:
    """Whether an agent is still to decide about this episode: no alarm of it asked for a freeze."""
    which = {"incident_id": incident_id, "episode": episode}
    return not await connection.scalar(OTHERS, which)
