"""RecoverFunds: pursue the money, keep its holds right, give it back. Detached from its incident, which it outlives."""

from __future__ import annotations

import contextlib
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from activities.recovery import LookAtRecovery
    from models.contracts.policy import RECOVERY_DEFAULTS
    from models.contracts.recovery import (
        MoneyLook,
        RecoverFundsInput,
        RecoverFundsResult,
        RecoveryDecision,
        RecoveryInput,
        RecoveryLook,
    )
    from models.lifecycle import Status
    from models.names import WAKE, DecisionKind, Outcome
    from models.registered import Workflow
    from workflows.carrying_out import CarryingOut
    from workflows.failing import Failing
    from workflows.hold_keeping import HoldKeeping
    from workflows.nothing_stolen import NOTHING_STOLEN, SEEN_THROUGH, LettingGo
    from workflows.policies import LOOK, code_of
    from workflows.pursuit import Pursuit
    from workflows.recalling import Recalling

NO_THEFT_BEFORE = frozenset({Outcome.FALSE_ALARM, Outcome.RELEASED, Outcome.NOT_FROZEN})
"""What looks of before models.dropped_claims were read by. Newer ones say it themselves."""
GIVEN_BACK = frozenset({Outcome.RESTORED, Outcome.ACCOUNT_CLOSED})
"""The owner is proven and has the account, or its money: what is held can go to them."""
LATE_MONEY_COUNTS = "late-money-counts"
"""Patch: what comes for a recall that is closed is counted by the recovery, which begins again for it."""
NOTHING_LEFT = "nothing_left"
SHORTEST = timedelta(milliseconds=100)
HASTE = -2
"""While money moves the feed is asked four times as often as the rules say, since whoever moved some moves more."""


