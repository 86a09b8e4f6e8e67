"""Claims on stolen units: no two active ones overlap on an account (port `Claims`, DESIGN 8)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, func, insert, or_, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.sql.engine import transaction
from models.contracts.money import ClaimedHold
from models.contracts.transfers import TaintedLot
from models.lifecycle import Status
from models.names import FOR_GOOD, HoldSource
from models.tables.holds import HoldClaim
from models.tables.incidents import Incident

ACTIVE = HoldClaim.state != "ended"


class SqlClaims:
    """Port `Claims`. The advisory lock is per account and currency, and lasts as long as the claiming transaction."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def claim(
        self,
        *,
        hold_id: str,
        incident_id: str,
        episode: int,
        trace_id: str,
        lot: TaintedLot,
        expires_at: datetime,
        at: datetime,
        source: HoldSource = HoldSource.TRACE,
    ) -> bool:
        """See ports.Claims."""
        async with transaction(self._engine) as connection:
            await connection.execute(
                text(
                    "SELECT pg_advisory_xact_lock(hashtextextended('claim/' || :account || '/' || :currency, 0))"
                ),
                {"account": lot.account_id, "currency": lot.currency},
            )
            standing = await connection.scalar(select(HoldClaim.state).where(HoldClaim.id == hold_id))
            if standing is not None:
                return standing != "ended"
            status = await connection.scalar(
                select(Incident.status).where(Incident.id == incident_id).with_for_update(read=True)
            )
            if status == Status.RELEASING:
                # Its ending has listed what it lets go: a hold that came after would stand for nobody.
                return False
            overlapping = await connection.scalar(
                select(func.count())
                .select_from(HoldClaim)
                .where(
                    HoldClaim.account_id == lot.account_id,
                    HoldClaim.currency == lot.currency,
                    HoldClaim.lo < lot.hi,
                    HoldClaim.hi > lot.lo,
                    _taken_for(incident_id),
                )
            )
            if overlapping:
                return False
            await connection.execute(
                insert(HoldClaim).values(
                    id=hold_id,
                    incident_id=incident_id,
                    episode=episode,
                    account_id=lot.account_id,
                    currency=lot.currency,
                    claimed_lo=lot.lo,
                    claimed_hi=lot.hi,
                    lo=lot.lo,
                    hi=lot.hi,
                    state="claimed",
                    trace_id=trace_id,
                    theft_seq=lot.last_seq,
                    expires_at=expires_at,
                    created_at=at,
                    source=source.value,
                )
            )
            return True

    async def unclaimed(
        self, lots: Sequence[TaintedLot], *, incident_id: str | None = None
    ) -> list[TaintedLot]:
        """See ports.Claims."""
        if not lots:
            return []
        # What a hold has paid out it keeps no longer; nor is it here to be held again.
        lo = HoldClaim.lo + HoldClaim.returned if incident_id is None else HoldClaim.lo
        async with transaction(self._engine) as connection:
            rows = await connection.execute(
                select(HoldClaim.account_id, HoldClaim.currency, lo.label("lo"), HoldClaim.hi)
                .where(
                    HoldClaim.account_id.in_({lot.account_id for lot in lots}),
                    ACTIVE if incident_id is None else _taken_for(incident_id),
                )
                .order_by(HoldClaim.lo)
            )
            taken: dict[tuple[str, str], list[tuple[int, int]]] = {}
            for row in rows:
                taken.setdefault((row.account_id, row.currency), []).append((row.lo, row.hi))
        return [
            lot.model_copy(update={"lo": lo, "hi": hi})
            for lot in lots
            for lo, hi in free_parts(lot.lo, lot.hi, taken.get((lot.account_id, lot.currency), []))
        ]

    async def others(self, lots: Sequence[TaintedLot], *, incident_id: str) -> tuple[str, ...]:
        """See ports.Claims."""
        if not lots:
            return ()
        async with transaction(self._engine) as connection:
            rows = await connection.execute(
                select(HoldClaim.id, HoldClaim.account_id, HoldClaim.currency, HoldClaim.lo, HoldClaim.hi)
                .where(
                    HoldClaim.account_id.in_({lot.account_id for lot in lots}),
                    HoldClaim.incident_id != incident_id,
                    ACTIVE,
                )
                .order_by(HoldClaim.id)
            )
            return tuple(
                row.id
                for row in rows
                if any(
                    (lot.account_id, lot.currency) == (row.account_id, row.currency)
                    and lot.lo < row.hi
                    and row.lo < lot.hi
                    for lot in lots
                )
            )

    async def standing(self, incident_id: str) -> tuple[str, ...]:
        """See ports.Claims."""
        async with transaction(self._engine) as connection:
            rows = await connection.scalars(
                select(HoldClaim.id)
                .where(HoldClaim.incident_id == incident_id, ACTIVE)
                .order_by(HoldClaim.created_at, HoldClaim.id)
            )
            return tuple(rows)

    async def find(self, hold_id: str) -> ClaimedHold | None:
        """See ports.Claims."""
        async with transaction(self._engine) as connection:
            row = (await connection.execute(select(HoldClaim).where(HoldClaim.id == hold_id))).one_or_none()
        return None if row is None else claimed_hold(row)


def claimed_hold(row: Row[Any]) -> ClaimedHold:
    """The claim in a row of its table."""
    return ClaimedHold(
        hold_id=row.id,
        incident_id=row.incident_id,
        account_id=row.account_id,
        currency=row.currency,
        lo=row.lo,
        hi=row.hi,
        state=row.state,
        effective_seq=row.effective_seq,
        expires_at=row.expires_at,
        created_at=row.created_at,
        source=HoldSource(row.source),
        periods=row.periods,
        returned=row.returned,
        told=row.told,
    )


def _taken_for(incident_id: str) -> ColumnElement[bool]:
    """Claims that keep this incident from claiming: active ones, anybody's, and its own that have ended for good."""
    own = and_(
        HoldClaim.incident_id == incident_id,
        HoldClaim.ended_reason.in_([ending.value for ending in FOR_GOOD]),
    )
    return or_(ACTIVE, own)


def free_parts(lo: int, hi: int, taken: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The parts of [lo, hi) outside the sorted, disjoint intervals `taken`."""
    parts: list[tuple[int, int]] = []
    for start, end in taken:
        if end <= lo or start >= hi:
            continue
        if lo < start:
            parts.append((lo, start))
        lo = max(lo, end)
    if lo < hi:
        parts.append((lo, hi))
    return parts
