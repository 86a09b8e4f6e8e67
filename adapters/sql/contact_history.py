"""Which contacts were answered, by whom, and which of those were impostors (port `ContactHistory`)."""

from __future__ import annotations

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from activities.contact_ports import ShownContact, StandingProof
from adapters.sql.engine import statement
from models.tables.people import Proof

ANSWERS = """
    SELECT contact_id, claim_id, voided_at FROM identity_challenge
    WHERE incident_id = ANY(:ids) AND answered_at IS NOT NULL AND channel <> 'trusted'
    UNION ALL
    SELECT contact_id, claim_id, voided_at FROM former_answer
    WHERE incident_id = ANY(:ids) AND channel <> 'trusted'
    UNION ALL
    SELECT reference, claim_id, voided_at FROM identity_evidence
    WHERE incident_id = ANY(:ids) AND kind = 'call_back'
"""

SHOWN = text(f"SELECT DISTINCT contact_id, claim_id FROM ({ANSWERS}) AS answer")  # noqa: S608 - fixed texts of this file

# An answer without a claim is void where its giver was named, or where the contact was set since: nobody is to write to either.
OF_IMPOSTORS = text(
    "SELECT DISTINCT answer.contact_id "  # noqa: S608 - fixed texts of this file
    f"FROM ({ANSWERS}) AS answer LEFT JOIN identity_claim AS claim ON claim.id = answer.claim_id "
    "WHERE claim.ending = 'impostor' OR (answer.claim_id IS NULL AND answer.voided_at IS NOT NULL)"
)

CHAIN = text(
    """
WITH RECURSIVE chain (id, reopens) AS (
    SELECT id, reopens FROM incident WHERE id = :id
    UNION SELECT incident.id, incident.reopens FROM incident JOIN chain ON incident.id = chain.reopens
)
SELECT id FROM chain
"""
)

OF_A_CONTACT = ("phone", "email", "call_back")
"""How a contact point stands among the factors of a proof (activities/identity.py): `phone:contact-id`."""


class SqlContactHistory:
    """Port `ContactHistory`."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def of_impostors(self, incident_id: str) -> frozenset[str]:
        """See contact_ports.ContactHistory."""
        async with statement(self._engine) as connection:
            ids = list(await connection.scalars(CHAIN, {"id": incident_id}))
            return frozenset(await connection.scalars(OF_IMPOSTORS, {"ids": ids}))

    async def shown(self, incident_id: str) -> list[ShownContact]:
        """See contact_ports.ContactHistory."""
        async with statement(self._engine) as connection:
            rows = await connection.execute(SHOWN, {"ids": [incident_id]})
            return [ShownContact(row.contact_id, row.claim_id) for row in rows]

    async def proof(self, incident_id: str, episode: int) -> StandingProof | None:
        """See contact_ports.ContactHistory."""
        query = (
            select(Proof.claim_id, Proof.factors)
            .where(Proof.incident_id == incident_id, Proof.episode == episode, Proof.voided_at.is_(None))
            .order_by(Proof.proven_at.desc())
            .limit(1)
        )
        async with statement(self._engine) as connection:
            row = (await connection.execute(query)).one_or_none()
        if row is None:
            return None
        named = [factor.partition(":") for factor in row.factors]
        return StandingProof(
            row.claim_id, frozenset(reference for kind, _, reference in named if kind in OF_A_CONTACT)
        )
