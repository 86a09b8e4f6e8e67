"""What people ask of a trace beyond looking at it: follow what is new, compare the rules. Each is a step in their name."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from activities.money_ports import Traces, TransferIndex
from activities.steps import Effect, Running, Steps
from models.contracts.alarms import Sender
from models.contracts.money import (
    AskedComparisonInput,
    AskedTraceInput,
    CompareRulesResult,
    TraceResult,
)
from models.contracts.steps import Origin
from models.contracts.transfers import TraceSummary
from models.errors import ErrorCode, StanchError
from models.ids import new_id
from models.names import Actor, StepKind
from use_cases.ports import StoredTraces

CATCHING_UP: Final = timedelta(seconds=5)
"""What a person waits for the newest transfers; the trace says how far it came."""

ROWS_TO_COMPARE: Final = 100_000
"""Payments each rule may read, as for every trace of a workflow: a second or two."""


@dataclass
class TraceAgain:
    """Nothing is held by it, and no decision is needed: it only adds to what is known."""

    traces: Traces
    stored: StoredTraces
    index: TransferIndex
    steps: Steps

    async def extend(self, trace_id: str, reason: str, *, by: Sender) -> TraceSummary:
        """The same trace up to the wallet's newest posting, or as far as the index comes meanwhile.

        Records one step of this person with the reason, sealed. Errors: NOT_FOUND; WALLET_UNREACHABLE: nothing was traced.
        """
        known = await self._known(trace_id)
        upto = await self.index.catch_up(budget=CATCHING_UP)
        step = AskedTraceInput(
            incident_id=known.incident_id,
            episode=known.episode,
            step_key=f"trace/people/{new_id()}",
            currency=known.currency,
            thefts=known.thefts,
            position=upto,
            rule=known.rule,
            trace_id=trace_id,
            reason=reason,
        )

        async def effect(running: Running) -> Effect[TraceResult]:
            del running
            summary = await self.traces.extend(trace_id, upto)
            # Its lots are for the recovery to look at: it traces by itself before it holds.
            return Effect(TraceResult(step_key=step.step_key, summary=summary, unheld=()))

        result = await self.steps.run(
            step,
            StepKind.TRACE,
            TraceResult,
            effect,
            origin=Origin(gateway_attempt=new_id()),
            actor=Actor(by.role.value),
            role=by.name,
        )
        return result.summary

    async def compare(self, trace_id: str, reason: str, *, by: Sender) -> TraceSummary:
        """Have every rule's totals computed and kept with the trace; a rule that would read too many rows has none.

        Records one step of this person with the reason, sealed. Errors: NOT_FOUND.
        """
        known = await self._known(trace_id)
        step = AskedComparisonInput(
            incident_id=known.incident_id,
            episode=known.episode,
            step_key=f"compare_rules/people/{new_id()}",
            trace_id=trace_id,
            currency=known.currency,
            rows_allowed=ROWS_TO_COMPARE,
            reason=reason,
        )

        async def effect(running: Running) -> Effect[CompareRulesResult]:
            del running
            ranges = await self.traces.compare(trace_id, rows_allowed=step.rows_allowed)
            return Effect(
                CompareRulesResult(
                    step_key=step.step_key, trace_id=trace_id, currency=step.currency, ranges=tuple(ranges)
                )
            )

        await self.steps.run(
            step,
            StepKind.COMPARE_RULES,
            CompareRulesResult,
            effect,
            origin=Origin(gateway_attempt=new_id()),
            actor=Actor(by.role.value),
            role=by.name,
        )
        return known

    async def _known(self, trace_id: str) -> TraceSummary:
        summary = await self.stored.summary(trace_id)
        if summary is None:
            raise StanchError(
                ErrorCode.NOT_FOUND, "There is no trace with this id. Nothing was done; check the id."
            )
        return summary
