"""Whether Temporal is there, keeps histories long enough, and somebody works at our task queue."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client
from temporalio.converter import DataConverter
from temporalio.service import RPCError

from adapters.temporal.client import connect, connect_config, retention, server_version
from cli.doctor.findings import Finding, State, good
from models.errors import ErrorCode, StanchError

KEPT_AT_LEAST: Final = timedelta(days=30)
"""What `audit replay` of a closed incident can rely on."""

UNREACHABLE: Final = (
    "Start it, or set TEMPORAL_ADDRESS; alarms are frozen without it and taken up once it is back."
)


async def examine_temporal(task_queue: str) -> list[Finding]:
    """Findings about the Temporal that TEMPORAL_* names. Errors: INVALID when those cannot be read."""
    target = connect_config()["target_host"]
    try:
        client = await connect(DataConverter.default)
        findings = [good("temporal", f"server {await server_version(client)} at {target}")]
    except StanchError as error:
        if not error.matches(ErrorCode.TEMPORAL_UNREACHABLE):
            raise
        return [
            Finding(
                name="temporal", state=State.UNREACHABLE, seen=f"no answer from {target}", advice=UNREACHABLE
            )
        ]
    try:
        findings.append(_retention(client.namespace, await retention(client)))
        findings += [
            await _pollers(client, task_queue, kind)
            for kind in (TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW, TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY)
        ]
    except (RPCError, StanchError):
        advice = f"Make the namespace {client.namespace}, or set TEMPORAL_NAMESPACE."
        seen = f"{client.namespace} cannot be read"
        findings.append(Finding(name="temporal namespace", state=State.UNREACHABLE, seen=seen, advice=advice))
    return findings


def _retention(name: str, kept: timedelta) -> Finding:
    seen = f"{name} keeps closed histories {kept.days} days"
    if kept >= KEPT_AT_LEAST:
        return good("temporal namespace", seen)
    advice = f"Set its retention to {KEPT_AT_LEAST.days} days or more: an audit replays from them."
    return Finding(name="temporal namespace", state=State.ATTENTION, seen=seen, advice=advice, needed=False)


async def _pollers(client: Client, task_queue: str, kind: TaskQueueType.ValueType) -> Finding:
    request = DescribeTaskQueueRequest(
        namespace=client.namespace, task_queue=TaskQueue(name=task_queue), task_queue_type=kind
    )
    found = await client.workflow_service.describe_task_queue(request)
    what = "workflow" if kind == TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW else "activity"
    name = f"{what} workers"
    if found.pollers:
        return good(name, f"{len(found.pollers)} at task queue {task_queue}", needed=False)
    advice = "Start one: stanch worker. Accounts are frozen meanwhile; nothing else goes on."
    return Finding(
        name=name,
        state=State.ATTENTION,
        seen=f"nobody at task queue {task_queue}",
        advice=advice,
        needed=False,
    )
