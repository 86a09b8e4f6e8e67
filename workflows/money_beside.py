"""The thread of an incident that follows the money beside the rest of the story."""

from __future__ import annotations

import asyncio

from temporalio import workflow
from temporalio.exceptions import (
    ChildWorkflowError,
    is_cancelled_exception,
)

with workflow.unsafe.imports_passed_through():
    from models.contracts.money import TraceFundsInput
    from models.ids import child_workflow_id
    from models.names import DecisionKind
    from workflows.policies import STOP, code_of
    from workflows.questions import Questions
    from workflows.recovery_begin import begin_recovery
    from workflows.stopping import stop_payments
    from workflows.trace_funds import TraceFunds


PAYMENTS_ARE_STOPPED = "payments-are-stopped"
"""Patch: what is in flight on the account is found and stopped beside the first trace."""


class MoneyBeside(Questions):
    """Traces anew whenever more is known; a failure for good is put to people."""

    def follow_money(self) -> None:
        """See to it that the money is traced with all that is known now, beside the rest of the story."""
        self._money_wanted = True
        if self._money is None or self._money.done():
            self._money = asyncio.create_task(self._follow())

    def follow_money_once(self) -> None:
        """Like follow_money, unless an alarm that was just taken up has seen to it."""
        if self._money is None:
            self.follow_money()

    async def _follow(self) -> None:
        while self._money_wanted:
            self._money_wanted = False
            self.money_round += 1
            try:
                # A stranger's word alone stops nobody's payments: the freeze refuses them while it stands.
                believed = self.proven or not self.facts.provisional
                if believed and workflow.patched(PAYMENTS_ARE_STOPPED):
                    await asyncio.gather(self._trace(), self._stop_payments())
                else:
                    await self._trace()
                if self.proven or not self.facts.provisional:
                    await begin_recovery(self.facts, self.policy, attempt=self.money_round)
            except ChildWorkflowError as error:
                if is_cancelled_exception(error):
                    raise
                await self.ask(
                    DecisionKind.STUCK,
                    ("try_again", "go_on"),
                    four_eyes=False,
                    details={"part": "money", "code": code_of(error)},
                )
                await workflow.wait_condition(lambda: self._money_wanted or self._money_decided() is not None)
                self._money_wanted = self._money_wanted or self._money_decided() == "try_again"

    async def _trace(self) -> None:
        await workflow.execute_child_workflow(
            TraceFunds.run,
            TraceFundsInput(
                incident_id=self.incident_id,
                episode=self.facts.episode,
                account_id=self.facts.account_id,
                compromised_since=self.compromised_since(),
                frozen_seq=self.frozen_seq,
                attempt=self.money_round,
                policy=self.policy.trace,
                holding=self.proven or not self.facts.provisional,
            ),
            id=child_workflow_id(self.incident_id, self.facts.episode, f"money/{self.money_round}"),
        )

    async def _stop_payments(self) -> None:
        """What is in flight, right after the freeze. What could not be stopped now is looked at again by the reset."""
        left = await stop_payments(
            incident_id=self.incident_id,
            episode=self.facts.episode,
            account_id=self.facts.account_id,
            compromised_since=self.compromised_since(),
            part=f"money/{self.money_round}",
            options=STOP,
        )
        if left:
            workflow.logger.warning("%d in flight could not be stopped yet", len(left))

    def _money_decided(self) -> str | None:
        """What people said when following the money had failed for good."""
        said = (each for each in ("try_again", "go_on") if self.choice(each, DecisionKind.STUCK) is not None)
        return next(said, None)

    def _money_idle(self) -> bool:
        return self._money is None or self._money.done()
