"""The embedded Temporal keeps what it acknowledged, keeps closed histories, and leaves nothing behind."""

from __future__ import annotations

import socket
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import psutil
import pytest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client

from cli.embedded.ports import answers
from cli.embedded.temporal import EmbeddedTemporal
from models.errors import ErrorCode, StanchError
from tests.embedded.living import alive

ROOT = Path(__file__).resolve().parents[2]


async def test_closed_histories_are_kept_for_a_month(temporal_server: EmbeddedTemporal) -> None:
    client = await Client.connect(temporal_server.address)
    namespace = await client.workflow_service.describe_namespace(
        DescribeNamespaceRequest(namespace="default")
    )
    assert namespace.config.workflow_execution_retention_ttl.ToTimedelta() == timedelta(days=30)


async def test_an_open_workflow_survives_the_death_of_the_server_on_the_same_port(tmp_path: Path) -> None:
    with EmbeddedTemporal(tmp_path) as server:
        address = server.address
        client = await Client.connect(address)
        await client.start_workflow("Story", id="incident", task_queue="nobody")

        server.kill()
        assert not answers(int(address.split(":")[1]))
        server.start()

        assert server.address == address
        assert (await client.get_workflow_handle("incident").describe()).workflow_type == "Story"


def test_a_second_start_on_the_same_data_is_refused(tmp_path: Path) -> None:
    with EmbeddedTemporal(tmp_path), pytest.raises(StanchError) as refused:
        EmbeddedTemporal(tmp_path).start()
    assert "Stop that one first" in refused.value.message


def test_a_taken_port_is_given_up_for_another(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as taken:
        free = [taken.getsockname()[1]]
        chosen = __import__("cli.embedded.temporal", fromlist=["free_port"]).free_port
        monkeypatch.setattr("cli.embedded.temporal.free_port", lambda: free.pop() if free else chosen())
        with EmbeddedTemporal(throwaway=True) as server:
            assert server.address != f"127.0.0.1:{taken.getsockname()[1]}"


def test_a_data_file_it_cannot_read_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "temporal.db").write_text("not a database, not at all, but long enough to look at")
    with pytest.raises(StanchError) as failed:
        EmbeddedTemporal(tmp_path).start()
    assert failed.value.matches(ErrorCode.TEMPORAL_UNREACHABLE)
    assert "did not start" in failed.value.message


def test_it_does_not_outlive_a_killed_parent(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from cli.embedded.temporal import EmbeddedTemporal\n"
        "server = EmbeddedTemporal(Path(sys.argv[1])).start()\n"
        "print(server._child.pid, flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as parent:  # fmt: skip
        assert parent.stdout
        server = psutil.Process(int(parent.stdout.readline()))
        parent.kill()
        parent.wait()
    psutil.wait_procs([server], timeout=10)
    assert not alive(server)
