"""After the answer: Temporal is told, and when it is not there it changes nothing for the caller."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError

from cli.embedded.ports import free_port
from cli.embedded.temporal import EmbeddedTemporal
from models.ids import incident_workflow_id
from tests.running_gateway import RunningGateway, run_gateway
from tests.running_sandbox import RunningSandbox


async def started(client: Client, incident_id: str) -> bool:
    """Wait until the incident's workflow runs."""
    for _ in range(400):
        try:
            described = await client.get_workflow_handle(incident_workflow_id(incident_id)).describe()
        except RPCError:
            await asyncio.sleep(0.025)
            continue
        return described.status is WorkflowExecutionStatus.RUNNING
    return False


PATIENT = {"STANCH_HAND_OVER_BUDGET_MS": "10000"}
"""No relay is here to try again what the gateway tried once, and the first call to a server is its slowest."""

ROW = "SELECT done_at FROM hand_over WHERE incident_id = :id"


async def settled(gateway: RunningGateway, incident_id: str) -> None:
    """Wait until the gateway has noted that Temporal took everything."""
    for _ in range(100):
        if gateway.rows(ROW, id=incident_id)[0].done_at is not None:
            return
    pytest.fail("the hand-over was never noted")


def freeze_counts(gateway: RunningGateway) -> tuple[int, int]:
    metrics = gateway.client.get("/metrics").text.splitlines()
    count = next(line for line in metrics if line.startswith("stanch_alarms_total") and '"done"' in line)
    frozen = next(
        line
        for line in metrics
        if line.startswith("stanch_time_to_freeze_seconds_count") and "committed" in line
    )
    return int(float(count.split()[-1])), int(float(frozen.split()[-1]))


async def test_the_incident_is_open_in_temporal_right_after_the_answer(
    database_url: str, sandbox: RunningSandbox, temporal_server: EmbeddedTemporal, tmp_path: Path
) -> None:
    client = await Client.connect(temporal_server.address)
    environ = PATIENT | {**temporal_server.environ, "STANCH_TASK_QUEUE": f"nobody-{tmp_path.name}"}
    with run_gateway(
        database_url, sandbox, free_port(), tmp_path / "gateway.log", environ=environ
    ) as gateway:
        assert gateway.client.get("/ready").json()["parts"]["temporal"] == "ok"
        account_id = sandbox.account()
        incident_id = gateway.alarm(account_id).json()["incident_id"]
        assert await started(client, incident_id)
        await settled(gateway, incident_id)
        assert freeze_counts(gateway) == (1, 1)
        # Its start was all the wake it needed. Of this further alarm no worker can hear, so the row stays due.
        assert gateway.alarm(account_id).json()["incident_id"] == incident_id
        assert [row.done_at for row in gateway.rows(ROW, id=incident_id)] == [None]
    await client.get_workflow_handle(incident_workflow_id(incident_id)).terminate()


async def test_temporal_may_come_after_the_gateway(
    database_url: str, sandbox: RunningSandbox, tmp_path: Path
) -> None:
    server = EmbeddedTemporal(throwaway=True)
    with server:
        environ = PATIENT | {**server.environ, "STANCH_TASK_QUEUE": "nobody"}
        server.kill()
        with run_gateway(
            database_url, sandbox, free_port(), tmp_path / "gateway.log", environ=environ
        ) as gateway:
            answer = gateway.alarm(sandbox.account())
            assert answer.status_code == 201
            assert gateway.client.get("/ready").json()["parts"]["temporal"] == "unreachable"
            server.start()
            client = await Client.connect(server.address)
            later = gateway.alarm(sandbox.account()).json()["incident_id"]
            assert await started(client, later)
