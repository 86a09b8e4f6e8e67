"""See where the stolen money of an incident went: always from what is stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from models.contracts.transfers import Flow, TraceSummary
from models.errors import ErrorCode, StanchError
from models.ids import is_ulid
from tracing.evidence.evidence import Evidence
from tracing.rules import Rule
from use_cases.look_up import unknown
from use_cases.ports import Overview, StoredTraces


@dataclass
class SeeTraces:
    """Reads; changes nothing."""

    traces: StoredTraces
    overview: Overview

    async def of_incident(self, incident_id: str) -> Sequence[tuple[TraceSummary, dict[Rule, Flow]]]:
        """Every trace of an incident, oldest first, with what the other rules give. Errors: NOT_FOUND."""
        summaries = await self.traces.of_incident(incident_id)
        if not summaries and await self.overview.incident(incident_id) is None:
            raise unknown()
        return [(summary, await self.traces.ranges(summary.trace_id)) for summary in summaries]

    async def named(self, subject: str) -> list[TraceSummary]:
        """The trace with this id; or an incident's newest trace in each currency. Errors: NOT_FOUND, also when none is made yet."""
        if not is_ulid(subject):
            summary = await self.traces.summary(subject)
            if summary is None:
                raise StanchError(
                    ErrorCode.NOT_FOUND,
                    "There is no trace or incident with this id, and no such file. Check it.",
                )
            return [summary]
        made = await self.traces.of_incident(subject)
        if not made:
            if await self.overview.incident(subject) is None:
                raise unknown()
            raise StanchError(
                ErrorCode.NOT_FOUND,
                "Nothing was traced for this incident yet. Follow it: stanch incident watch " + subject + ".",
            )
        newest = {(summary.currency, summary.rule): summary for summary in made}
        return [newest[key] for key in sorted(newest)]

    async def summary(self, trace_id: str) -> TraceSummary:
        """One trace without its edges. Errors: NOT_FOUND."""
        summary = await self.traces.summary(trace_id)
        if summary is None:
            raise StanchError(ErrorCode.NOT_FOUND, "There is no trace with this id. Check the id.")
        return summary

    async def ranges(self, trace_id: str) -> dict[Rule, Flow]:
        """What each rule gives, as far as it was computed."""
        return await self.traces.ranges(trace_id)

    async def evidence(self, trace_id: str, *, with_ranges: bool = False) -> Evidence:
        """A trace with what proves it, `with_ranges` also what the other rules give. Errors: NOT_FOUND, REFUSED_BY_RULE."""
        return await self.traces.evidence(trace_id, with_ranges=with_ranges)
