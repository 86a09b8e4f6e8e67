"""The proof of the owner, recorded under the incident's row lock: what a verdict has taken away meanwhile proves nothing."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, exists, insert, or_, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from activities import changes as say
from activities.identity_changes import KeepFreeze
from adapters.sql.lifting import locked_row
from adapters.sql.staff_alerts import raise_alert
from adapters.sql.withdrawals import shown_in
from models.contracts.steps import FinishedStep
from models.errors import ErrorCode, StanchError
from models.lifecycle import LIFTED, Status
from models.names import StaffAlertKind
from models.tables.identity import IdentityClaim, IdentityEvidence
from models.tables.incidents import Incident
from models.tables.people import IdentityChallenge, Proof

CODES = frozenset({"phone", "email", "trusted_contacts"})
"""Factors that are answered one-time codes, as a proof names them."""

BESIDE_PROOF = "beside_proof"
"""What an alert says of somebody who has shown something where another claimant is proven."""

TOGETHER = "+"
"""Joins the contacts that vouched together in the reference of their factor."""


async def record_proof(change: say.RecordProof, connection: AsyncConnection, step: FinishedStep) -> None:
    """Applies RecordProof. Errors: INTERNAL, worth repeating, when what it relies on fell while it was looked at."""
    incident_id = step.attempt.incident_id
    since = (await locked_row(connection, incident_id)).compromised_since
    if since is not None and change.newest_contact_set_at >= since:
        # An alarm moved the time while the codes were looked at. Worth repeating: the next look finds them void.
        raise StanchError(
            ErrorCode.INTERNAL,
            "The compromise time moved to before a contact point that this proof relies on. Nothing was recorded; the "
            "proof is looked at again.",
        )
    if await connection.scalar(select(or_(_claim_over(change), _fallen(change, step)))):
        raise StanchError(
            ErrorCode.INTERNAL,
            "People have ended this claim, or what it showed counts no more. Nothing was recorded; the proof is looked at "
            "again.",
        )
    # What the owner is proven to have reported is no stranger's word any more: its freeze does not end by the clock.
    await connection.execute(update(Incident).where(Incident.id == incident_id).values(provisional=False))
    await connection.execute(
        insert(Proof).values(
            step_id=step.step_id,
            incident_id=incident_id,
            episode=step.attempt.episode,
            factors=list(change.factors),
            newest_contact_set_at=change.newest_contact_set_at,
            proven_at=change.at,
            claim_id=change.claim_id,
        )
    )
    for other in await _others(connection, step, change.claim_id):
        await _tell_of(connection, step.attempt.incident_id, step.attempt.episode, other, change.at)


async def keep_freeze(change: KeepFreeze, connection: AsyncConnection, step: FinishedStep) -> None:
    """Applies KeepFreeze. What is being lifted already, or another episode's, stays as it is."""
    del change
    row = await locked_row(connection, step.attempt.incident_id)
    if row.episode == step.attempt.episode and Status(row.status) not in LIFTED | {Status.CLOSED}:
        await connection.execute(
            update(Incident).where(Incident.id == step.attempt.incident_id).values(provisional=False)
        )


async def alert_to_rival(
    connection: AsyncConnection, incident_id: str, episode: int, claim_id: str | None, at: datetime
) -> None:
    """In the commit of what a claimant showed: staff hear at once where the proof that stands is another claimant's."""
    anothers = exists().where(
        Proof.incident_id == incident_id,
        Proof.episode == episode,
        Proof.voided_at.is_(None),
        Proof.claim_id.is_distinct_from(claim_id),
    )
    if await connection.scalar(select(anothers)):
        await _tell_of(connection, incident_id, episode, claim_id, at)


async def _others(connection: AsyncConnection, step: FinishedStep, claim_id: str | None) -> list[str]:
    """Other claims that have not ended, and in which something was shown when the proof was recorded."""
    query = select(IdentityClaim.id).where(
        IdentityClaim.incident_id == step.attempt.incident_id,
        IdentityClaim.episode == step.attempt.episode,
        IdentityClaim.id.is_distinct_from(claim_id),
        IdentityClaim.ended_at.is_(None),
        shown_in(IdentityClaim.id),
    )
    return list(await connection.scalars(query.order_by(IdentityClaim.id)))


async def _tell_of(
    connection: AsyncConnection, incident_id: str, episode: int, claim_id: str | None, at: datetime
) -> None:
    await raise_alert(
        connection,
        StaffAlertKind.IDENTITY_CONTESTED,
        f"{incident_id}/{episode}/{claim_id}",
        incident_id=incident_id,
        detail=BESIDE_PROOF,
        at=at,
    )


def _claim_over(change: say.RecordProof) -> ColumnElement[bool]:
    return exists().where(IdentityClaim.id == change.claim_id, IdentityClaim.ended_at.is_not(None))


def _fallen(change: say.RecordProof, step: FinishedStep) -> ColumnElement[bool]:
    """Whether a code or a factor that it relies on was voided, or is another claimant's by now."""
    relied_on = [each.partition(":")[::2] for each in change.factors]
    contacts = sorted({one for kind, named in relied_on if kind in CODES for one in named.split(TOGETHER)})
    codes = exists().where(
        IdentityChallenge.incident_id == step.attempt.incident_id,
        IdentityChallenge.episode == step.attempt.episode,
        IdentityChallenge.contact_id.in_(contacts),
        or_(
            IdentityChallenge.voided_at.is_not(None),
            IdentityChallenge.answered_at.is_(None),
            IdentityChallenge.claim_id.is_distinct_from(change.claim_id),
        ),
    )
    shown = exists().where(
        IdentityEvidence.claim_id == change.claim_id,
        tuple_(IdentityEvidence.kind, IdentityEvidence.reference).in_(relied_on),
        IdentityEvidence.voided_at.is_not(None),
    )
    return or_(codes, shown)
