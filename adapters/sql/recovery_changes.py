"""Applies what a step of the recovery changes, in the step's own transaction (beside adapters/sql/changes.py)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from activities import changes as say
from adapters.sql import standing_traces
from adapters.sql.hand_over import ask
from models.contracts.steps import FinishedStep
from models.names import HoldEnding
from models.tables.holds import HoldClaim, HoldContest, MuleFreeze, Restitution
from models.tables.incidents import Theft
from models.tables.people import DecisionTask

MOOT = text(
    """
UPDATE decision_task AS task SET closed_at = :at FROM hold_claim
WHERE hold_claim.id = :hold_id AND task.incident_id = hold_claim.incident_id AND task.closed_at IS NULL
  AND task.kind IN ('renew_hold', 'release_hold') AND task.action ->> 'subject' = :hold_id
  AND NOT EXISTS (SELECT FROM decision_request AS request JOIN decision_approval AS said ON said.request_id = request.id
                  WHERE request.task_id = task.id AND request.withdrawn_at IS NULL AND request.declined_at IS NULL
                    AND said.verdict = 'approved')
"""
)
"""What two people have agreed on is the recovery's to settle. An objection stays: whoever made it waits for an answer."""


async def moot_questions(connection: AsyncConnection, hold_id: str, at: datetime) -> None:
    """A hold has ended: nobody need decide any more whether it is renewed or let go, and no recovery waits for that."""
    await connection.execute(MOOT, {"hold_id": hold_id, "at": at})


async def _contested(change: say.HoldsContested, connection: AsyncConnection, step: FinishedStep) -> None:
    rows = [
        {"hold_id": hold_id, "incident_id": step.attempt.incident_id, "found_at": change.at}
        for hold_id in change.hold_ids
    ]
    if not rows:
        return
    found = await connection.scalars(
        upsert(HoldContest).on_conflict_do_nothing().returning(HoldContest.hold_id), rows
    )
    new = found.all()
    # Whose hold it is looks at once: what people are asked there may not be paid any more, and is asked anew.
    of = await connection.scalars(select(HoldClaim.incident_id).where(HoldClaim.id.in_(new)).distinct())
    for incident_id in sorted(of):
        await ask(connection, incident_id, change.at)


async def _renewed(change: say.HoldRenewed, connection: AsyncConnection, step: FinishedStep) -> None:
    del step
    await connection.execute(
        update(HoldClaim)
        .where(HoldClaim.id == change.hold_id, HoldClaim.state == "placed")
        .values(expires_at=change.expires_at, periods=change.periods)
    )


async def _told(change: say.HolderTold, connection: AsyncConnection, step: FinishedStep) -> None:
    del step
    await connection.execute(update(HoldClaim).where(HoldClaim.id == change.hold_id).values(told=change.said))


async def _mule_frozen(change: say.MuleFrozen, connection: AsyncConnection, step: FinishedStep) -> None:
    await connection.execute(
        upsert(MuleFreeze)
        .values(
            id=change.restriction,
            incident_id=step.attempt.incident_id,
            account_id=change.account_id,
            request_id=change.request_id,
            placed_at=change.at,
        )
        .on_conflict_do_nothing()
    )


async def _mule_released(change: say.MuleReleased, connection: AsyncConnection, step: FinishedStep) -> None:
    del step
    await connection.execute(
        update(MuleFreeze)
        .where(MuleFreeze.id == change.restriction, MuleFreeze.ended_at.is_(None))
        .values(ended_at=change.at)
    )


async def _withdrawn(change: say.WithdrawThefts, connection: AsyncConnection, step: FinishedStep) -> None:
    await connection.execute(
        update(Theft)
        .where(
            Theft.incident_id == step.attempt.incident_id,
            Theft.transfer_id.in_(change.transfer_ids),
            Theft.withdrawn_by.is_(None),
        )
        .values(withdrawn_at=change.at, withdrawn_by=change.request_id)
    )


async def _paid(change: say.HoldPaid, connection: AsyncConnection, step: FinishedStep) -> None:
    claim = (
        await connection.execute(select(HoldClaim).where(HoldClaim.id == change.hold_id).with_for_update())
    ).one()
    await connection.execute(
        insert(Restitution).values(
            request_id=change.request_id,
            number=change.number,
            incident_id=step.attempt.incident_id,
            for_incident_id=change.for_incident_id,
            hold_id=change.hold_id,
            to_account_id=change.to_account_id,
            currency=change.currency,
            amount=change.amount,
            source=claim.source,
            transfer_id=change.transfer_id,
            transfer_seq=change.transfer_seq,
            paid_at=change.at,
        )
    )
    returned = claim.returned + change.amount
    whole = returned == claim.hi - claim.lo
    ending: dict[str, Any] = (
        {"state": "ended", "ended_at": change.at, "ended_reason": HoldEnding.RESTITUTED.value}
        if whole
        else {}
    )
    await connection.execute(
        update(HoldClaim).where(HoldClaim.id == change.hold_id).values(returned=returned, **ending)
    )
    if whole:
        await moot_questions(connection, change.hold_id, change.at)


async def _close_question(change: say.CloseQuestion, connection: AsyncConnection, step: FinishedStep) -> None:
    await connection.execute(
        update(DecisionTask)
        .where(
            DecisionTask.id == change.task_id,
            DecisionTask.incident_id == step.attempt.incident_id,
            DecisionTask.closed_at.is_(None),
        )
        .values(closed_at=change.at)
    )


RECOVERY: dict[type, Callable[[Any, AsyncConnection, FinishedStep], Awaitable[None]]] = {
    say.TheftsFound: standing_traces.found,
    say.TraceStands: standing_traces.stands,
    say.HoldsContested: _contested,
    say.HoldRenewed: _renewed,
    say.HolderTold: _told,
    say.MuleFrozen: _mule_frozen,
    say.MuleReleased: _mule_released,
    say.WithdrawThefts: _withdrawn,
    say.HoldPaid: _paid,
    say.CloseQuestion: _close_question,
}
