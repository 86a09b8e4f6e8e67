"""How an incident attends to what happens while it works: wakes, alarms, decisions, a thread for the money."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

from temporalio import workflow
from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    ChildWorkflowError,
)
from temporalio.types import MethodAsyncSingleParam
from temporalio.workflow import ChildWorkflowHandle, ParentClosePolicy

with workflow.unsafe.imports_passed_through():
    from activities.contests import KEEP
    from activities.decisions import ReadDecision
    from activities.freeze import Freeze, freeze_step_key
    from activities.opening import LoadIncident, TakeUpAlarm
    from models.contracts.incidents import (
        FreezeInput,
        LoadInput,
        ReadDecisionInput,
        TakeUpAlarmInput,
    )
    from models.ids import child_workflow_id
    from models.lifecycle import Status
    from models.names import WAKE, DecisionKind, Outcome, Scope
    from workflows.compromise_time import CompromiseTime
    from workflows.policies import FREEZE, LOOK, STEP, code_of
    from workflows.turns import ABOUT_CLAIMANTS, ENDED_BY_TWO, Ended, HistoryFull, Relapsed, Voided

Input = TypeVar("Input")
Output = TypeVar("Output")

KEEPING_IS_RECORDED = "keeping-is-recorded"
"""Patch: a decision to keep the freeze is a step that closes its question, so that people may decide anew later."""

TAKEN_UP_IS_KNOWN = "taken-up-is-known"
"""Patch: what an alarm says of the compromise time counts at once. The thread of the money begins before the row is read
again, and looked only as far back as the first alarm.
"""

STUCK_PAUSE = timedelta(minutes=1)
"""How long a failed story waits for a person before it is tried again by itself."""


class Attention(CompromiseTime):
    """The state of an incident's workflow, and how it is kept in step with the database.

    `look` is the only place where outside events enter: it takes up alarms, widens the freeze, reads decisions, and
    raises the Turn that follows from them.
    """

    async def look(self) -> None:
        """Read the database and let it turn the story: Relapsed, Voided, Ended."""
        self.woken = False
        await self.refresh()
        moved = await self._take_up_alarms()
        self._decisions = (
            await workflow.execute_activity_method(
                ReadDecision.run,
                ReadDecisionInput(incident_id=self.incident_id, episode=self.facts.episode),
                **LOOK,
            )
        ).standing
        renewable = self.facts.renewals < self.policy.freeze.renewals
        if renewable and self.choice("renew", DecisionKind.RENEW_FREEZE):
            await self.carry_out("renew", DecisionKind.RENEW_FREEZE)
            await self.refresh()
        # A choice to keep the freeze that stood for ever would be in the way of any other choice.
        if self.choice("keep", DecisionKind.UNPROVEN_OWNER) and workflow.patched(KEEPING_IS_RECORDED):
            await self.carry_out("keep", DecisionKind.UNPROVEN_OWNER)
        await self.carry_out(KEEP, DecisionKind.IDENTITY_CONTESTED)
        codes_wanted = not self.proven and self.choice("send", DecisionKind.NEW_CODES) is not None
        await self.carry_out("send", DecisionKind.NEW_CODES)
        await self.send_link_again()
        for choice, kind in ABOUT_CLAIMANTS:
            if self.choice(choice, kind) is not None:
                await self.carry_out(choice, kind)
                await self.refresh()
        for dated in await self.move_time():
            await self.refresh()
            self.follow_money()
            # Later leaves a proof as it is. Without one the owner is asked anew: more contacts may prove them now.
            moved = moved or dated.moved_earlier or not self.proven
        if moved or codes_wanted or (self.proven and self.facts.status is Status.PROTECTED):
            # New codes: the owner is asked anew, for those of the round before ran out unanswered.
            self.proven = False
            raise Voided
        if (ended := self._decided_ending()) is not None:
            raise ended

    def _decided_ending(self) -> Ended | None:
        """The ending without stages that people have decided on, if it may happen now."""
        if self.proven:
            for kind in (DecisionKind.END_AS_FALSE_ALARM, DecisionKind.RETURN_ACCOUNT):
                if (decision := self.choice(Outcome.FALSE_ALARM, kind)) is not None:
                    return Ended(Outcome.FALSE_ALARM, decision.request_id)
            if (decision := self.choice(Outcome.ACCOUNT_CLOSED, DecisionKind.CLOSE_ACCOUNT)) is not None:
                return Ended(Outcome.ACCOUNT_CLOSED, decision.request_id)
        # One person may dismiss a report that froze nothing. As soon as something else asks for the freeze, two must agree.
        dismissed = [(Outcome.RELEASED, DecisionKind.FREEZE_ON_REPORT)] if self.facts.held_back else []
        for outcome, kind in (*ENDED_BY_TWO, *dismissed):
            if (decision := self.choice(outcome, kind)) is not None:
                return Ended(outcome, decision.request_id)
        return None

    async def refresh(self) -> None:
        """Read the incident row again. Raises Relapsed when another episode has begun."""
        before = self.facts.episode
        self.facts = await workflow.execute_activity_method(
            LoadIncident.run, LoadInput(incident_id=self.incident_id), **LOOK
        )
        if self.facts.episode != before:
            self.proven = False
            self.return_request = self.ending = self.ending_request = None
            self.frozen_scopes.clear()
            self.frozen_seq = None
            raise Relapsed

    async def _take_up_alarms(self) -> bool:
        """Commit the effect of each waiting alarm. Whether one moved the compromise time to earlier."""
        moved = False
        for alarm_id in self.facts.unacknowledged:
            taken = await workflow.execute_activity_method(
                TakeUpAlarm.run,
                TakeUpAlarmInput(
                    incident_id=self.incident_id,
                    episode=self.facts.episode,
                    step_key=f"alarm/{alarm_id}",
                    alarm_id=alarm_id,
                    account_id=self.facts.account_id,
                ),
                summary="take up an alarm",
                **STEP,
            )
            moved = moved or taken.moved_earlier
            if workflow.patched(TAKEN_UP_IS_KNOWN):
                self.facts = self.facts.model_copy(update={"compromised_since": taken.compromised_since})
            self.follow_money()
        if self.facts.unacknowledged:
            await self.refresh()
        if self.frozen_scopes and self.facts.scope not in self.frozen_scopes:
            await self.widen()
        return moved

    async def widen(self) -> None:
        """A trigger joined an unproven report, or its owner is proven: the freeze becomes full beside the narrower one."""
        if Scope.FULL in self.frozen_scopes:
            return
        scope = Scope.FULL
        result = await workflow.execute_activity_method(
            Freeze.run,
            FreezeInput(
                incident_id=self.incident_id,
                episode=self.facts.episode,
                step_key=freeze_step_key(scope),
                account_id=self.facts.account_id,
                scope=scope,
            ),
            summary=f"widen the freeze to {scope}",
            **FREEZE,
        )
        self.note_frozen(scope, result.effective_seq)

    async def attend_until(self, reached: Callable[[], bool], *, patience: timedelta | None = None) -> bool:
        """Look at every wake until the condition holds; False when nothing woke it for so long."""
        while True:
            await self.look()
            if reached():
                return True
            try:
                await workflow.wait_condition(lambda: self.woken, timeout=patience)
            except TimeoutError:
                return False
            self._heed_history()

    async def attend_child(
        self,
        run: MethodAsyncSingleParam[Any, Input, Output],
        request: Input,
        *,
        part: str,
        wakeable: bool = False,
    ) -> Output:
        """Run a part of the story as a child and look at every wake meanwhile. A Turn cancels the child."""
        child = await workflow.start_child_workflow(
            run,
            request,
            id=child_workflow_id(self.incident_id, self.facts.episode, part),
            parent_close_policy=ParentClosePolicy.REQUEST_CANCEL,
        )
        try:
            while not child.done():
                await workflow.wait_condition(lambda: self.woken or child.done())
                if self.woken:
                    await self.look()
                    if wakeable and not child.done():
                        await self._wake(child)
                    self._heed_history()
            return await child
        except GeneratorExit:
            # The worker lets go of this run: nothing can be awaited any more, and the story goes on elsewhere.
            raise
        except BaseException:
            if not child.done():
                child.cancel()
                await workflow.wait([child])
                if not child.cancelled():
                    # Looked at once, or asyncio reports it as an error that nobody noticed.
                    child.exception()
            raise

    async def _wake(self, child: ChildWorkflowHandle[Any, Any]) -> None:
        try:
            await child.signal(WAKE)
        except ApplicationError:
            workflow.logger.info("the child ended before it could be woken; its result is what counts")

    def _heed_history(self) -> None:
        """Only with no attached child left behind: while the money is followed the run goes on."""
        if workflow.info().is_continue_as_new_suggested() and self._money_idle():
            raise HistoryFull

    async def money_settled(self) -> None:
        """Until the trace of what is known now is finished; what happens meanwhile is attended to."""
        while not self._money_idle():
            await workflow.wait_condition(lambda: self.woken or self._money_idle())
            if self.woken:
                await self.look()

    async def stuck(self, error: ActivityError | ChildWorkflowError) -> None:
        """A part failed for good: people see it, and the story is told again when they say so or after a while."""
        await self.ask(
            DecisionKind.STUCK,
            ("try_again",),
            four_eyes=False,
            details={"part": "story", "code": code_of(error)},
        )
        with contextlib.suppress(TimeoutError):
            await workflow.wait_condition(lambda: self.woken, timeout=STUCK_PAUSE)
