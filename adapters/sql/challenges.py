"""One-time codes: hashed, and every answer counted and judged in one atomic UPDATE (port `Challenges`)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from adapters.secrets.keys import DataKeys, keyed_digest
from adapters.sql.engine import statement, transaction
from adapters.sql.proofs import alert_to_rival
from adapters.sql.staff_alerts import raise_alert
from models.contracts.identity import AnsweredCode, NewClaim
from models.names import StaffAlertKind
from models.tables.incidents import Incident
from models.tables.people import IdentityChallenge

# The row lock of the UPDATE serialises guesses, and its WHERE is judged again after the wait: 100 guesses at once are counted
# one by one and never more than allowed. A right code that comes late or too often is counted like a wrong one.
# An accepted answer asks Temporal to look in the same commit: a gateway killed right after it loses nothing.
ANSWER = text(
    """
WITH judged AS (
    UPDATE identity_challenge SET attempts = attempts + 1,
        answered_at = CASE WHEN code_digest = :code_digest AND expires_at > :at THEN CAST(:at AS timestamptz) END,
        claim_id = CASE WHEN code_digest = :code_digest AND expires_at > :at
                        THEN coalesce(CAST(:claim_id AS text), CAST(:opens AS text)) END
    WHERE id = :id AND answered_at IS NULL AND voided_at IS NULL AND attempts < attempts_allowed
      AND CASE WHEN CAST(:recovery_id AS text) IS NULL THEN EXISTS (SELECT FROM incident i WHERE i.id = incident_id)
               ELSE incident_id = :recovery_id END
      AND (CAST(:claim_id AS text) IS NULL OR EXISTS (SELECT FROM identity_claim c WHERE c.id = :claim_id
           AND c.ended_at IS NULL AND (c.incident_id, c.episode) = (identity_challenge.incident_id, identity_challenge.episode)))
    RETURNING incident_id, episode, attempts_allowed - attempts AS remaining, answered_at IS NOT NULL AS accepted,
              expires_at <= :at AS late
), opened AS (
    INSERT INTO identity_claim (id, incident_id, episode, token_digest, opened_at, expires_at)
    SELECT CAST(:opens AS text), incident_id, episode, CAST(:token_digest AS text), CAST(:at AS timestamptz),
           CAST(:claim_expires_at AS timestamptz)
    FROM judged WHERE accepted AND CAST(:claim_id AS text) IS NULL AND CAST(:opens AS text) IS NOT NULL
), asked AS (
    INSERT INTO hand_over (incident_id, generation, requested_at, next_try_at, attempts)
    SELECT incident_id, 1, CAST(:at AS timestamptz), clock_timestamp() + interval '2 seconds', 0 FROM judged WHERE accepted
    ON CONFLICT (incident_id) DO UPDATE SET generation = hand_over.generation + 1, requested_at = excluded.requested_at,
        next_try_at = excluded.next_try_at, attempts = 0, done_at = NULL, last_error = NULL
)
SELECT incident_id, episode, remaining, accepted, late FROM judged
"""
)

# What was answered counts no more when it is void or its claim is over, unless the owner is proven by it: the contact may be asked
# again then. Failures stay counted, the right answer was none. Who had answered stays on record: they may be named an impostor.
PREPARE = text(
    """
WITH former AS (
    SELECT c.id, c.answered_at, c.incident_id, c.episode, c.contact_id, c.channel, c.claim_id, c.voided_at
    FROM identity_challenge c LEFT JOIN identity_claim k ON k.id = c.claim_id
    WHERE c.id = :id AND c.round < :round
      AND (c.voided_at IS NOT NULL OR (c.answered_at IS NOT NULL AND (k.ended_at IS NOT NULL OR k.expires_at <= :sent_at)))
      AND NOT EXISTS (SELECT FROM proof p WHERE (p.incident_id, p.episode, p.claim_id) = (c.incident_id, c.episode, c.claim_id)
                      AND p.voided_at IS NULL)
    FOR UPDATE OF c
), kept AS (
    INSERT INTO former_answer (challenge_id, answered_at, incident_id, episode, contact_id, channel, claim_id, voided_at,
                               asked_again_at)
    SELECT id, answered_at, incident_id, episode, contact_id, channel, claim_id, voided_at, CAST(:sent_at AS timestamptz)
    FROM former WHERE answered_at IS NOT NULL
)
INSERT INTO identity_challenge AS c (id, incident_id, episode, contact_id, channel, contact_set_at, round, code_digest, sent_at,
                                     expires_at, attempts, attempts_allowed)
