import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.worker import Worker

from activities.ports import Incidents
from adapters.temporal.client import connect, lazy_client
from adapters.temporal.converter import encrypting_converter
from adapters.temporal.hand_over import NotTaken, TemporalHandOver
from adapters.temporal.worker_lifecycle import sandbox_runner
from cli.embedded.temporal import EmbeddedTemporal
from models.contracts.incidents import IncidentFacts
from models.errors import ErrorCode, StanchError
from models.ids import incident_workflow_id, new_id
from models.lifecycle import Status
from models.names import Scope
from tests.temporal.keys import KeysInMemory
from tests.temporal.waiting_workflow import Waiting

BUDGET = timedelta(seconds=10)


@dataclass
class Rows:
    """The incident rows as far as the hand-over asks: which are closed."""

    closed: set[str] = field(default_factory=set)

    async def facts(self, incident_id: str) -> IncidentFacts | None:
        now = datetime.now(UTC)
        over = incident_id in self.closed
        return IncidentFacts(
            incident_id=incident_id,
            account_id="account-1",
            status=Status.CLOSED if over else Status.FROZEN,
            episode=1,
            scope=Scope.FULL,
            provisional=False,
            opened_at=now,
            episode_opened_at=now,
            compromised_since=None,
            frozen_at=now,
            renewals=0,
            closed_at=now if over else None,
            outcome=None,
            unacknowledged=(),
        )


async def nobody_asks(incident_id: str) -> None:
    """No recovery is to begin again."""
    del incident_id


def hand_over(
    client: Client, queue: str, rows: Rows | None = None, *, budget: timedelta = BUDGET
) -> TemporalHandOver:
    return TemporalHandOver(
        client=client,
        incidents=cast(Incidents, rows or Rows()),
        task_queue=queue,
        budget=budget,
        task_timeout=timedelta(seconds=5),
        recovery=nobody_asks,
    )


@asynccontextmanager
async def worker(client: Client, queue: str) -> AsyncIterator[None]:
    async with Worker(client, task_queue=queue, workflows=[Waiting], workflow_runner=sandbox_runner()):
        yield


async def end(client: Client, incident: str) -> int:
    handle = client.get_workflow_handle(incident_workflow_id(incident))
    await handle.signal("end")
    return cast(int, await handle.result())


async def test_the_first_hand_over_starts_the_workflow_and_later_ones_wake_it(
    client: Client, task_queue: str
) -> None:
    incident, handing = new_id(), hand_over(client, task_queue)
    async with worker(client, task_queue):
        for _ in range(3):
            await handing.wake(incident)
        assert await end(client, incident) == 2


async def test_many_wakes_at_once_are_one_workflow(client: Client, task_queue: str) -> None:
    incident, handing = new_id(), hand_over(client, task_queue, budget=timedelta(seconds=10))
    async with worker(client, task_queue):
        await asyncio.gather(*(handing.wake(incident) for _ in range(20)))
        assert await end(client, incident) == 19


async def test_a_workflow_that_ended_with_its_incident_needs_no_wake(client: Client, task_queue: str) -> None:
    incident, rows = new_id(), Rows()
    handing = hand_over(client, task_queue, rows)
    async with worker(client, task_queue):
        await handing.wake(incident)
        await end(client, incident)
        rows.closed.add(incident)
        await handing.wake(incident)
        described = await client.get_workflow_handle(incident_workflow_id(incident)).describe()
    assert described.status is WorkflowExecutionStatus.COMPLETED


async def test_a_workflow_that_ended_before_its_incident_is_an_alarm(client: Client, task_queue: str) -> None:
    incident, handing = new_id(), hand_over(client, task_queue)
    async with worker(client, task_queue):
        await handing.wake(incident)
        await end(client, incident)
        with pytest.raises(StanchError) as refused:
            await handing.wake(incident)
    assert refused.value.code is ErrorCode.INTERNAL
    assert incident_workflow_id(incident) in refused.value.message


async def test_without_a_worker_an_incident_is_opened_all_the_same(client: Client, task_queue: str) -> None:
    incident = new_id()
    await hand_over(client, task_queue).wake(incident)
    described = await client.get_workflow_handle(incident_workflow_id(incident)).describe()
    assert described.status is WorkflowExecutionStatus.RUNNING
    async with worker(client, task_queue):
        assert await end(client, incident) == 0


async def test_without_a_worker_a_wake_is_not_taken_and_said_so_in_time(
    client: Client, task_queue: str
) -> None:
    incident = new_id()
    await hand_over(client, task_queue).wake(incident)
    began = asyncio.get_running_loop().time()
    with pytest.raises(NotTaken) as refused:
        await hand_over(client, task_queue, budget=timedelta(milliseconds=500)).wake(incident)
    assert refused.value.code is ErrorCode.TEMPORAL_UNREACHABLE
    assert asyncio.get_running_loop().time() - began < 2
    async with worker(client, task_queue):
        await hand_over(client, task_queue, budget=timedelta(seconds=10)).wake(incident)
        assert await end(client, incident) >= 1


async def test_temporal_down_is_said_in_time_and_the_same_client_works_when_it_is_back(
    own_temporal: EmbeddedTemporal, task_queue: str
) -> None:
    keys, incident = KeysInMemory(), new_id()
    gateway = await lazy_client(encrypting_converter(keys))
    own_temporal.kill()
    for _ in range(2):
        began = asyncio.get_running_loop().time()
        with pytest.raises(StanchError) as refused:
            await hand_over(gateway, task_queue, budget=timedelta(seconds=1)).wake(incident)
        assert refused.value.code is ErrorCode.TEMPORAL_UNREACHABLE
        assert asyncio.get_running_loop().time() - began < 2
    own_temporal.start()
    async with worker(await connect(encrypting_converter(keys)), task_queue):
        await _insist(hand_over(gateway, task_queue), incident)
        assert await end(gateway, incident) == 0


async def _insist(handing: TemporalHandOver, incident: str) -> None:
    """As the relay does."""
    async with asyncio.timeout(20):
        while True:
            with contextlib.suppress(StanchError):
                return await handing.wake(incident)
