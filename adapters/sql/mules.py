"""Mules' whole accounts that people had restricted."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from models.contracts.mules import StandingMule
from models.tables.holds import MuleFreeze


async def standing_mules(connection: AsyncConnection, incident_id: str) -> tuple[StandingMule, ...]:
    """Those of one incident whose restriction stands, oldest first."""
    rows = await connection.execute(
        select(MuleFreeze.id, MuleFreeze.account_id)
        .where(MuleFreeze.incident_id == incident_id, MuleFreeze.ended_at.is_(None))
        .order_by(MuleFreeze.placed_at, MuleFreeze.id)
    )
    return tuple(StandingMule(restriction=row.id, account_id=row.account_id) for row in rows)