VALUES (:id, :incident_id, :episode, :contact_id, :channel, :contact_set_at, :round, :code_digest, :sent_at, :expires_at, 0,
        :attempts_allowed)
ON CONFLICT (id) DO UPDATE SET round = excluded.round, code_digest = excluded.code_digest, sent_at = excluded.sent_at,
    expires_at = excluded.expires_at, attempts = c.attempts - CASE WHEN c.answered_at IS NULL THEN 0 ELSE 1 END,
    answered_at = NULL, voided_at = NULL, claim_id = NULL
WHERE c.round < excluded.round
  AND ((c.answered_at IS NULL AND c.voided_at IS NULL) OR EXISTS (SELECT FROM former))
"""
)

STANDING = text(
    """
SELECT c.contact_id, CASE WHEN p.step_id IS NULL THEN k.expires_at END AS until
FROM identity_challenge c LEFT JOIN identity_claim k ON k.id = c.claim_id
LEFT JOIN proof p ON (p.incident_id, p.episode, p.claim_id) = (c.incident_id, c.episode, c.claim_id) AND p.voided_at IS NULL
WHERE c.incident_id = :incident_id AND c.episode = :episode AND c.answered_at IS NOT NULL AND c.voided_at IS NULL
  AND (c.claim_id IS NULL OR p.step_id IS NOT NULL OR (k.ended_at IS NULL AND k.expires_at > :at))
