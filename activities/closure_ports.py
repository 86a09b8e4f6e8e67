"""The Protocol of what the database says about the closing of an account."""

from __future__ import annotations

from typing import Protocol

from models.contracts.closure import AgreedClosure, ProvenDestination


class Closures(Protocol):
    """Destinations, and what people agreed to pay to them."""

    async def digest(self, incident_id: str, proven: ProvenDestination) -> str:
        """What a question binds of a destination: keyed by the incident, so that nobody can guess it."""
        ...

    async def standing_proof(self, incident_id: str, episode: int) -> str | None:
        """The step of the proof of the owner that stands in this episode; None when none does."""
        ...

    async def agreed(self, request_id: str) -> AgreedClosure:
        """What the question of this choice says, with the destination opened.

        Errors: REFUSED_BY_RULE when it is no such question, or the destination is not the one that was agreed on; ERASED.
        """
        ...

    async def destination(self, incident_id: str, destination_id: str) -> ProvenDestination:
        """One destination, opened. Errors: NOT_FOUND, ERASED."""
        ...
