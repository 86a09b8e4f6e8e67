"""Have the engine look at an incident: a committed row first, then a word to Temporal after the answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from activities.ports import HandOver, Incidents
from use_cases.ports import HandOverRecord


@dataclass
class Wake:
    """Asks for attention. The committed row is what counts: the relay insists until Temporal has taken it up."""

    incidents: Incidents
    hand_over: HandOver
    hand_overs: HandOverRecord[Any]

    async def ask(self, incident_id: str) -> None:
        """Commit that Temporal must look at this incident. Errors: DATABASE_UNREACHABLE."""
        await self.incidents.ask_again(incident_id)

    async def now(self, incident_id: str) -> None:
        """Tell Temporal what is outstanding, and note that it was told.

        Errors: TEMPORAL_UNREACHABLE, DATABASE_UNREACHABLE; the relay will insist.
        """
        due = await self.hand_overs.outstanding(incident_id)
        if due is not None:
            await self.hand_over.wake(incident_id)
            await self.hand_overs.delivered(due)
