"""Where an activity's attempt comes from: what the auditor needs to find it in the history."""

from __future__ import annotations

from temporalio import activity

from models.contracts.steps import Origin


def activity_origin() -> Origin:
    """The origin of the activity that is running now."""
    info = activity.info()
    return Origin(
        workflow_id=info.workflow_id,
        run_id=info.workflow_run_id,
        activity_id=info.activity_id,
        attempt=info.attempt,
    )
