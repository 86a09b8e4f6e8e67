"""Whether an account had its share of unproven freezes: otherwise freezing strangers would be a weapon (DESIGN 3)."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from models.contracts.policy import FreezePolicy

COUNT = text(
    """
SELECT count(*) FILTER (WHERE outcome = 'released' AND provisional) AS unproven,
       coalesce(sum(episode - 1), 0) AS refreezes
FROM incident WHERE account_id = :account_id AND episode_opened_at >= :since
"""
)


async def held_back_reports(
    connection: AsyncConnection, account_id: str, at: datetime, policy: FreezePolicy
) -> bool:
    """Whether a further unproven report goes to an agent instead of freezing."""
    since = at - timedelta(days=policy.unproven_window_days)
    counts = (await connection.execute(COUNT, {"account_id": account_id, "since": since})).one()
    return bool(counts.unproven >= policy.unproven_freezes or counts.refreezes >= policy.refreezes)
