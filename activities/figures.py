"""The figures of a closing notice: only for the proven owner, as of the closing."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from activities.ports import Incidents
from models.contracts.figures import VictimsFigures
from models.contracts.recovery import Remedy
from models.names import Outcome

FIGURES = "figures"
"""Field of the notice: by currency what `told` gives, as JSON; UNCOUNTED where it does not add up now."""

UNCOUNTED = "uncounted"
STOPPED = "stopped"
"""Field of the notice: how many payments were stopped on their way."""


class Figures(Protocol):
    """How the money of an incident stands."""

    async def of(self, incident_id: str) -> VictimsFigures:
        """As of one moment. Errors: DATABASE_UNREACHABLE."""
        ...


def told(remedy: Remedy) -> dict[str, int]:
    """What the victim is told of one currency, minor units: the last five are `stolen` again. Pure."""
    return {
        "stolen": remedy.stolen,
        "returned": remedy.returned,
        "held": remedy.on_hold,
        "recalled": remedy.recalled,
        "asked_back": remedy.recall_pending,
        "missing": remedy.at_large + remedy.lost,
    }


def fields_of(known: VictimsFigures, outcome: Outcome, at: datetime) -> dict[str, str]:
    """Fields of the notice to a proven owner. Of a false alarm only what was stopped: by their own word nothing was stolen.

    Pure.
    """
    fields = {"at": at.isoformat(), STOPPED: str(known.stopped)}
    if outcome is Outcome.FALSE_ALARM:
        return fields
    if known.remedies is None:
        return fields | {FIGURES: UNCOUNTED}
    return fields | {
        FIGURES: json.dumps({name: told(each) for name, each in known.remedies.items() if each.stolen})
    }


@dataclass
class FiguresForOwner:
    """What a closing notice says beside its words."""

    incidents: Incidents
    figures: Figures

    async def fields(self, incident_id: str, episode: int, outcome: Outcome, at: datetime) -> dict[str, str]:
        """Fields of the notice; none where nobody is proven to be the owner, or the incident ends as an impostor's.

        Errors: DATABASE_UNREACHABLE.
        """
        if outcome is Outcome.IMPOSTOR or not await self.incidents.proven(incident_id, episode):
            return {}
        return fields_of(await self.figures.of(incident_id), outcome, at)
