"""A detached part that failed for good: people are asked, and it is tried again when they say so, or by itself after a while."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from activities.decisions import AskDecision
    from activities.people_said import DONE, SettleQuestion
    from models.contracts.failures import OpenFailure, TryAgain
    from models.contracts.incidents import AskDecisionInput
    from models.contracts.recovery import SettleQuestionInput
    from models.names import DecisionKind
    from workflows.policies import STEP, code_of

FAILURE_ASKS_PEOPLE = "failure-asks-people"
"""Patch: a turn of a recovery or a recall that failed for good is a question to people, and no longer only a line in the log."""

TRY_AGAIN, RECOVERED = "try_again", "recovered"

FIRST_PAUSE = timedelta(minutes=1)
"""After the first failure; doubled with every further one, for what fails for good rarely mends within minutes."""


class Failing:
    """The one open question about this part, if there is one. `part` names it: `recovery`, or one recall."""

    def __init__(
        self, *, incident_id: str, episode: int, part: str, patience: timedelta, known: OpenFailure | None
    ) -> None:
        self._incident_id = incident_id
        self._episode = episode
        self._part = part
        self._patience = patience
        self.open = known

    async def ask(self, error: ActivityError | str, **details: str) -> bool:
        """Put the question, unless it is open already. False where a history of before this shape knows no question.

        `error`: what failed, or the stable code for which it did.
        """
        if not workflow.patched(FAILURE_ASKS_PEOPLE):
            return False
        failures = 1 if self.open is None else self.open.failures + 1
        if self.open is not None:
            self.open = self.open.model_copy(update={"failures": failures})
            return True
        key = f"ask/{DecisionKind.RECOVERY_STUCK}/{self._part}/{round(workflow.now().timestamp() * 1000)}"
        step = AskDecisionInput(
            incident_id=self._incident_id,
            episode=self._episode,
            step_key=key,
            kind=DecisionKind.RECOVERY_STUCK,
            action={
                "part": self._part,
                "code": error if isinstance(error, str) else code_of(error),
                **details,
            },
            choices=(TRY_AGAIN,),
            four_eyes=False,
            expires_at=workflow.now() + self._patience,
        )
        try:
            asked = await workflow.execute_activity_method(
                AskDecision.run, step, summary=f"ask people: the {self._part} has failed", **STEP
            )
        except ActivityError as failed:
            if is_cancelled_exception(failed):
                raise
            workflow.logger.error("nobody could be asked: %s", code_of(failed))
            return True
        self.open = OpenFailure(task_id=asked.task_id, step_key=key, failures=failures)
        return True

    async def over(self) -> None:
        """It works again: nobody needs to answer any more."""
        if self.open is None:
            return
        failure, self.open = self.open, None
        step = SettleQuestionInput(
            incident_id=self._incident_id,
            episode=self._episode,
            step_key=f"{failure.step_key}/over",
            request_id="",
            task_id=failure.task_id,
            choice=TRY_AGAIN,
            how=RECOVERED,
        )
        try:
            await workflow.execute_activity_method(SettleQuestion.run, step, **STEP)
        except ActivityError as failed:
            if is_cancelled_exception(failed):
                raise
            workflow.logger.error("the question stays open: %s", code_of(failed))

    async def take_up(self, said: TryAgain) -> None:
        """Somebody chose to try again, and only this part takes that up: close the question as answered."""
        step = SettleQuestionInput(
            incident_id=self._incident_id,
            episode=self._episode,
            step_key=f"approval/{said.request_id}/settled",
            request_id=said.request_id,
            task_id=said.task_id,
            choice=TRY_AGAIN,
            how=DONE,
        )
        await workflow.execute_activity_method(SettleQuestion.run, step, **STEP)
        self.answered()

    def answered(self) -> None:
        """Somebody chose to try again, which closed the question: a further failure is a new one."""
        self.open = None

    def pause(self, most: timedelta) -> timedelta:
        """How long until it is tried again by itself."""
        failures = 1 if self.open is None else self.open.failures
        return min(most, FIRST_PAUSE * (1 << min(failures - 1, 20)))
