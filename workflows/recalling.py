"""Recalls of what left the wallet: one detached workflow for each transfer, which outlives incident and recovery alike."""

from __future__ import annotations

from collections.abc import Sequence

from temporalio import workflow
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.workflow import ParentClosePolicy

with workflow.unsafe.imports_passed_through():
    from activities.recalls import CountRecalledMoney
    from activities.recovery import WithdrawRecall
    from models.contracts.policy import RECALL_DEFAULTS
    from models.contracts.recalls import CountRecalledMoneyInput, LateMoney, RecallTransferInput
    from models.contracts.recovery import MoneyLook, RecoverFundsInput, WithdrawRecallInput
    from models.ids import recall_workflow_id
    from workflows.policies import LOOK, STEP
    from workflows.recall_transfer import RecallTransfer


class Recalling:
    """Which recalls this run has begun: their rows may not be there yet when the money is looked at again."""

    def __init__(self, request: RecoverFundsInput) -> None:
        self._request = request
        self._begun: set[tuple[int, int]] = set()

    async def count(self, late: Sequence[LateMoney]) -> None:
        """Count what came for recalls that are closed: their own workflows have ended, and what came is followed and held anew."""
        request = self._request
        for money in late:
            await workflow.execute_activity_method(
                CountRecalledMoney.run,
                CountRecalledMoneyInput(
                    incident_id=request.incident_id,
                    episode=request.episode,
                    step_key=f"recall/{money.transfer_seq}/{money.part}/late/{money.arrived}",
                    recall_id=money.recall_id,
                    received=money.arrived,
                ),
                summary=f"{money.arrived} {money.currency} have come late",
                **STEP,
            )

    async def recall(self, money: MoneyLook) -> None:
        """Begin what is to be asked for, and withdraw what is not stolen after all."""
        request = self._request
        for transfer in money.exits:
            request_of = (transfer.transfer_seq, transfer.part)
            if request_of in self._begun:
                continue
            self._begun.add(request_of)
            try:
                begun = await workflow.start_child_workflow(
                    RecallTransfer.run,
                    RecallTransferInput(
                        incident_id=request.incident_id,
                        episode=request.episode,
                        transfer=transfer,
                        asked_at=workflow.now(),
                        policy=request.policy.recall or RECALL_DEFAULTS,
                    ),
                    id=recall_workflow_id(request.incident_id, *request_of),
                    parent_close_policy=ParentClosePolicy.ABANDON,
                )
                workflow.logger.info("begun: %s", begun.id)
            except WorkflowAlreadyStartedError:
                continue
        for transfer_seq in money.stray_recalls:
            await workflow.execute_activity_method(
                WithdrawRecall.run,
                WithdrawRecallInput(incident_id=request.incident_id, transfer_seq=transfer_seq),
                **LOOK,
            )
