"""Time to freeze, one alarm after the other, against the floor and against a bare workflow, in one run.

Gateway and floor take turns, so that whatever else the machine does weighs on both alike. All of it goes on while the worker
opens, traces and sends codes for every incident that the alarms before have begun.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from time import perf_counter
from typing import Any

import httpx2

from bench import bare_workflow
from bench.figures import summary
from bench.running import Measured
from cli.running.house import DETECTOR
from models.ids import new_id

ALARMS = 200
WARM_UP = 10


def alarm(account_id: str) -> dict[str, Any]:
    """An alarm as a detector sends it."""
    return {
        "source": DETECTOR,
        "id": new_id(),
        "account_id": account_id,
        "occurred_at": datetime.now(UTC).isoformat(),
        "kind": "trigger",
    }


async def raise_alarm(client: httpx2.AsyncClient, account_id: str) -> tuple[float, httpx2.Response]:
    """(milliseconds the caller waited, the answer)."""
    began = perf_counter()
    answer = await client.post("/v1/alarms", json=alarm(account_id))
    return (perf_counter() - began) * 1000, answer


async def sequential(measured: Measured, accounts: Sequence[str]) -> dict[str, Any]:
    """Gateway and floor in turn, then bare workflows once all is quiet. `accounts`: 2 × (ALARMS + WARM_UP) of them."""
    gateway: list[float] = []
    floor: list[float] = []
    inside: dict[str, list[float]] = {"wallet_ack": [], "committed": []}
    names = iter(accounts)
    async with (
        measured.client() as client,
        httpx2.AsyncClient(base_url=measured.floor_url, timeout=60, trust_env=False) as floor_client,
    ):
        for number in range(ALARMS + WARM_UP):
            took, answer = await raise_alarm(client, next(names))
            assert answer.status_code == 201, answer.text
            floor_took = await _floor(floor_client, next(names))
            if number >= WARM_UP:
                gateway.append(took)
                floor.append(floor_took)
                for name, values in inside.items():
                    values.append(answer.json()["time_to_freeze_ms"][name])
    return {
        "gateway": summary(gateway),
        "floor": summary(floor),
        "inside": {name: summary(values) for name, values in inside.items()},
    }


async def bare(count: int = ALARMS) -> dict[str, float]:
    """Start to result of a workflow with one activity that does nothing."""
    client = await bare_workflow.connect()
    took: list[float] = []
    for number in range(count + WARM_UP):
        began = perf_counter()
        await client.execute_workflow(
            bare_workflow.Bare.run, id=f"bare-{new_id()}", task_queue=bare_workflow.QUEUE
        )
        if number >= WARM_UP:
            took.append((perf_counter() - began) * 1000)
    return summary(took)


async def _floor(client: httpx2.AsyncClient, account_id: str) -> float:
    began = perf_counter()
    answer = await client.post("/alarms", json={"id": new_id(), "account_id": account_id})
    took = (perf_counter() - began) * 1000
    assert answer.status_code == 201, answer.text
    return took
