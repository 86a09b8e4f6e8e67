"""Claims on an account and what was presented for them (port `IdentityClaims`)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, exists, insert, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from activities import changes as say
from adapters.sql.against import against
from adapters.sql.engine import statement
from adapters.sql.hand_over import ask as ask_to_look
from adapters.sql.lifting import locked_row
from adapters.sql.proofs import alert_to_rival
from adapters.sql.withdrawals import shown_in
from models.contracts.identity import UNCLAIMED, AgainstClaim, Claim, Evidence, FactorKind, Presented
from models.contracts.steps import FinishedStep
from models.digests import digest
from models.errors import ErrorCode, StanchError
from models.lifecycle import LIFTED, Event, Status, move
from models.tables.identity import IdentityAsk, IdentityClaim, IdentityEvidence
from models.tables.incidents import Incident
from models.tables.people import IdentityChallenge, Proof

# Whoever comes second finds used_at set: the row lock decides, and the WHERE is judged again after the wait.
USE = text(
    """
UPDATE identity_ask SET used_at = :at
WHERE digest = :digest AND kind = :kind AND used_at IS NULL AND expires_at > :at
  AND (CAST(:claim_id AS text) IS NULL OR claim_id = :claim_id)
RETURNING claim_id
"""
)


class SqlIdentityClaims:
    """Port `IdentityClaims`."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def open(self, claim: Claim, token_digest: str) -> None:
        """See identity_ports.IdentityClaims."""
        values = claim.model_dump(exclude={"claim_id"}) | {"id": claim.claim_id, "token_digest": token_digest}
        async with statement(self._engine) as connection:
            await connection.execute(insert(IdentityClaim).values(**values))

    async def by_token(self, token_digest: str) -> Claim | None:
        """See identity_ports.IdentityClaims."""
        return await self._one(IdentityClaim.token_digest == token_digest)

    async def find(self, claim_id: str) -> Claim | None:
        """See identity_ports.IdentityClaims."""
        return await self._one(IdentityClaim.id == claim_id)

    async def listed(self, incident_id: str) -> list[Claim]:
        """See identity_ports.IdentityClaims."""
        query = select(IdentityClaim).where(IdentityClaim.incident_id == incident_id)
        async with statement(self._engine) as connection:
            rows = await connection.execute(query.order_by(IdentityClaim.opened_at, IdentityClaim.id))
            return [_claim(row) for row in rows]

    async def against(self, incident_id: str) -> list[AgainstClaim]:
        """See identity_ports.IdentityClaims."""
        async with statement(self._engine) as connection:
            return await against(connection, incident_id)

    async def shown(self, claim_id: str) -> bool:
        """See identity_ports.IdentityClaims."""
        async with statement(self._engine) as connection:
            return bool(await connection.scalar(select(shown_in(claim_id))))

    async def unclaimed(self, incident_id: str, episode: int) -> bool:
        """See identity_ports.IdentityClaims."""
        async with statement(self._engine) as connection:
            return bool(
                await connection.scalar(select(exists().where(*_without_claim(incident_id, episode))))
            )

    async def evidence(self, incident_id: str, episode: int) -> list[Evidence]:
        """See identity_ports.IdentityClaims."""
        query = select(IdentityEvidence).where(
            IdentityEvidence.incident_id == incident_id,
            IdentityEvidence.episode == episode,
            IdentityEvidence.voided_at.is_(None),
        )
        async with statement(self._engine) as connection:
            rows = await connection.execute(query.order_by(IdentityEvidence.presented_at))
            return [
                Evidence(
                    claim_id=row.claim_id,
                    presented=Presented.model_validate(row.presented),
                    presented_at=row.presented_at,
                )
                for row in rows
            ]

    async def ask(
        self, digest: str, claim_id: str, kind: FactorKind, *, asked_at: datetime, expires_at: datetime
    ) -> None:
        """See identity_ports.IdentityClaims."""
        async with statement(self._engine) as connection:
            await connection.execute(
                insert(IdentityAsk).values(
                    digest=digest,
                    claim_id=claim_id,
                    kind=kind.value,
                    asked_at=asked_at,
                    expires_at=expires_at,
                )
            )

    async def use(
        self, digest: str, kind: FactorKind, at: datetime, *, claim_id: str | None = None
    ) -> str | None:
        """See identity_ports.IdentityClaims."""
        values = {"digest": digest, "kind": kind.value, "at": at, "claim_id": claim_id}
        async with statement(self._engine) as connection:
            found: str | None = await connection.scalar(USE, values)
            return found

    async def asked(self, digest: str, kind: FactorKind, at: datetime) -> str | None:
        """See identity_ports.IdentityClaims."""
        query = select(IdentityAsk.claim_id).where(
            IdentityAsk.digest == digest,
            IdentityAsk.kind == kind.value,
            IdentityAsk.used_at.is_(None),
            IdentityAsk.expires_at > at,
        )
        async with statement(self._engine) as connection:
            found: str | None = await connection.scalar(query)
            return found

    async def _one(self, which: Any) -> Claim | None:
        async with statement(self._engine) as connection:
            row = (await connection.execute(select(IdentityClaim).where(which))).one_or_none()
        return None if row is None else _claim(row)


