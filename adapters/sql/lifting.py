"""The commit with which every lifting of protection begins: the incident's row lock decides (DESIGN 4)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Row, exists, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import aliased

from adapters.sql.payment_changes import payments_missing
from models.errors import ErrorCode, StanchError
from models.lifecycle import Event, Status, move
from models.names import SecurityItem, StepKind
from models.tables.closure import AccountClosure
from models.tables.incidents import Alarm, Incident
from models.tables.people import Proof, ResetReceipt
from models.tables.steps import Step


async def locked_row(connection: AsyncConnection, incident_id: str) -> Row[Any]:
    """Lock the incident's row and give it. Errors: NOT_FOUND.

    FOR NO KEY UPDATE: it excludes everybody who decides about the incident, but not the rows that merely refer to it. Two
    steps that have each inserted their row could otherwise wait for each other for ever.
    """
    row = (
        await connection.execute(
            select(Incident).where(Incident.id == incident_id).with_for_update(key_share=True)
        )
    ).one_or_none()
    if row is None:
        raise StanchError(ErrorCode.NOT_FOUND, "There is no incident with this id. Nothing was done.")
    return row


async def locked_incident(connection: AsyncConnection, incident_id: str, episode: int) -> Status:
    """Lock the row and give its status. Errors: NOT_FOUND; ILLEGAL_MOVE, when the episode is over."""
    row = await locked_row(connection, incident_id)
    if row.episode != episode:
        raise StanchError(
            ErrorCode.ILLEGAL_MOVE,
            f"Episode {episode} of this incident is over; episode {row.episode} has begun. Nothing was changed.",
        )
    return Status(row.status)


async def refuse_while_alarmed(connection: AsyncConnection, incident_id: str) -> None:
    """Errors: ALARM_WAITING, while an alarm of this incident has not taken effect. Call under the row lock."""
    waiting = await connection.scalar(
        select(func.count())
        .select_from(Alarm)
        .where(Alarm.incident_id == incident_id, Alarm.acknowledged_at.is_(None))
    )
    if waiting:
        raise StanchError(
            ErrorCode.ALARM_WAITING,
            f"{waiting} alarm(s) of this incident have not taken effect yet. Nothing was lifted; they are taken up first.",
        )


def limits_left() -> ColumnElement[bool]:
    """Whether stage limits of an earlier episode of the incident in the query stand at the wallet, by our records.

    An account that was closed for its owner has nothing left that they could limit.
    """
    lifted = aliased(Step)
    return exists().where(
        Step.incident_id == Incident.id,
        Step.episode < Incident.episode,
        Step.kind == StepKind.STAGE.value,
        Step.status == "done",
        ~exists().where(
            lifted.incident_id == Step.incident_id,
            lifted.episode >= Step.episode,
            lifted.kind == StepKind.LIFT_LIMITS.value,
            lifted.status == "done",
        ),
        ~exists().where(AccountClosure.incident_id == Step.incident_id),
    )


async def lift(connection: AsyncConnection, incident_id: str, episode: int, event: Event) -> None:
    """Move to returning, releasing or closing, or refuse.

    Errors: ALARM_WAITING; ILLEGAL_MOVE; RESET_INCOMPLETE, when a return or a closing has no standing proof in this episode,
    or a return has a security item without a receipt that reaches back to the compromise time, or payments in flight that
    may still move money.
    """
    status = await locked_incident(connection, incident_id, episode)
    await refuse_while_alarmed(connection, incident_id)
    after = move(status, event)
    if event is Event.RETURN_INTENDED:
        # A return that has begun goes on: its money is free already, and earlier versions began some without a look.
        in_flight = status is not Status.RETURNING
        await _refuse_incomplete(connection, incident_id, episode, in_flight=in_flight)
    if event is Event.CLOSURE_INTENDED:
        await _refuse_unproven(connection, incident_id, episode)
    await connection.execute(update(Incident).where(Incident.id == incident_id).values(status=after.value))


async def _refuse_incomplete(
    connection: AsyncConnection, incident_id: str, episode: int, *, in_flight: bool
) -> None:
    proven = await _proofs(connection, incident_id, episode)
    since = select(Incident.compromised_since).where(Incident.id == incident_id).scalar_subquery()
    items = set(
        await connection.scalars(
            select(ResetReceipt.item).where(
                ResetReceipt.incident_id == incident_id,
                ResetReceipt.episode == episode,
                ResetReceipt.set_since <= since,
            )
        )
    )
    missing = sorted({item.value for item in SecurityItem} - items)
    if in_flight and (payments := await payments_missing(connection, incident_id, episode)) is not None:
        missing.append(payments)
    if not proven or missing:
        what = ", ".join(([] if proven else ["proof of the owner"]) + missing)
        raise StanchError(
            ErrorCode.RESET_INCOMPLETE,
            f"The account is not ready to go back; missing: {what}. It stays frozen until this is done.",
        )


async def _refuse_unproven(connection: AsyncConnection, incident_id: str, episode: int) -> None:
    if not await _proofs(connection, incident_id, episode):
        raise StanchError(
            ErrorCode.RESET_INCOMPLETE,
            "Nobody is proven to own the account, so nobody can have it closed. It stays frozen until somebody is.",
        )


async def _proofs(connection: AsyncConnection, incident_id: str, episode: int) -> int:
    return (
        await connection.scalar(
            select(func.count())
            .select_from(Proof)
            .where(Proof.incident_id == incident_id, Proof.episode == episode, Proof.voided_at.is_(None))
        )
        or 0
    )
