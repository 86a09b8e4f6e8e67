"""Follow the money: bring the index up to date, trace what was stolen."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from temporalio import activity

from activities.boundary import tell
from activities.changes import HoldsContested, TraceStands
from activities.money_ports import Traces, TransferIndex
from activities.origin import activity_origin
from activities.recovery_ports import Claims
from activities.steps import Effect, Running, Steps
from models.contracts.money import (
    CatchUpInput,
    CatchUpResult,
    CompareRulesInput,
    CompareRulesResult,
    TraceInput,
    TraceResult,
)
from models.contracts.steps import Refusal
from models.contracts.transfers import FeedState, TaintedLot, TraceSummary
from models.errors import ErrorCode
from models.names import StepKind
from models.registered import Activity
from tracing.rules import Rule

LOTS_AT_ONCE = 200
"""Lots that one trace hands to the workflow; the rest follows in the next round, so payloads stay small."""


@dataclass
class CatchUp:
    """Feeds the transfer index up to the wallet's head. Its result fixes what every later trace may see."""

    steps: Steps
    index: TransferIndex

    @activity.defn(name=Activity.CATCH_UP)
    async def run(self, step: CatchUpInput) -> CatchUpResult:
        """Record how far the index reaches. A gap or a conflict in the feed is recorded as a refusal: an alarm to us."""

        async def effect(running: Running) -> Effect[CatchUpResult]:
            del running
            position = await self.index.catch_up(budget=timedelta(seconds=step.budget_seconds))
            refusal = None
            if position.state is not FeedState.FOLLOWING:
                code = ErrorCode.FEED_GAP if position.state is FeedState.GAP else ErrorCode.FEED_CONFLICT
                refusal = Refusal(
                    code=code,
                    message=f"The wallet's transfers stop at posting {position.upto_seq}: {position.detail}. "
                    "Everything up to there is traced; the feed must be mended by hand.",
                )
            return Effect(CatchUpResult(step_key=step.step_key, position=position, refusal=refusal))

        return await self.steps.run(step, StepKind.CATCH_UP, CatchUpResult, effect, origin=activity_origin())


@dataclass
class Trace:
    """One trace by the policy's rule, up to a fixed posting number."""

    steps: Steps
    traces: Traces
    claims: Claims

    @activity.defn(name=Activity.TRACE)
    async def run(self, step: TraceInput) -> TraceResult:
        """Record totals and the digest; hand out the lots that nobody holds yet, largest first. None of what is only claimed.

        A long one says after every chunk how far it is. Cut off and begun again, it goes on with what it had.
        """

        async def effect(running: Running) -> Effect[TraceResult]:
            summary, lots, others = await self._settled(step)
            stands = TraceStands(
                currency=step.currency,
                claimed=step.claimed,
                trace_id=summary.trace_id,
                thefts=step.thefts,
                upto_seq=step.position.upto_seq,
                at=running.started_at,
            )
            if step.claimed:
                nothing = TraceResult(step_key=step.step_key, summary=summary, unheld=())
                return Effect(nothing, changes=(stands,))
            free = await self.claims.unclaimed(lots, incident_id=step.incident_id)
            ordered = sorted(free, key=lambda lot: (-lot.amount, lot.account_id, lot.lo))
            return Effect(
                TraceResult(
                    step_key=step.step_key,
                    summary=summary,
                    unheld=tuple(ordered[:LOTS_AT_ONCE]),
                    more_unheld=max(0, len(ordered) - LOTS_AT_ONCE),
                ),
                changes=(stands, HoldsContested(others, running.started_at)),
            )

        return await self.steps.run(step, StepKind.TRACE, TraceResult, effect, origin=activity_origin())

    async def _settled(self, step: TraceInput) -> tuple[TraceSummary, list[TaintedLot], tuple[str, ...]]:
        """The trace, its lots, and the holds of others on them.

        A rule without units chooses its lots beside what is claimed. Where somebody claimed in between it chooses again, so
        that what is contested after that is wanted by both whatever is chosen.
        """
        before = None
        while True:
            summary = await self.traces.run(
                incident_id=step.incident_id,
                episode=step.episode,
                currency=step.currency,
                thefts=step.thefts,
                upto=step.position,
                rule=Rule(step.rule),
                progress=tell,
            )
            lots = await self.traces.lots(summary.trace_id)
            others = () if step.claimed else await self.claims.others(lots, incident_id=step.incident_id)
            if not others or step.rule == Rule.FIFO.value or summary.trace_id == before:
                return summary, lots, others
            before = summary.trace_id


@dataclass
class CompareRules:
    """What the other rules make of the same thefts. Nothing is held by it: it says how far one rule's totals may be off."""

    steps: Steps
    traces: Traces

    @activity.defn(name=Activity.COMPARE_RULES)
    async def run(self, step: CompareRulesInput) -> CompareRulesResult:
        """Record the totals by every rule. A rule that would read too much has none, and says so."""

        async def effect(running: Running) -> Effect[CompareRulesResult]:
            del running
            ranges = await self.traces.compare(step.trace_id, rows_allowed=step.rows_allowed, progress=tell)
            return Effect(
                CompareRulesResult(
                    step_key=step.step_key,
                    trace_id=step.trace_id,
                    currency=step.currency,
                    ranges=tuple(ranges),
                )
            )

        return await self.steps.run(
            step, StepKind.COMPARE_RULES, CompareRulesResult, effect, origin=activity_origin()
        )
