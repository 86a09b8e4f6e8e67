"""A claim that was opened by mistake ends, and nobody is called an impostor for it."""

from __future__ import annotations

from sqlalchemy import ColumnElement, exists, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import InstrumentedAttribute

from activities.identity_changes import WithdrawClaim
from adapters.sql.lifting import locked_row
from models.contracts.steps import FinishedStep
from models.errors import ErrorCode, StanchError
from models.tables.identity import IdentityClaim, IdentityEvidence
from models.tables.people import IdentityChallenge, Proof


def shown_in(claim_id: str | InstrumentedAttribute[str]) -> ColumnElement[bool]:
    """Whether anything that counts was shown in this claim."""
    return or_(
        exists().where(IdentityEvidence.claim_id == claim_id, IdentityEvidence.voided_at.is_(None)),
        exists().where(
            IdentityChallenge.claim_id == claim_id,
            IdentityChallenge.answered_at.is_not(None),
            IdentityChallenge.voided_at.is_(None),
        ),
    )


async def withdraw(change: WithdrawClaim, connection: AsyncConnection, step: FinishedStep) -> None:
    """Applies WithdrawClaim.

    Errors: REFUSED_BY_RULE, when one person alone withdraws what somebody has shown something in; INTERNAL, worth repeating,
    when it has become the proven owner's meanwhile.
    """
    await locked_row(connection, step.attempt.incident_id)
    claim_id = change.claim_id
    if change.alone and await connection.scalar(select(shown_in(claim_id))):
        raise StanchError(
            ErrorCode.REFUSED_BY_RULE,
            "Somebody has shown something in this claim meanwhile. Nothing was changed; two people must agree to withdraw it.",
        )
    proven = exists().where(Proof.claim_id == claim_id, Proof.voided_at.is_(None))
    if await connection.scalar(select(proven)):
        raise StanchError(
            ErrorCode.INTERNAL,
            "This claim has proven the owner meanwhile. Nothing was changed; the decision is looked at again.",
        )
    await connection.execute(
        update(IdentityClaim)
        .where(IdentityClaim.id == claim_id, IdentityClaim.ended_at.is_(None))
        .values(ended_at=change.at, ending="withdrawn")
    )
    for table in (IdentityEvidence, IdentityChallenge):
        await connection.execute(
            update(table)
            .where(table.claim_id == claim_id, table.voided_at.is_(None))
            .values(voided_at=change.at)
        )
