"""Closed accounts: where their money goes, and what people agreed to (port `Closures`)."""

from __future__ import annotations

import json

from sqlalchemy import exists, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from activities.ending_changes import RecordClosure, RecordDestination
from adapters.secrets.keys import Sealer
from adapters.sql.engine import statement
from adapters.sql.lifting import locked_row
from models.contracts.closure import AgreedClosure, ProvenDestination
from models.contracts.steps import FinishedStep
from models.digests import canonical
from models.errors import ErrorCode, StanchError
from models.lifecycle import Status
from models.names import DecisionKind, Outcome
from models.tables.closure import AccountClosure, PayoutDestination
from models.tables.incidents import Incident
from models.tables.people import DecisionRequest, DecisionTask, Proof

CONTENT = "payout_destination.content"


class SqlClosures:
    """Reads. What changes is in the steps' own transactions."""

    def __init__(self, engine: AsyncEngine, sealer: Sealer) -> None:
        self._engine = engine
        self._sealer = sealer

    async def digest(self, incident_id: str, proven: ProvenDestination) -> str:
        """See ports.Closures."""
        return await self._sealer.digest(incident_id, _content(proven))

    async def standing_proof(self, incident_id: str, episode: int) -> str | None:
        """See ports.Closures."""
        async with statement(self._engine) as connection:
            found: str | None = await connection.scalar(
                select(Proof.step_id)
                .where(Proof.incident_id == incident_id, Proof.episode == episode, Proof.voided_at.is_(None))
                .order_by(Proof.proven_at.desc())
                .limit(1)
            )
        return found

    async def agreed(self, request_id: str) -> AgreedClosure:
        """See ports.Closures."""
        async with statement(self._engine) as connection:
            row = (
                await connection.execute(
                    select(DecisionTask.incident_id, DecisionTask.action)
                    .join(DecisionRequest, DecisionRequest.task_id == DecisionTask.id)
                    .where(
                        DecisionRequest.id == request_id,
                        DecisionTask.kind == DecisionKind.CLOSE_ACCOUNT.value,
                    )
                )
            ).one_or_none()
        if row is None:
            raise _not_agreed()
        action = row.action
        proven = await self.destination(row.incident_id, action["destination_id"])
        if await self.digest(row.incident_id, proven) != action["destination"]:
            raise _not_agreed()
        return AgreedClosure(
            account_id=action["account_id"],
            proof=action["proof"],
            destination_id=action["destination_id"],
            destination=proven.destination,
            balances=json.loads(action["balances"]),
        )

    async def destination(self, incident_id: str, destination_id: str) -> ProvenDestination:
        """See ports.Closures."""
        async with statement(self._engine) as connection:
            sealed = await connection.scalar(
                select(PayoutDestination.content).where(
                    PayoutDestination.id == destination_id, PayoutDestination.incident_id == incident_id
                )
            )
        if sealed is None:
            raise StanchError(ErrorCode.NOT_FOUND, "There is no such destination. Nothing was done.")
        return ProvenDestination.model_validate_json(await self._sealer.open(incident_id, CONTENT, sealed))


def _content(proven: ProvenDestination) -> bytes:
    return canonical(proven.model_dump(mode="json"))


def _not_agreed() -> StanchError:
    return StanchError(
        ErrorCode.REFUSED_BY_RULE,
        "This is not what people agreed to close. Nothing was done; it must be asked and decided again.",
    )


async def destination_entered(
    change: RecordDestination, connection: AsyncConnection, step: FinishedStep, sealer: Sealer
) -> None:
    """One row, sealed, in the commit of the question that binds it."""
    incident_id, content = step.attempt.incident_id, _content(change.proven)
    await connection.execute(
        insert(PayoutDestination).values(
            id=change.destination_id,
            incident_id=incident_id,
            step_id=step.step_id,
            kind=change.proven.destination.kind,
            content=await sealer.seal(incident_id, CONTENT, content),
            content_digest=await sealer.digest(incident_id, content),
            entered_at=change.at,
        )
    )


async def account_closed(change: RecordClosure, connection: AsyncConnection, step: FinishedStep) -> None:
    """The record of the closing. An alarm that came right after it found nothing to freeze, which says no other thing."""
    incident_id = step.attempt.incident_id
    await connection.execute(
        insert(AccountClosure).values(
            incident_id=incident_id,
            step_id=step.step_id,
            destination_id=change.destination_id,
            closed_at=change.at,
        )
    )
    row = await locked_row(connection, incident_id)
    if Status(row.status) is Status.CLOSED and row.outcome == Outcome.NOT_FROZEN.value:
        await connection.execute(
            update(Incident).where(Incident.id == incident_id).values(outcome=Outcome.ACCOUNT_CLOSED.value)
        )


async def closed_as(connection: AsyncConnection, incident_id: str, outcome: Outcome) -> Outcome:
    """How an incident ends whose account cannot be frozen: where it was closed for its owner, that is why."""
    closed = await connection.scalar(select(exists().where(AccountClosure.incident_id == incident_id)))
    return Outcome.ACCOUNT_CLOSED if closed else outcome
