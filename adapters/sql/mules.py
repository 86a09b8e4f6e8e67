"""Mules' whole accounts that people had restricted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from models.contracts.mules import MuleFreezeView, StandingMule
from models.tables.holds import MuleFreeze


async def standing_mules(connection: AsyncConnection, incident_id: str) -> tuple[StandingMule, ...]:
    """Those of one incident whose restriction stands, oldest first."""
    rows = await connection.execute(
        select(MuleFreeze.id, MuleFreeze.account_id)
        .where(MuleFreeze.incident_id == incident_id, MuleFreeze.ended_at.is_(None))
        .order_by(MuleFreeze.placed_at, MuleFreeze.id)
    )
    return tuple(StandingMule(restriction=row.id, account_id=row.account_id) for row in rows)


async def mule_freezes(
    connection: AsyncConnection,
    incident_id: str | None,
    *,
    every: bool,
    at: datetime,
    overdue_after: timedelta,
    limit: int,
) -> Sequence[MuleFreezeView]:
    """As people see them, the oldest first: of one incident or of all, those that stand or every one."""
    query = select(MuleFreeze).order_by(MuleFreeze.placed_at, MuleFreeze.id).limit(limit)
    if incident_id is not None:
        query = query.where(MuleFreeze.incident_id == incident_id)
    if not every:
        query = query.where(MuleFreeze.ended_at.is_(None))
    return [
        MuleFreezeView(
            restriction=row.id,
            incident_id=row.incident_id,
            account_id=row.account_id,
            request_id=row.request_id,
            placed_at=row.placed_at,
            ended_at=row.ended_at,
            age_seconds=max(0, int(((row.ended_at or at) - row.placed_at).total_seconds())),
            overdue=row.ended_at is None and at - row.placed_at >= overdue_after,
        )
        for row in await connection.execute(query)
    ]
