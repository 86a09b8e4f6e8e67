"""Whether Temporal is there, keeps histories long enough, and somebody works at our task queue."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import (
    DescribeNamespaceRequest,
    DescribeNamespaceResponse,
    DescribeTaskQueueRequest,
    GetSystemInfoRequest,
)
from temporalio.client import Client
from temporalio.envconfig import ClientConfig
from temporalio.service import RPCError

from cli.doctor.findings import Finding, State, good

SECONDS: Final = 5.0
KEPT_AT_LEAST: Final = timedelta(days=30)
"""What `audit replay` of a closed incident can rely on."""

UNREACHABLE: Final = (
    "Start it, or set TEMPORAL_ADDRESS; alarms are frozen without it and taken up once it is back."
)


async def examine_temporal(task_queue: str) -> list[Finding]:
    """Findings about the Temporal that TEMPORAL_* names."""
    config = ClientConfig.load_client_connect_config()
    config.setdefault("target_host", "localhost:7233")
    try:
        async with asyncio.timeout(SECONDS):
            client = await Client.connect(**config)
            service = client.workflow_service
            information = await service.get_system_info(GetSystemInfoRequest())
    except (RuntimeError, RPCError, TimeoutError) as error:
        seen = f"no connection to {config['target_host']} ({type(error).__name__})"
        return [Finding(name="temporal", state=State.UNREACHABLE, seen=seen, advice=UNREACHABLE)]
    findings = [
        good("temporal", f"server {information.server_version} at {client.service_client.config.target_host}")
    ]
    try:
        namespace = await service.describe_namespace(DescribeNamespaceRequest(namespace=client.namespace))
        findings += _retention(client.namespace, namespace)
        findings += [
            await _pollers(client, task_queue, kind)
            for kind in (TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW, TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY)
        ]
    except RPCError as error:
        advice = f"Make the namespace {client.namespace}, or set TEMPORAL_NAMESPACE."
        findings.append(
            Finding(
                name="temporal namespace",
                state=State.UNREACHABLE,
                seen=error.status.name.lower(),
                advice=advice,
            )
        )
    return findings


def _retention(name: str, namespace: DescribeNamespaceResponse) -> Iterator[Finding]:
    kept = namespace.config.workflow_execution_retention_ttl.ToTimedelta()
    seen = f"{name} keeps closed histories {kept.days} days"
    if kept < KEPT_AT_LEAST:
        advice = f"Set its retention to {KEPT_AT_LEAST.days} days or more: an audit replays from them."
        yield Finding(
            name="temporal namespace", state=State.ATTENTION, seen=seen, advice=advice, needed=False
        )
    else:
        yield good("temporal namespace", seen)


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
