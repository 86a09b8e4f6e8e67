"""TraceFunds: follow the stolen money, hold it where it lies, and again until nothing new is stolen or moving."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.money import CompareRules
    from models.contracts.money import (
        CompareRulesInput,
        HoldResult,
        TraceFundsInput,
        TraceFundsResult,
        TraceResult,
    )
    from models.contracts.transfers import TaintedLot, TraceSummary
    from models.registered import Workflow
    from workflows.money_round import MoneyRound
    from workflows.policies import FOLLOW

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
            this_round = self._round(number)
            traced = await this_round.trace(await this_round.catch_up())
            results = traced.results
            traces = {currency: result.summary for currency, result in results.items()}
            placed = await self._hold(number, results) if request.holding else 0
            await this_round.trace_claimed(traced)
            after = {currency: summary.digest for currency, summary in traces.items()}
            if after == before and not placed:
                break
            before = after
            if number > 1 and not placed:
                await workflow.sleep(timedelta(seconds=request.policy.round_pause_seconds))
        if workflow.patched(COMPARES_RULES):
            await self._compare(traces)
        return TraceFundsResult(traces=traces, held=dict(self._held), rounds=number)

    def _round(self, number: int) -> MoneyRound:
        request = self._request
        return MoneyRound(
            incident_id=request.incident_id,
            episode=request.episode,
            account_id=request.account_id,
            compromised_since=request.compromised_since,
            frozen_seq=request.frozen_seq,
            policy=request.policy,
            prefix=f"money/{request.attempt}",
            number=number,
        )

    async def _compare(self, traces: dict[str, TraceSummary]) -> None:
        """After the holds, never before: it helps nobody's money."""
        request = self._request
        for currency, summary in sorted(traces.items()):
            await workflow.execute_activity_method(
                CompareRules.run,
                CompareRulesInput(
                    incident_id=request.incident_id,
                    episode=request.episode,
                    step_key=f"money/{request.attempt}/rules/{currency}",
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
                return await self._round(number).hold(result.summary.trace_id, lot)

        asked: list[Coroutine[Any, Any, HoldResult]] = [
            one(result, lot) for _, result in sorted(results.items()) for lot in result.unheld
        ]
        placed = await asyncio.gather(*asked)
        for hold in placed:
            if hold.hold_id is not None:
                self._held[hold.hold_id] = hold.amount
        return sum(1 for hold in placed if hold.hold_id is not None)
