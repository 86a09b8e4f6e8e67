"""Time to freeze, one alarm after the other, against the floor and against a bare workflow, in one run.

Those that are compared take turns, so that whatever else the machine does weighs on all alike: first with the worker at rest,
which leaves the machine to the three of them; then, without the bare workflow, while the worker opens, traces and sends codes
for every incident that the alarms before have begun.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import perf_counter
from typing import Any

import httpx2
from temporalio.client import Client

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


@dataclass
class Turns:
    """Milliseconds that callers waited."""

    gateway: list[float] = field(default_factory=list)
    floor: list[float] = field(default_factory=list)
    bare: list[float] = field(default_factory=list)
    wallet_ack: list[float] = field(default_factory=list)
    committed: list[float] = field(default_factory=list)

    def figures(self) -> dict[str, Any]:
        """Summaries of those that were measured."""
        return {name: summary(values) for name, values in vars(self).items() if values}


async def in_turns(measured: Measured, accounts: Sequence[str], *, with_bare: bool) -> dict[str, Any]:
    """Gateway, floor and, where asked for, a bare workflow in turn. `accounts`: 2 × (ALARMS + WARM_UP) of them."""
    turns, names = Turns(), iter(accounts)
    temporal = await bare_workflow.connect()
    async with (
        measured.client() as client,
        httpx2.AsyncClient(base_url=measured.floor_url, timeout=60, trust_env=False) as floor_client,
    ):
        for number in range(ALARMS + WARM_UP):
            if number == WARM_UP:
                turns = Turns()
            took, answer = await raise_alarm(client, next(names))
            assert answer.status_code == 201, answer.text
            turns.gateway.append(took)
            times = answer.json()["time_to_freeze_ms"]
            turns.wallet_ack.append(times["wallet_ack"])
            turns.committed.append(times["committed"])
            turns.floor.append(await _floor(floor_client, next(names)))
            if with_bare:
                turns.bare.append(await _bare(temporal))
    return turns.figures()


async def _bare(client: Client) -> float:
    """Start to result of a workflow with one activity that does nothing."""
    began = perf_counter()
    await client.execute_workflow(
        bare_workflow.Bare.run, id=f"bare-{new_id()}", task_queue=bare_workflow.QUEUE
    )
    return (perf_counter() - began) * 1000


async def _floor(client: httpx2.AsyncClient, account_id: str) -> float:
    began = perf_counter()
    answer = await client.post("/alarms", json={"id": new_id(), "account_id": account_id})
    took = (perf_counter() - began) * 1000
    assert answer.status_code == 201, answer.text
    return took
