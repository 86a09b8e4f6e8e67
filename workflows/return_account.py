"""ReturnAccount: limits first, then the release, then stage by stage until the account is its owner's again."""

from __future__ import annotations

from temporalio import workflow
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.returning import EnterStage, LiftLimits, Release
    from models.contracts.incidents import (
        EnterStageInput,
        EnterStageResult,
        LiftLimitsInput,
        ReleaseInput,
        ReturnAccountInput,
        ReturnAccountResult,
    )
    from models.errors import ErrorCode
    from models.names import Outcome, Workflow
    from workflows.policies import STEP, failed_with

REFUSALS = (
    ErrorCode.ALARM_WAITING,
    ErrorCode.ILLEGAL_MOVE,
    ErrorCode.RESET_INCOMPLETE,
    ErrorCode.FOUR_EYES,
    ErrorCode.REFUSED_BY_RULE,
)
"""Answers of the boundary that every lifting of protection has: the incident looks again and decides anew."""


@workflow.defn(name=Workflow.RETURN_ACCOUNT)
class ReturnAccount:
    """Stage 1 limits -> release -> wait -> stage 2 -> wait -> ... -> limits lifted. A relapse cancels it anywhere:
    what a later alarm placed has its own id, so nothing this workflow still does can undo it.
    """

    @workflow.init
    def __init__(self, request: ReturnAccountInput) -> None:
        self._request = request

    @workflow.run
    async def run(self, request: ReturnAccountInput) -> ReturnAccountResult:
        """The stages entered; `refused` when protection may not be lifted now: an alarm waits, a proof fell."""
        entered: list[str] = []
        try:
            for index in range(len(request.policy.stages)):
                await self._go_through(index, entered)
            await self._lift_limits()
        except ActivityError as error:
            refused = next((code for code in REFUSALS if failed_with(error, code)), None)
            if refused is None:
                raise
            return ReturnAccountResult(stages=tuple(entered), refused=refused)
        return ReturnAccountResult(stages=tuple(entered))

    async def _go_through(self, index: int, entered: list[str]) -> None:
        stage = await self._enter(index)
        if index == 0:
            await self._release()
        entered.append(stage.stage)
        left = stage.ends_at - workflow.now()
        if left.total_seconds() > 0:
            await workflow.sleep(left, summary=f"stage {stage.stage}")

    async def _enter(self, index: int) -> EnterStageResult:
        request = self._request
        return await workflow.execute_activity_method(
            EnterStage.run,
            EnterStageInput(
                incident_id=request.incident_id,
                episode=request.episode,
                step_key=f"return/stage/{request.attempt}/{index + 1}",
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
