"""What the database says about the recovery of an incident's money (port Recoveries)."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, exists, func, or_, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.orm import aliased

from activities.recovery_ports import CameBack, PaidOn, Restituted, TracedMoney
from adapters.secrets.keys import Sealer
from adapters.sql.claims import claimed_hold
from adapters.sql.dropped_claims import dropped, ever_proven
from adapters.sql.engine import one_state, statement, transaction
from adapters.sql.late_money import late_money
from adapters.sql.mules import mule_freezes, standing_mules
from adapters.sql.recovery_money import (
    came_back,
    paid_on,
    possible_returns,
    restituted,
    stray_recalls,
    traced_money,
    unrecalled,
)
from adapters.sql.standing_traces import claimed, robbed, stale
from models.contracts.money import ClaimedHold
from models.contracts.mules import MuleFreezeView
from models.contracts.recalls import RecalledTransfer
from models.contracts.recovery import HoldView, PossibleReturn, RecoveryDecision, RecoveryHold, RecoveryLook
from models.dropped_claims import claim_dropped
from models.lifecycle import Status
from models.names import RECOVERY_QUESTIONS, DecisionKind, HoldEnding, HoldSource, Outcome
from models.tables.closure import AccountClosure
from models.tables.holds import HoldClaim, HoldContest, HoldObjection, MuleFreeze
from models.tables.incidents import Incident
from models.tables.people import DecisionApproval, DecisionRequest, DecisionTask, Proof
from models.tables.traces import TraceCarried, TraceEdge, TraceRun

OBJECTION = "hold.objection"
KINDS = [kind.value for kind in RECOVERY_QUESTIONS]


class SqlRecoveries:
    """Reads; the one write is an objection."""

    def __init__(self, engine: AsyncEngine, sealer: Sealer) -> None:
        self._engine = engine
        self._sealer = sealer

    async def look(self, incident_id: str) -> RecoveryLook | None:
        """See ports.Recoveries."""
        async with transaction(self._engine) as connection:
            row = (await connection.execute(select(Incident).where(Incident.id == incident_id))).one_or_none()
            if row is None:
                return None
            proven = await ever_proven(connection, incident_id)
            claims = (
                await connection.execute(
                    select(HoldClaim)
                    .where(
                        HoldClaim.incident_id == incident_id,
                        or_(
                            HoldClaim.state != "ended",
                            and_(
                                HoldClaim.placed_at.is_not(None),
                                or_(HoldClaim.told == "withheld", _never_told()),
                            ),
                        ),
                    )
                    .order_by(HoldClaim.created_at, HoldClaim.id)
                )
            ).all()
            asked = await connection.scalars(
                select(DecisionTask.kind)
                .where(
                    DecisionTask.incident_id == incident_id,
                    DecisionTask.kind.in_(KINDS),
                    DecisionTask.closed_at.is_(None),
                )
                .order_by(DecisionTask.created_at, DecisionTask.id)
            )
            return RecoveryLook(
                status=row.status,
                outcome=row.outcome,
                # Whoever was proven claims their money still, though a stranger's word froze the account anew. An ending that
                # may drop the claim lets go of its holds before it closes: what it lets go is not held again meanwhile.
                holding=(proven or not row.provisional) and row.status != Status.RELEASING,
                compromised_since=row.compromised_since or row.opened_at,
                decisions=await _standing(connection, incident_id),
                holds=tuple(_hold(claim) for claim in claims if claim.state != "ended"),
                untold=tuple(_hold(claim) for claim in claims if claim.state == "ended"),
                open_questions=tuple(DecisionKind(kind) for kind in asked),
                dropped=claim_dropped(
                    None if row.outcome is None else Outcome(row.outcome),
                    proven=proven,
                ),
                mules=await standing_mules(connection, incident_id),
                late=await late_money(connection, incident_id),
            )

    async def decision(self, request_id: str) -> RecoveryDecision | None:
        """See ports.Recoveries."""
        async with statement(self._engine) as connection:
            row = (
                await connection.execute(_requests().where(DecisionRequest.id == request_id))
            ).one_or_none()
        return None if row is None else _decision(row)

    async def traced(self, incident_id: str) -> list[TracedMoney]:
        """See ports.Recoveries."""
        async with statement(self._engine) as connection:
            return await traced_money(connection, incident_id)

    def at_once(self) -> AbstractAsyncContextManager[None]:
        """See ports.Recoveries."""
        return one_state(self._engine)

    async def robbed(self, *, since: datetime | None, until: datetime | None) -> list[str]:
        """See ports.Recoveries."""
        async with statement(self._engine) as connection:
            return await robbed(connection, since, until)

    async def stale(self, incident_id: str) -> bool:
        """See ports.Recoveries."""
        async with statement(self._engine) as connection:
            return await stale(connection, incident_id)

    async def claimed(self, incident_id: str) -> set[str]:
        """See ports.Recoveries."""
        async with statement(self._engine) as connection:
            return await claimed(connection, incident_id)

    async def came_back(self, traced: TracedMoney) -> list[CameBack]:
        """See ports.Recoveries."""
        async with statement(self._engine) as connection:
            return await came_back(connection, traced)

    async def exits(self, traced: TracedMoney) -> list[RecalledTransfer]:
        """See ports.Recoveries."""
        async with statement(self._engine) as connection:
            return await unrecalled(connection, traced)

    async def stray_recalls(self, traced: TracedMoney) -> list[int]:
        """See ports.Recoveries."""
        async with statement(self._engine) as connection:
            return await stray_recalls(connection, traced)

    async def possible_returns(self, incident_id: str) -> list[PossibleReturn]:
        """See ports.Recoveries."""
        async with statement(self._engine) as connection:
            return await possible_returns(connection, incident_id)

    async def placed(self, incident_id: str) -> list[ClaimedHold]:
        """See ports.Recoveries."""
        async with statement(self._engine) as connection:
            rows = await connection.execute(
                select(HoldClaim)
                .where(HoldClaim.incident_id == incident_id, HoldClaim.state == "placed")
                .order_by(HoldClaim.created_at, HoldClaim.id)
            )
            return [claimed_hold(row) for row in rows]

    async def contests(self, hold_id: str) -> tuple[str, ...]:
        """See ports.Recoveries."""
        holder = aliased(Incident)
        # An incident that goes on with the hold's own has the same owner: nobody competes.
        own = (
            select(holder.account_id)
            .join(HoldClaim, HoldClaim.incident_id == holder.id)
            .where(HoldClaim.id == hold_id)
            .scalar_subquery()
        )
        async with statement(self._engine) as connection:
            rows = await connection.scalars(
                select(HoldContest.incident_id)
                .join(Incident, Incident.id == HoldContest.incident_id)
                .where(
                    HoldContest.hold_id == hold_id,
                    Incident.account_id != own,
                    text(f"NOT {dropped('incident')}"),
                )
                .order_by(HoldContest.incident_id)
            )
            return tuple(rows)

    async def paid(self, incident_id: str) -> list[PaidOn]:
        """See ports.Recoveries."""
        async with statement(self._engine) as connection:
            return await paid_on(connection, incident_id)

    async def restituted(self, incident_id: str, request_id: str) -> list[Restituted]:
        """See ports.Recoveries."""
        async with statement(self._engine) as connection:
            return await restituted(connection, incident_id, request_id)

    async def proven_owner(self, incident_id: str) -> str | None:
        """See ports.Recoveries."""
        stands = exists().where(
            Proof.incident_id == Incident.id, Proof.episode == Incident.episode, Proof.voided_at.is_(None)
        )
        closed = exists().where(AccountClosure.incident_id == Incident.id)
        async with statement(self._engine) as connection:
            account_id: str | None = await connection.scalar(
                select(Incident.account_id).where(
                    Incident.id == incident_id,
                    or_(
                        closed,
                        and_(
                            stands,
                            or_(Incident.outcome.is_(None), Incident.outcome == Outcome.RESTORED.value),
                        ),
                    ),
                )
            )
            return account_id

    async def holds(
        self, *, incident_id: str | None = None, hold_id: str | None = None, limit: int = 200
    ) -> Sequence[HoldView]:
        """See ports.Recoveries."""
        objections = (
            select(func.count())
            .select_from(HoldObjection)
            .where(HoldObjection.hold_id == HoldClaim.id)
            .scalar_subquery()
        )
        query = select(HoldClaim, objections.label("objections")).order_by(
            HoldClaim.created_at.desc(), HoldClaim.id.desc()
        )
        if incident_id is not None:
            query = query.where(HoldClaim.incident_id == incident_id)
        if hold_id is not None:
            query = query.where(HoldClaim.id == hold_id)
        async with statement(self._engine) as connection:
            return [_view(row) for row in await connection.execute(query.limit(limit))]

    async def passed_through(self, incident_id: str, account_id: str) -> bool:
        """See ports.Recoveries."""
        async with statement(self._engine) as connection:
            trails = select(TraceRun.trail_id).where(
                TraceRun.incident_id == incident_id, TraceRun.victim != account_id
            )
            for carried in (TraceEdge, TraceCarried):
                there = select(carried.seq).where(
                    carried.trail_id.in_(trails), carried.dst == account_id, carried.dst_kind == "wallet"
                )
                if await connection.scalar(there.limit(1)) is not None:
                    return True
            return False

    async def mule_freeze(self, incident_id: str, account_id: str) -> str | None:
        """See ports.Recoveries."""
        async with statement(self._engine) as connection:
            found: str | None = await connection.scalar(
                select(MuleFreeze.id)
                .where(
                    MuleFreeze.incident_id == incident_id,
                    MuleFreeze.account_id == account_id,
                    MuleFreeze.ended_at.is_(None),
                )
                .order_by(MuleFreeze.placed_at)
                .limit(1)
            )
            return found

    async def mule_freezes(
        self,
        *,
        incident_id: str | None,
        every: bool,
        at: datetime,
        overdue_after: timedelta,
        limit: int = 200,
    ) -> Sequence[MuleFreezeView]:
        """See ports.Recoveries."""
        async with statement(self._engine) as connection:
            return await mule_freezes(
                connection, incident_id, every=every, at=at, overdue_after=overdue_after, limit=limit
            )

    async def object(
        self, *, objection_id: str, hold: HoldView, task_id: str, statement: str, by: str, at: datetime
    ) -> None:
        """See ports.Recoveries."""
        sealed = await self._sealer.seal(hold.incident_id, OBJECTION, statement.encode())
        async with transaction(self._engine) as connection:
            await connection.execute(
                insert(HoldObjection)
                .values(
                    id=objection_id,
                    hold_id=hold.hold_id,
                    incident_id=hold.incident_id,
                    task_id=task_id,
                    statement=sealed,
                    taken_by=by,
                    taken_at=at,
                )
                .on_conflict_do_nothing()
            )


async def _standing(connection: AsyncConnection, incident_id: str) -> tuple[RecoveryDecision, ...]:
    """Choices that may be carried out now, whatever episode they were made in: a recovery outlives it."""
    rows = await connection.execute(
        _requests()
        .outerjoin(DecisionApproval, DecisionApproval.request_id == DecisionRequest.id)
        .where(
            DecisionTask.incident_id == incident_id,
            DecisionTask.kind.in_(KINDS),
            # A recall's own question is the recall's to take up.
            DecisionTask.action["recall_id"].astext.is_(None),
            DecisionTask.closed_at.is_(None),
            DecisionRequest.withdrawn_at.is_(None),
            DecisionRequest.declined_at.is_(None),
            or_(DecisionTask.four_eyes.is_(False), DecisionApproval.verdict == "approved"),
        )
        .order_by(DecisionRequest.requested_at, DecisionRequest.id)
    )
    return tuple(_decision(row) for row in rows)


def _never_told() -> ColumnElement[bool]:
    """The incident ended before its recovery came to tell the holder, who was without the money meanwhile."""
    return and_(HoldClaim.told.is_(None), HoldClaim.ended_reason.startswith(HoldEnding.INCIDENT_ENDED.value))


def _requests() -> Any:  # a select of columns of two tables: its exact type helps nobody
    return select(
        DecisionRequest.id,
        DecisionRequest.task_id,
        DecisionRequest.choice,
        DecisionTask.episode,
        DecisionTask.kind,
        DecisionTask.action,
    ).join(DecisionTask, DecisionTask.id == DecisionRequest.task_id)


def _decision(row: Row[Any]) -> RecoveryDecision:
    return RecoveryDecision(
        request_id=row.id,
        task_id=row.task_id,
        episode=row.episode,
        kind=DecisionKind(row.kind),
        choice=row.choice,
        action={name: str(value) for name, value in row.action.items()},
    )


def _hold(row: Row[Any]) -> RecoveryHold:
    return RecoveryHold(
        hold_id=row.id,
        account_id=row.account_id,
        currency=row.currency,
        amount=row.hi - row.lo - row.returned,
        state=row.state,
        source=HoldSource(row.source),
        created_at=row.created_at,
        expires_at=row.expires_at,
        periods=row.periods,
        told=row.told,
        effective_seq=row.effective_seq,
    )


def _view(row: Row[Any]) -> HoldView:
    return HoldView(
        hold_id=row.id,
        incident_id=row.incident_id,
        account_id=row.account_id,
        currency=row.currency,
        amount=row.hi - row.lo - row.returned if row.state == "placed" else 0,
        state=row.state,
        source=HoldSource(row.source),
        created_at=row.created_at,
        expires_at=row.expires_at,
        periods=row.periods,
        returned=row.returned,
        told=row.told,
        ended_at=row.ended_at,
        ended_reason=row.ended_reason,
        objections=row.objections,
    )
