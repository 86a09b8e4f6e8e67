"""Pursuit: the trace extends itself as transfers arrive, and holds follow the money, newest first."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.hold_life import EndHold
    from activities.recovery import LookAtMoney
    from models.contracts.money import HoldResult
    from models.contracts.policy import RecoveryPolicy
    from models.contracts.recovery import (
        EndHoldInput,
        MoneyLook,
        RecoverFundsInput,
        RecoveryInput,
        RecoveryLook,
    )
    from models.contracts.transfers import TaintedLot
    from models.errors import ErrorCode
    from models.names import HoldEnding, HoldSource
    from workflows.money_round import MoneyRound
    from workflows.policies import FOLLOW, STEP

NO_FOR_GOOD = frozenset({ErrorCode.WALLET_REFUSED.value, ErrorCode.ACCOUNT_UNKNOWN.value})
A_SECOND = timedelta(seconds=1)

TRIES_AGAIN = "pursuit-tries-again"
"""Patch: since this shape a round that failed, and a hold that lost a race, are followed by another round at once."""

Task = tuple[str, TaintedLot, HoldSource]


class Pursuit:
    """What is known of the chase in this run. `again`: the thefts changed, so the next look must trace whatever moved."""

    def __init__(self, request: RecoverFundsInput, rules: RecoveryPolicy) -> None:
        self._request = request
        self._rules = rules
        self.rounds = request.rounds
        self.again = False
        self.moving = False
        self._refused: set[tuple[str, str, int, int]] = set()

    async def pursue(self, look: RecoveryLook) -> MoneyLook:
        """Ask the feed; trace and hold where something is to be held, or moved; let go of what is not stolen."""
        money = await self._look()
        self.moving = self.again or money.moved
        if self.moving or self._to_hold(money):
            self.again = False
            try:
                await self._round(look, money)
            except ActivityError:
                # What was to be traced anew is so still, in the next turn.
                self.again = workflow.patched(TRIES_AGAIN)
                raise
            money = await self._look()
        for hold_id in money.strays:
            await self._let_go(hold_id)
            # What of it is still stolen is held anew by the next round.
            self.again = True
        return money

    def _to_hold(self, money: MoneyLook) -> list[TaintedLot]:
        """What may be held and the wallet has not refused to hold."""
        return [lot for lot in money.free if _units(lot) not in self._refused]

    async def _look(self) -> MoneyLook:
        return await workflow.execute_activity_method(
            LookAtMoney.run, RecoveryInput(incident_id=self._request.incident_id), **FOLLOW
        )

    async def _round(self, look: RecoveryLook, money: MoneyLook) -> None:
        request = self._request
        self.rounds += 1
        this_round = MoneyRound(
            incident_id=request.incident_id,
            episode=request.episode,
            account_id=request.account_id,
            compromised_since=look.compromised_since,
            frozen_seq=None,
            policy=request.policy.trace,
            prefix=f"pursuit/{request.attempt}",
            number=self.rounds,
        )
        traced = await this_round.trace(await this_round.catch_up())
        results = traced.results
        wanted: list[Task] = [
            (result.summary.trace_id, lot, _source(lot, money))
            for _, result in sorted(results.items())
            for lot in result.unheld
            if _units(lot) not in self._refused
        ]
        # Newest first: what has just arrived is what moves on next.
        wanted.sort(key=lambda task: (-task[1].last_seq, task[1].account_id, task[1].lo))
        self.again = self.again or any(result.more_unheld for result in results.values())
        await self._hold(this_round, wanted)
        await this_round.trace_claimed(traced)

    async def _hold(self, this_round: MoneyRound, wanted: list[Task]) -> None:
        """No more in a second than the wallet bears."""
        at_once = self._rules.holds_per_second
        for first in range(0, len(wanted), at_once):
            if first:
                await workflow.sleep(A_SECOND)
            batch = wanted[first : first + at_once]
            placed = await asyncio.gather(*(this_round.hold(*task) for task in batch))
            for (_, lot, _), hold in zip(batch, placed, strict=True):
                self._learn(lot, hold)

    def _learn(self, lot: TaintedLot, hold: HoldResult) -> None:
        if hold.refusal is None:
            return
        if hold.refusal.code in NO_FOR_GOOD:
            self._refused.add(_units(lot))
        else:
            # Somebody else was faster on these units, or the check came too late: the next trace offers what is free.
            self.again = workflow.patched(TRIES_AGAIN) or self.again

    async def _let_go(self, hold_id: str) -> None:
        await workflow.execute_activity_method(
            EndHold.run,
            EndHoldInput(
                incident_id=self._request.incident_id,
                episode=self._request.episode,
                step_key=f"end-hold/{hold_id}/not-stolen",
                hold_id=hold_id,
                ending=HoldEnding.NOT_STOLEN,
            ),
            summary="let go of what is not stolen",
            **STEP,
        )


def _source(lot: TaintedLot, money: MoneyLook) -> HoldSource:
    """Whether these units came back out of an exit."""
    back = any(
        (came.account_id, came.currency) == (lot.account_id, lot.currency) and came.lo <= lot.lo < came.hi
        for came in money.came_back
    )
    return HoldSource.RECALL if back else HoldSource.TRACE


def _units(lot: TaintedLot) -> tuple[str, str, int, int]:
    return (lot.account_id, lot.currency, lot.lo, lot.hi)
