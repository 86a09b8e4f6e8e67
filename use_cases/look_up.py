"""Look up incidents, their steps and the questions to people: always from the database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from models.contracts.incidents import IncidentView
from models.contracts.steps import RecordedStep
from models.errors import ErrorCode, StanchError
from models.lifecycle import Status
from use_cases.ports import DecisionView, IncidentPage, Overview


@dataclass
class LookUp:
    """Reads; changes nothing."""

    overview: Overview

    async def incident(self, incident_id: str) -> IncidentView:
        """Everything of one incident. Errors: NOT_FOUND."""
        view = await self.overview.incident(incident_id)
        if view is None:
            raise unknown()
        return view

    async def incidents(
        self, *, status: Status | None, account_id: str | None, limit: int, after: str | None
    ) -> IncidentPage:
        """A page of incidents, newest first."""
        return await self.overview.incidents(status=status, account_id=account_id, limit=limit, after=after)

    async def steps(self, incident_id: str) -> Sequence[RecordedStep]:
        """Every recorded step, refusals included, in the order of their commits. Errors: NOT_FOUND."""
        steps = await self.overview.steps(incident_id)
        if not steps and await self.overview.incident(incident_id) is None:
            raise unknown()
        return steps

    async def decisions(self, *, state: str | None, incident_id: str | None = None) -> Sequence[DecisionView]:
        """Questions to people, oldest first."""
        return await self.overview.decisions(state=state, incident_id=incident_id)


def unknown() -> StanchError:
    """There is no such incident."""
    return StanchError(ErrorCode.NOT_FOUND, "There is no incident with this id. Check the id.")
