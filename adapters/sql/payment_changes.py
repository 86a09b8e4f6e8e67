"""Applies what steps about payments in flight change, in the step's own transaction."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from sqlalchemy import func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.payment_changes import PaymentSettled, PaymentsFound
from models.contracts.steps import FinishedStep
from models.names import PaymentState
from models.tables.incidents import Incident
from models.tables.payments import InFlightPayment, PaymentLook


async def _found(change: PaymentsFound, connection: AsyncConnection, step: FinishedStep) -> None:
    attempt = step.attempt
    where = {"incident_id": attempt.incident_id, "episode": attempt.episode}
    await connection.execute(
        insert(PaymentLook).values(
            step_id=step.step_id, set_since=change.set_since, looked_at=change.at, **where
        )
    )
    if not change.payments:
        return
    settled = {PaymentState.STOPPED, PaymentState.CAPTURED}
    rows = [
        where
        | {
            "payment_id": each.payment_id,
            "kind": each.kind.value,
            "currency": each.currency,
            "amount": each.amount,
            "authorised_at": each.authorised_at,
            "due_at": each.due_at,
            "found_at": change.at,
            "state": each.state.value,
            "transfer_id": each.transfer_id,
            "settled_at": change.at if each.state in settled else None,
        }
        for each in change.payments
    ]
    added = upsert(InFlightPayment)
    await connection.execute(
        added.on_conflict_do_update(
            index_elements=["incident_id", "episode", "payment_id"],
            set_={name: added.excluded[name] for name in ("state", "transfer_id", "settled_at")},
            # What is settled stays so, whatever a slow look still says.
            where=InFlightPayment.settled_at.is_(None),
        ),
        rows,
    )


async def _settled(change: PaymentSettled, connection: AsyncConnection, step: FinishedStep) -> None:
    await connection.execute(
        update(InFlightPayment)
        .where(
            InFlightPayment.incident_id == step.attempt.incident_id,
            InFlightPayment.episode == step.attempt.episode,
            InFlightPayment.payment_id == change.payment_id,
            InFlightPayment.settled_at.is_(None),
        )
        .values(
            state=change.state.value,
            receipt_id=change.receipt_id,
            transfer_id=change.transfer_id,
            settled_at=change.at,
        )
    )


async def payments_missing(connection: AsyncConnection, incident_id: str, episode: int) -> str | None:
    """What is in the way of a return: nobody looked far enough back, or so many may still move money. None: nothing."""
    since = select(Incident.compromised_since).where(Incident.id == incident_id).scalar_subquery()
    looked = await connection.scalar(
        select(func.count())
        .select_from(PaymentLook)
        .where(
            PaymentLook.incident_id == incident_id,
            PaymentLook.episode == episode,
            PaymentLook.set_since <= since,
        )
    )
    if not looked:
        return "a look for payments in flight"
    left = await connection.scalar(
        select(func.count())
        .select_from(InFlightPayment)
        .where(
            InFlightPayment.incident_id == incident_id,
            InFlightPayment.episode == episode,
            InFlightPayment.state == PaymentState.FOUND.value,
        )
    )
    return f"{left} payment(s) in flight" if left else None


PAYMENTS: dict[type, Callable[[Any, AsyncConnection, FinishedStep], Awaitable[None]]] = {
    PaymentsFound: _found,
    PaymentSettled: _settled,
}