"""
)
"""The other side of PREPARE: what it leaves as it is."""

NOBODYS = bytes(32)
"""Stands in for the key of an incident that is not there, so that its absence does not show in the time it takes."""


class SqlChallenges:
    """Port `Challenges`."""

    def __init__(self, engine: AsyncEngine, keys: DataKeys) -> None:
        self._engine = engine
        self._keys = keys

    async def prepare(
        self,
        *,
        challenge_id: str,
        incident_id: str,
        episode: int,
        contact_id: str,
        channel: str,
        contact_set_at: datetime,
        round_number: int,
        code: str,
        sent_at: datetime,
        expires_at: datetime,
        attempts_allowed: int,
    ) -> bool:
        """See identity_ports.Challenges."""
        key = await self._keys.key_for(incident_id)
        values = {
            "id": challenge_id,
            "incident_id": incident_id,
            "episode": episode,
            "contact_id": contact_id,
            "channel": channel,
            "contact_set_at": contact_set_at,
            "round": round_number,
            "code_digest": code_digest(key, challenge_id, code),
            "sent_at": sent_at,
            "expires_at": expires_at,
            "attempts_allowed": attempts_allowed,
        }
        # Answered already, it was sent by an attempt that did not live to say so: the message's id keeps it from arriving twice.
        stands = select(IdentityChallenge.id).where(
            IdentityChallenge.id == challenge_id,
            IdentityChallenge.code_digest == values["code_digest"],
        )
        async with statement(self._engine) as connection:
            await connection.execute(PREPARE, values)
            return await connection.scalar(stands) is not None

    async def whose(self, challenge_id: str) -> tuple[str, str] | None:
        """See identity_ports.Challenges."""
        query = (
            select(Incident.account_id, IdentityChallenge.contact_id)
            .join(Incident, Incident.id == IdentityChallenge.incident_id)
            .where(IdentityChallenge.id == challenge_id)
        )
        async with statement(self._engine) as connection:
            row = (await connection.execute(query)).one_or_none()
        return None if row is None else (row.account_id, row.contact_id)

    async def answer(
        self,
        challenge_id: str,
        code: str,
        at: datetime,
        *,
        claim_id: str | None = None,
        recovery_id: str | None = None,
        opens: NewClaim | None = None,
    ) -> tuple[str, int, str | None]:
        """See identity_ports.Challenges. At the incidents' door an unknown challenge takes the same two statements as a wrong
        code; at a recovery's door every answer takes the same, whether its number has an account or not.
        """
        key = (
            await self._key_of(challenge_id) if recovery_id is None else await self._keys.key_for(recovery_id)
        )
        claimant = claim_id if claim_id is not None or opens is None else opens.claim_id
        values = {
            "id": challenge_id,
            "code_digest": code_digest(key, challenge_id, code),
            "at": at,
            "claim_id": claim_id,
            "recovery_id": recovery_id,
            "opens": None if opens is None else opens.claim_id,
            "token_digest": None if opens is None else opens.token_digest,
            "claim_expires_at": None if opens is None else opens.expires_at,
        }
        async with transaction(self._engine) as connection:
            judged = (await connection.execute(ANSWER, values)).one_or_none()
            if judged is not None and recovery_id is None:
                await self._tell_staff(connection, judged, claimant, at)
                return _verdict(judged), judged.remaining, judged.incident_id
            row = (
                await connection.execute(
                    select(
                        IdentityChallenge.answered_at,
                        IdentityChallenge.voided_at,
                        IdentityChallenge.incident_id,
                        IdentityChallenge.attempts,
                        IdentityChallenge.attempts_allowed,
                    ).where(IdentityChallenge.id == challenge_id)
                )
            ).one_or_none()
        if judged is not None:
            return _verdict(judged), judged.remaining, judged.incident_id
        if row is None:
            return "unknown", 0, None
        if row.answered_at is not None or row.voided_at is not None:
            return "used", 0, row.incident_id
        if row.attempts < row.attempts_allowed:
            # Only the claim or the recovery can have stood against it: it is another's, or has ended.
            return "unknown", 0, None
        return "too_many", 0, row.incident_id

    @staticmethod
    async def _tell_staff(
        connection: AsyncConnection, judged: Row[Any], claimant: str | None, at: datetime
    ) -> None:
        if judged.accepted:
            await alert_to_rival(connection, judged.incident_id, judged.episode, claimant, at)
        elif not judged.remaining:
            # Whoever it is hears that an agent must help now: then agents must know.
            await raise_alert(
                connection,
                StaffAlertKind.CODES_EXHAUSTED,
                f"{judged.incident_id}/{judged.episode}",
                incident_id=judged.incident_id,
                at=at,
            )

    async def _key_of(self, challenge_id: str) -> bytes:
        async with statement(self._engine) as connection:
            whose = select(IdentityChallenge.incident_id).where(IdentityChallenge.id == challenge_id)
            incident_id = await connection.scalar(whose)
        return NOBODYS if incident_id is None else await self._keys.key_for(incident_id)

    async def answered(self, incident_id: str, episode: int) -> list[AnsweredCode]:
        """See identity_ports.Challenges."""
        query = select(IdentityChallenge).where(
            IdentityChallenge.incident_id == incident_id,
            IdentityChallenge.episode == episode,
            IdentityChallenge.answered_at.is_not(None),
            IdentityChallenge.voided_at.is_(None),
        )
        async with statement(self._engine) as connection:
            rows = await connection.execute(query.order_by(IdentityChallenge.contact_id))
            return [
                AnsweredCode(
                    claim_id=row.claim_id,
                    channel=row.channel,
                    contact_id=row.contact_id,
                    contact_set_at=row.contact_set_at,
                    answered_at=row.answered_at,
                )
                for row in rows
            ]

    async def standing(self, incident_id: str, episode: int, at: datetime) -> dict[str, datetime | None]:
        """See identity_ports.Challenges."""
        values = {"incident_id": incident_id, "episode": episode, "at": at}
        async with statement(self._engine) as connection:
            return {row.contact_id: row.until for row in await connection.execute(STANDING, values)}

    async def run_out(self, incident_id: str, episode: int, at: datetime) -> dict[str, int]:
        """See identity_ports.Challenges."""
        standing = await self.standing(incident_id, episode, at)
        query = select(IdentityChallenge.contact_id, IdentityChallenge.round).where(
            IdentityChallenge.incident_id == incident_id,
            IdentityChallenge.episode == episode,
            IdentityChallenge.channel != "trusted",
            IdentityChallenge.contact_id.not_in(standing),
            # What was answered is used up, however long it would have been good.
            (IdentityChallenge.expires_at <= at)
            | IdentityChallenge.answered_at.is_not(None)
            | IdentityChallenge.voided_at.is_not(None),
        )
        async with statement(self._engine) as connection:
            return {row.contact_id: row.round for row in await connection.execute(query)}

    async def exhausted(self, incident_id: str, episode: int) -> bool:
        """See identity_ports.Challenges."""
        async with statement(self._engine) as connection:
            total, spent = (
                await connection.execute(
                    select(
                        func.count(),
                        func.count().filter(
                            IdentityChallenge.attempts >= IdentityChallenge.attempts_allowed,
                            IdentityChallenge.answered_at.is_(None),
                        ),
                    ).where(
                        IdentityChallenge.incident_id == incident_id,
                        IdentityChallenge.episode == episode,
                        IdentityChallenge.channel != "trusted",
                    )
                )
            ).one()
            return bool(total) and total == spent


def _verdict(judged: Row[Any]) -> str:
    return "accepted" if judged.accepted else "late" if judged.late else "wrong"


def code_digest(key: bytes, challenge_id: str, code: str) -> str:
    """What is stored of a code: keyed, for whoever reads the table could try all codes; bound to its challenge."""
    return keyed_digest(key, f"code/{challenge_id}/{code}".encode())
