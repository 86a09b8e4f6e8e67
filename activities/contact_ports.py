"""Who showed control of which contact. `adapters/wiring.py` builds the real one."""

from __future__ import annotations

from typing import NamedTuple, Protocol


class ShownContact(NamedTuple):
    """A contact point of the owner that somebody answered: a code that went there, or a call-back to it."""

    contact_id: str
    claim_id: str | None
    """Who answered; None for codes that were answered without a claim."""


class StandingProof(NamedTuple):
    """What proved the owner, and is not void."""

    claim_id: str | None
    contacts: frozenset[str]
    """The contact points among its factors."""


class ContactHistory(Protocol):
    """Read only: answers and proofs are recorded by the steps that take them."""

    async def of_impostors(self, incident_id: str) -> frozenset[str]:
        """Contact points that a claimant answered who was named an impostor since, in this incident or in one that it goes on
        with: somebody else reads there. A void answer of nobody's claim counts as an impostor's.
        """
        ...

    async def shown(self, incident_id: str) -> list[ShownContact]:
        """Every contact point that anybody answered in this incident, whatever became of it."""
        ...

    async def proof(self, incident_id: str, episode: int) -> StandingProof | None:
        """The proof of this episode that stands."""
        ...
