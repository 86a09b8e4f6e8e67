"""How an incident begins the recovery of its money, or wakes it: beside the story, which does not wait for it."""

from __future__ import annotations

from temporalio import workflow
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError
from temporalio.workflow import ParentClosePolicy

with workflow.unsafe.imports_passed_through():
    from models.contracts.incidents import IncidentFacts
    from models.contracts.policy import Policy
    from models.contracts.recovery import RecoverFundsInput
    from models.ids import recovery_workflow_id
    from models.names import WAKE
    from workflows.recover_funds import RecoverFunds

RECOVERY = "recovery"
"""Patch: since this shape the money is pursued by a workflow of its own, which outlives the incident."""


async def begin_recovery(facts: IncidentFacts, policy: Policy, *, attempt: int) -> None:
    """Start the recovery, or wake the one that runs. Not while only an unproven report stands: its caller sees to that."""
    if not workflow.patched(RECOVERY):
        return
    try:
        recovery = await workflow.start_child_workflow(
            RecoverFunds.run,
            RecoverFundsInput(
                incident_id=facts.incident_id,
                episode=facts.episode,
                account_id=facts.account_id,
                attempt=attempt,
                policy=policy,
            ),
            id=recovery_workflow_id(facts.incident_id),
            parent_close_policy=ParentClosePolicy.ABANDON,
        )
        workflow.logger.info("begun: %s", recovery.id)
        # However it ends is its own affair: looked at once, or asyncio reports it as an error that nobody noticed.
        recovery.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
    except WorkflowAlreadyStartedError:
        await wake_recovery(facts.incident_id)


async def wake_recovery(incident_id: str) -> None:
    """Have the recovery look, if there is one: it carries nothing."""
    if not workflow.patched(RECOVERY):
        return
    try:
        await workflow.get_external_workflow_handle(recovery_workflow_id(incident_id)).signal(WAKE)
    except ApplicationError:
        workflow.logger.info("no recovery runs: it has ended, or there was nothing to recover")
