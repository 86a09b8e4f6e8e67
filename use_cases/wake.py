"""Have the engine look at an incident: a row was committed with what happened; this is the word to Temporal after."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from activities.ports import HandOver
from use_cases.ports import HandOverRecord


@dataclass
class Wake:
    """Tells Temporal. The committed row is what counts: the relay insists until Temporal has taken it up."""

    hand_over: HandOver
    hand_overs: HandOverRecord[Any]

    async def now(self, incident_id: str) -> None:
        """Tell Temporal what is outstanding, and note that it was told.

        Errors: TEMPORAL_UNREACHABLE, DATABASE_UNREACHABLE; the relay will insist.
        """
        due = await self.hand_overs.outstanding(incident_id)
        if due is not None:
            await self.hand_over.wake(incident_id)
            await self.hand_overs.delivered(due)
