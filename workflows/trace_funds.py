"""TraceFunds: follow the stolen money, hold it where it lies, and again until nothing new is stolen or moving."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.holds import Hold
    from activities.money import CatchUp, CompareRules, FindThefts, Trace
    from models.contracts.money import (
        CatchUpInput,
        CompareRulesInput,
        FindTheftsInput,
        HoldInput,
        HoldResult,
        TraceFundsInput,
        TraceFundsResult,
        TraceInput,
        TraceResult,
    )
    from models.contracts.transfers import FeedPosition, TaintedLot, TraceSummary
    from models.names import Workflow
    from workflows.policies import FOLLOW, STEP

COMPARES_RULES = "trace-funds-compares-rules"
"""Patch: runs since 0.2 end with what the other rules make of the same thefts."""

ROWS_TO_COMPARE = 100_000
"""Payments each rule may read: a second or two. Under some rules money that touched a hub is in every account."""


@workflow.defn(name=Workflow.TRACE_FUNDS)
class TraceFunds:
    """Rounds of: catch up (fixes how far a trace may see) -> thefts -> one trace per currency -> holds.

    An unproven report is traced and holds nothing: its word alone must not tie up other people's money.
    Ends when a round finds the money exactly where the round before left it and nothing is left to hold; then what the
    other rules make of it is recorded beside.
    """

    @workflow.init
    def __init__(self, request: TraceFundsInput) -> None:
        self._request = request
        self._held: dict[str, int] = {}

    @workflow.run
    async def run(self, request: TraceFundsInput) -> TraceFundsResult:
        """At most `policy.rounds` rounds; the totals of the last one."""
        before: dict[str, str] = {}
        traces: dict[str, TraceSummary] = {}
        number = 0
        for number in range(1, request.policy.rounds + 1):
            position = await self._catch_up(number)
            results = await self._trace(number, position)
            traces = {currency: result.summary for currency, result in results.items()}
            placed = await self._hold(number, results) if request.holding else 0
            after = {currency: summary.digest for currency, summary in traces.items()}
            if after == before and not placed:
                break
            before = after
            if number > 1 and not placed:
                await workflow.sleep(timedelta(seconds=request.policy.round_pause_seconds))
        if workflow.patched(COMPARES_RULES):
            await self._compare(traces)
        return TraceFundsResult(traces=traces, held=dict(self._held), rounds=number)

    def _key(self, what: str) -> str:
        return f"money/{self._request.attempt}/{what}"

    async def _catch_up(self, number: int) -> FeedPosition:
        request = self._request
        caught_up = await workflow.execute_activity_method(
            CatchUp.run,
            CatchUpInput(
                incident_id=request.incident_id,
                episode=request.episode,
                step_key=self._key(f"catch-up/{number}"),
                budget_seconds=request.policy.catch_up_budget_seconds,
            ),
            summary="bring the transfer index up to the wallet",
            **FOLLOW,
        )
        return caught_up.position

    async def _trace(self, number: int, position: FeedPosition) -> dict[str, TraceResult]:
        request = self._request
        found = await workflow.execute_activity_method(
            FindThefts.run,
            FindTheftsInput(
                incident_id=request.incident_id,
                episode=request.episode,
                step_key=self._key(f"thefts/{number}"),
                account_id=request.account_id,
                compromised_since=request.compromised_since,
                frozen_seq=request.frozen_seq,
                upto_seq=position.upto_seq,
            ),
            summary="which transfers are stolen",
            **STEP,
        )
        results: dict[str, TraceResult] = {}
        for currency, thefts in sorted(found.thefts.items()):
            results[currency] = await workflow.execute_activity_method(
                Trace.run,
                TraceInput(
                    incident_id=request.incident_id,
                    episode=request.episode,
                    step_key=self._key(f"trace/{number}/{currency}"),
                    currency=currency,
                    thefts=thefts,
                    position=position,
                    rule=request.policy.rule,
                ),
                summary=f"trace {currency} up to posting {position.upto_seq}",
                **FOLLOW,
            )
        return results

    async def _compare(self, traces: dict[str, TraceSummary]) -> None:
        """After the holds, never before: it helps nobody's money."""
        request = self._request
        for currency, summary in sorted(traces.items()):
            await workflow.execute_activity_method(
                CompareRules.run,
                CompareRulesInput(
                    incident_id=request.incident_id,
                    episode=request.episode,
                    step_key=self._key(f"rules/{currency}"),
                    trace_id=summary.trace_id,
                    currency=currency,
                    rows_allowed=ROWS_TO_COMPARE,
                ),
                summary=f"what the other rules make of {currency}",
                **FOLLOW,
            )

    async def _hold(self, number: int, results: dict[str, TraceResult]) -> int:
        """Hold every lot that nobody holds, largest first; how many holds stand new."""
        gate = asyncio.Semaphore(self._request.policy.holds_in_parallel)

        async def one(result: TraceResult, lot: TaintedLot) -> HoldResult:
            async with gate:
                return await self._hold_one(number, result, lot)

        asked: list[Coroutine[Any, Any, HoldResult]] = [
            one(result, lot) for _, result in sorted(results.items()) for lot in result.unheld
        ]
        placed = await asyncio.gather(*asked)
        for hold in placed:
            if hold.hold_id is not None:
                self._held[hold.hold_id] = hold.amount
        return sum(1 for hold in placed if hold.hold_id is not None)

    async def _hold_one(self, number: int, result: TraceResult, lot: TaintedLot) -> HoldResult:
        request = self._request
        return await workflow.execute_activity_method(
            Hold.run,
            HoldInput(
                incident_id=request.incident_id,
                episode=request.episode,
                step_key=self._key(f"hold/{number}/{lot.currency}/{lot.account_id}/{lot.lo}"),
                trace_id=result.summary.trace_id,
                lot=lot,
                hold_seconds=request.policy.hold_seconds,
            ),
            summary=f"hold {lot.amount} {lot.currency} on {lot.account_id}",
            **STEP,
        )
