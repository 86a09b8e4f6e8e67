"""ReturnAccount: limits first, then the release, then stage by stage until the account is its owner's again."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.ladder import RestartLadder, WatchAccount
    from activities.returning import EnterStage, LiftLimits, Release
    from models.contracts.incidents import (
        EnterStageInput,
        EnterStageResult,
        LiftLimitsInput,
        ReleaseInput,
        ReturnAccountInput,
        ReturnAccountResult,
    )
    from models.contracts.ladder import RestartLadderInput, RestartLadderResult, WatchAccountInput
    from models.contracts.policy import WATCH_DEFAULTS
    from models.errors import ErrorCode
    from models.names import Outcome
    from models.registered import Workflow
    from workflows.policies import LOOK, STEP, failed_with

REFUSALS = (
    ErrorCode.ALARM_WAITING,
    ErrorCode.ILLEGAL_MOVE,
    ErrorCode.RESET_INCOMPLETE,
    ErrorCode.PROOF_IN_DOUBT,
    ErrorCode.FOUR_EYES,
    ErrorCode.REFUSED_BY_RULE,
)
"""Answers of the boundary that every lifting of protection has: the incident looks again and decides anew."""


ACCOUNT_IS_WATCHED = "account-is-watched"
"""Patch: the account is looked at during its stages, and a new security change begins the ladder again."""


@workflow.defn(name=Workflow.RETURN_ACCOUNT)
class ReturnAccount:
    """Stage 1 limits -> release -> wait -> stage 2 -> wait -> ... -> limits lifted. A relapse cancels it anywhere:
    what a later alarm placed has its own id, so nothing this workflow still does can undo it.

    While it waits it looks at the account, and once more at the end of each stage; a new security change leads back to
    stage 1. It takes no message, so nobody can shorten it: not the owner, not support, not two supervisors.
    """

    @workflow.init
    def __init__(self, request: ReturnAccountInput) -> None:
        self._request = request
        self._poll = timedelta(seconds=(request.policy.watch or WATCH_DEFAULTS).poll_seconds)
        self._watched = False
        self._since = workflow.now()
        self._restarts = 0

    @workflow.run
    async def run(self, request: ReturnAccountInput) -> ReturnAccountResult:
        """The stages entered; `refused` when protection may not be lifted now: an alarm waits, a proof fell."""
        entered: list[str] = []
        self._watched = workflow.patched(ACCOUNT_IS_WATCHED)
        try:
            index = 0
            while index < len(request.policy.stages):
                index = index + 1 if await self._go_through(index, entered) else 1
            await self._lift_limits()
        except ActivityError as error:
            refused = next((code for code in REFUSALS if failed_with(error, code)), None)
            if refused is None:
                raise
            return ReturnAccountResult(stages=tuple(entered), refused=refused)
        return ReturnAccountResult(stages=tuple(entered))

    async def _go_through(self, index: int, entered: list[str]) -> bool:
        """To the end of the stage; False when the ladder began again meanwhile, and its first stage is over."""
        stage = await self._enter(index)
        if index == 0:
            self._since = stage.entered_at
            await self._release()
        entered.append(stage.stage)
        ends_at, whole = stage.ends_at, True
        while True:
            # Also before the first wait: told again after a turn, a stage whose time is over finds what began it anew.
            if self._watched and await self._changed():
                again = await self._restart()
                entered.append(again.stage)
                self._since, ends_at, whole = again.read_at, again.ends_at, False
            left = ends_at - workflow.now()
            if left.total_seconds() <= 0:
                return whole
            if self._watched:
                left = min(left, self._poll)
            await workflow.sleep(left, summary=f"stage {stage.stage}")

    async def _changed(self) -> bool:
        found = await workflow.execute_activity_method(
            WatchAccount.run,
            WatchAccountInput(account_id=self._request.account_id, since=self._since),
            summary="look for new security changes",
            **LOOK,
        )
        return bool(found.changed)

    async def _restart(self) -> RestartLadderResult:
        """The limits of stage 1 again, before anything else. Whatever is set after this reading begins it once more."""
        request = self._request
        self._restarts += 1
        return await workflow.execute_activity_method(
            RestartLadder.run,
            RestartLadderInput(
                incident_id=request.incident_id,
                episode=request.episode,
                step_key=f"return/restart/{request.attempt}/{self._restarts}",
                account_id=request.account_id,
                since=self._since,
                policy=request.policy,
            ),
            summary="a security setting was changed: stage 1 again",
            **STEP,
        )

    async def _enter(self, index: int) -> EnterStageResult:
        request = self._request
        again = f".{self._restarts}" if self._restarts else ""
        return await workflow.execute_activity_method(
            EnterStage.run,
            EnterStageInput(
                incident_id=request.incident_id,
                episode=request.episode,
                step_key=f"return/stage/{request.attempt}{again}/{index + 1}",
                account_id=request.account_id,
                stage_index=index,
                policy=request.policy,
            ),
            summary=f"stage {index + 1}: {request.policy.stages[index].name}",
            **STEP,
        )

    async def _release(self) -> None:
        request = self._request
        await workflow.execute_activity_method(
            Release.run,
            ReleaseInput(
                incident_id=request.incident_id,
                episode=request.episode,
                step_key=f"approval/{request.request_id}",
                account_id=request.account_id,
                ending=Outcome.RESTORED,
                request_id=request.request_id,
            ),
            summary="end this episode's restrictions",
            **STEP,
        )

    async def _lift_limits(self) -> None:
        request = self._request
        await workflow.execute_activity_method(
            LiftLimits.run,
            LiftLimitsInput(
                incident_id=request.incident_id,
                episode=request.episode,
                step_key="return/lift-limits",
                account_id=request.account_id,
                ending=Outcome.RESTORED,
            ),
            summary="lift the last limits",
            **STEP,
        )