def _claim(row: Row[Any]) -> Claim:
    fields = {name: getattr(row, name) for name in Claim.model_fields if name != "claim_id"}
    return Claim(claim_id=row.id, **fields)


async def record_evidence(
    change: say.RecordEvidence, connection: AsyncConnection, step: FinishedStep
) -> None:
    """Applies RecordEvidence. Errors: REFUSED_BY_RULE when the claim has ended."""
    await locked_row(connection, step.attempt.incident_id)
    ended = await connection.scalar(
        select(IdentityClaim.ended_at).where(IdentityClaim.id == change.claim_id).with_for_update(read=True)
    )
    if ended is not None:
        raise StanchError(
            ErrorCode.REFUSED_BY_RULE, "This claim has ended. Nothing was recorded; an agent must help now."
        )
    if change.uses is not None:
        used = {"digest": change.uses, "kind": change.presented.kind.value, "at": change.at}
        if await connection.scalar(USE, used | {"claim_id": change.claim_id}) is None:
            raise StanchError(
                ErrorCode.REFUSED_BY_RULE, "This was answered before, or too late. Nothing was recorded."
            )
    await connection.execute(
        upsert(IdentityEvidence)
        .values(
            step_id=step.step_id,
            incident_id=step.attempt.incident_id,
            episode=step.attempt.episode,
            claim_id=change.claim_id,
            kind=change.presented.kind.value,
            reference=change.presented.reference,
            set_at=change.presented.set_at,
            presented=change.presented.model_dump(mode="json"),
            presented_at=change.at,
        )
        # Shown again after the compromise time moved: what stands, stands.
        .on_conflict_do_nothing()
    )
    attempt = step.attempt
    await alert_to_rival(connection, attempt.incident_id, attempt.episode, change.claim_id, change.at)
    await ask_to_look(connection, attempt.incident_id, change.at)


async def end_claim_of_impostor(
    change: say.EndClaimOfImpostor, connection: AsyncConnection, step: FinishedStep
) -> None:
    """Applies EndClaimOfImpostor."""
    incident_id, episode = step.attempt.incident_id, step.attempt.episode
    row = await locked_row(connection, incident_id)
    claim_id = change.claim_id
    if claim_id == UNCLAIMED:
        claim_id = await _claim_of_the_unclaimed(connection, step, change.at)
    await connection.execute(
        update(IdentityClaim)
        .where(IdentityClaim.id == claim_id, IdentityClaim.ended_at.is_(None))
        .values(ended_at=change.at, ending="impostor")
    )
    for table in (IdentityEvidence, IdentityChallenge, Proof):
        await connection.execute(
            update(table)
            .where(table.claim_id == claim_id, table.voided_at.is_(None))
            .values(voided_at=change.at)
        )
    others = await connection.scalar(
        select(Proof.step_id)
        .where(Proof.incident_id == incident_id, Proof.episode == episode, Proof.voided_at.is_(None))
        .limit(1)
    )
    if others is None and Status(row.status) not in LIFTED | {Status.CLOSED}:
        await connection.execute(
            update(Incident)
            .where(Incident.id == incident_id)
            .values(status=move(Status(row.status), Event.IMPOSTOR_FOUND).value, provisional=False)
        )


def _without_claim(incident_id: str, episode: int) -> tuple[ColumnElement[bool], ...]:
    return (
        IdentityChallenge.incident_id == incident_id,
        IdentityChallenge.episode == episode,
        IdentityChallenge.claim_id.is_(None),
        IdentityChallenge.answered_at.is_not(None),
    )


async def _claim_of_the_unclaimed(connection: AsyncConnection, step: FinishedStep, at: datetime) -> str:
    """A claim that what was answered without one belongs to from now on. No token opens it: its digest is of none."""
    incident_id, episode = step.attempt.incident_id, step.attempt.episode
    await connection.execute(
        insert(IdentityClaim).values(
            id=step.step_id,
            incident_id=incident_id,
            episode=episode,
            token_digest=digest([UNCLAIMED, step.step_id]),
            opened_at=at,
            expires_at=at,
        )
    )
    await connection.execute(
        update(IdentityChallenge).where(*_without_claim(incident_id, episode)).values(claim_id=step.step_id)
    )
    # Whose proof it is stands in its row for good, so it falls by its want of a claim.
    await connection.execute(
        update(Proof)
        .where(
            Proof.incident_id == incident_id,
            Proof.episode == episode,
            Proof.claim_id.is_(None),
            Proof.voided_at.is_(None),
        )
        .values(voided_at=at)
    )
    return step.step_id


async def void_evidence(connection: AsyncConnection, incident_id: str, since: datetime, at: datetime) -> None:
    """What relied on anything set at `since` or later counts no more."""
    await connection.execute(
        update(IdentityEvidence)
        .where(
            IdentityEvidence.incident_id == incident_id,
            IdentityEvidence.set_at >= since,
            IdentityEvidence.voided_at.is_(None),
        )
        .values(voided_at=at)
    )
