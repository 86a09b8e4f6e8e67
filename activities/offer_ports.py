"""The Protocol of what is known about payments that people are, or were, asked about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from models.contracts.offers import Objections, PaidSoFar, PaymentQuestion


class Offers(Protocol):
    """Reads. Questions are put and closed by steps."""

    async def questions(self, incident_id: str) -> list[PaymentQuestion]:
        """Every question about payments of this incident's holds, oldest first, closed ones too."""
        ...

    async def objections(self, incident_id: str) -> dict[str, Objections]:
        """What holders have said against holds of this incident, by hold."""
        ...

    async def given(self, hold_id: str) -> dict[str, int]:
        """What was paid from this hold so far, by the incident whose claim it was."""
        ...

    async def so_far(
        self, incident_id: str, currency: str, payees: Sequence[str], *, but: Sequence[str]
    ) -> PaidSoFar:
        """What was paid, and what open questions ask for, those named in `but` (their tasks) not counted."""
        ...

    async def evidence(self, incident_id: str, currency: str) -> dict[str, str]:
        """What the payments rest on, as JSON texts: `trace` (id, digest, rule, how far it sees) and `range` (what each rule
        finds held, and how far that comparison saw). Either is left out where nothing of it is stored.
        """
        ...