@workflow.defn(name=Workflow.RECOVER_FUNDS)
class RecoverFunds:
    """Each turn: look; carry out what people decided; keep the holds; pursue; tell holders; offer restitution; wait.

    It waits for a wake, the next clock of a hold, or the next look at the feed: every second at first while money is at
    large (four times as often right after some moved), doubling while nothing moves. Ends when nothing is held or at
    large any more, or nothing was stolen.
    """

    @workflow.init
    def __init__(self, request: RecoverFundsInput) -> None:
        self._request = request
        self._rules = request.policy.recovery or RECOVERY_DEFAULTS
        self._woken = False
        self._quiet = 0
        self._keeping = HoldKeeping(request, self._rules)
        self._pursuit = Pursuit(request, self._rules)
        self._carrying = CarryingOut(request, self._rules)
        self._recalling = Recalling(request)
        self._letting_go = LettingGo(request, self._keeping, self._carrying)
        self._failing = Failing(
            incident_id=request.incident_id,
            episode=request.episode,
            part="recovery",
            patience=timedelta(seconds=request.policy.approval.decision_seconds),
            known=request.failure,
        )

    @workflow.signal(name=WAKE)
    def wake(self) -> None:
        """Something was committed, or the feed has news: look. It carries nothing."""
        self._woken = True

    @workflow.run
    async def run(self, request: RecoverFundsInput) -> RecoverFundsResult:
        """Until nothing is left to recover. A turn that fails for good is a question to people, and taken again later."""
        begun_at = request.begun_at or workflow.now()
        while True:
            self._woken = False
            pause = timedelta(seconds=self._rules.slow_poll_seconds)
            try:
                ending, pause = await self._turn(begun_at)
                await self._failing.over()
                if ending is not None:
                    return RecoverFundsResult(
                        incident_id=request.incident_id, ending=ending, rounds=self._pursuit.rounds
                    )
            except ActivityError as error:
                if is_cancelled_exception(error):
                    raise
                workflow.logger.error("a turn of the recovery failed: %s", code_of(error))
                if await self._failing.ask(error):
                    pause = self._failing.pause(pause)
            with contextlib.suppress(TimeoutError):
                await workflow.wait_condition(lambda: self._woken, timeout=max(SHORTEST, pause))
            if workflow.info().is_continue_as_new_suggested():
                await workflow.wait_condition(workflow.all_handlers_finished)
                workflow.continue_as_new(
                    request.model_copy(
                        update={
                            "rounds": self._pursuit.rounds,
                            "begun_at": begun_at,
                            "failure": self._failing.open,
                        }
                    )
                )

    async def _turn(self, begun_at: datetime) -> tuple[str | None, timedelta]:
        """How it ended, if it did; and until when nothing needs to be looked at."""
        look = await self._look()
        if look.outcome in NO_THEFT_BEFORE if look.dropped is None else look.dropped:
            if workflow.patched(SEEN_THROUGH):
                await self._letting_go.see_through(look, self._look)
            else:
                await self._keeping.let_all_go(look)
            return NOTHING_STOLEN, SHORTEST
        if look.decisions:
            changed = await self._carrying.carry_out(look.decisions)
            if any(_about_us(each) for each in look.decisions):
                self._failing.answered()
            self._pursuit.again = self._pursuit.again or changed
            look = await self._look()
        if await self._keeping.keep(look):
            look = await self._look()
        if not look.holding:
            # An unproven report holds nobody's money; its proof wakes us, as long as its incident is open.
            left = look.dropped is None or look.holds or look.open_questions
            if look.status is Status.CLOSED and not left:
                return NOTHING_LEFT, SHORTEST
            return None, timedelta(seconds=self._rules.slow_poll_seconds)
        if look.late and workflow.patched(LATE_MONEY_COUNTS):
            await self._recalling.count(look.late)
        money = await self._pursuit.pursue(look)
        await self._recalling.recall(money)
        await self._carrying.ask_about(money.possible_returns)
        look = await self._look()
        await self._keeping.tell(look)
        if look.outcome in GIVEN_BACK:
            await self._carrying.offer(look)
        if self._over(look, money, begun_at):
            return NOTHING_LEFT, SHORTEST
        return None, self._pause(look, money, begun_at)

    async def _look(self) -> RecoveryLook:
        return await workflow.execute_activity_method(
            LookAtRecovery.run, RecoveryInput(incident_id=self._request.incident_id), **LOOK
        )

    def _over(self, look: RecoveryLook, money: MoneyLook, begun_at: datetime) -> bool:
        """Whether nobody needs this recovery any more. What left the wallet may come back, while the pursuit lasts."""
        busy = (
            look.status is not Status.CLOSED,
            look.holds,
            look.untold,
            set(look.open_questions) - {DecisionKind.RECOVERY_STUCK},
            money.came_back,
            self._pursuit.again,
            money.at_large and not self._late(begun_at),
            money.awaited or money.exits,
            money.outside and not self._late(begun_at),
        )
        return not any(busy)

    def _late(self, begun_at: datetime) -> bool:
        return workflow.now() - begun_at >= timedelta(seconds=self._rules.window_seconds)

    def _pause(self, look: RecoveryLook, money: MoneyLook, begun_at: datetime) -> timedelta:
        rules = self._rules
        if self._pursuit.again:
            return SHORTEST
        slow = timedelta(seconds=rules.slow_poll_seconds)
        pause = slow
        if (money.at_large or money.awaited or money.exits) and not self._late(begun_at):
            self._quiet = HASTE if self._pursuit.moving or money.exits else self._quiet + 1
            # No power of two beyond what any clock could need.
            seconds: float = rules.poll_seconds * 2.0 ** min(self._quiet, 20)
            pause = min(slow, timedelta(seconds=min(rules.poll_max_seconds, seconds)))
        clock = self._keeping.next_clock(look)
        return pause if clock is None else min(pause, clock - workflow.now())


def _about_us(decision: RecoveryDecision) -> bool:
    """Whether somebody chose that the recovery itself is to be tried again; a recall's question is the recall's."""
    return decision.kind is DecisionKind.RECOVERY_STUCK and decision.action.get("part") == "recovery"
