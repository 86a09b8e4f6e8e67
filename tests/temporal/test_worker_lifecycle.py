import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from temporalio import activity
from temporalio.client import Client

from adapters.temporal.worker_lifecycle import StopOnSignals, WorkerPlan, run_worker
from models.ids import incident_workflow_id, new_id
from tests.temporal.slow_workflow import Slow


class FakeLoop:
    """A loop as far as signals go."""

    def __init__(self) -> None:
        self.handlers: dict[int, tuple[Callable[..., object], tuple[Any, ...]]] = {}

    def add_signal_handler(self, sig: int, callback: Callable[..., object], *args: Any) -> None:
        self.handlers[sig] = callback, args

    def remove_signal_handler(self, sig: int) -> bool:
        return self.handlers.pop(sig, None) is not None

    def send(self, sig: int) -> None:
        callback, args = self.handlers[sig]
        callback(*args)


@pytest.mark.fast
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_asks_to_stop_and_a_second_one_does_not_hurry(number: int) -> None:
    loop = FakeLoop()
    with StopOnSignals(asyncio.Event(), loop) as stop:
        assert not stop.is_set()
        loop.send(number)
        loop.send(number)
        assert stop.is_set()
    assert loop.handlers == {}


class Watched:
    """A resource that notes when it is open, and an activity that notes when it is under way."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.may_end = asyncio.Event()
        self.notes: list[str] = []

    @asynccontextmanager
    async def resource(self) -> AsyncIterator[None]:
        self.notes.append("opened")
        try:
            yield
        finally:
            self.notes.append("closed")

    @activity.defn(name="slow")
    async def slow(self) -> str:
        self.begun.set()
        await self.may_end.wait()
        self.notes.append("finished")
        return "finished"

    async def companion(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self.notes.append("companion ended")


def plan(watched: Watched, queue: str, **more: Any) -> WorkerPlan:
    return WorkerPlan(
        task_queue=queue,
        workflows=[Slow],
        activities=[watched.slow],
        companions=[watched.companion],
        resources=[watched.resource()],
        **more,
    )


async def test_what_is_under_way_finishes_before_anything_is_closed(client: Client, task_queue: str) -> None:
    watched, stop = Watched(), asyncio.Event()
    running = asyncio.create_task(run_worker(client, plan(watched, task_queue), stop=stop))
    handle = await client.start_workflow(Slow.run, id=incident_workflow_id(new_id()), task_queue=task_queue)
    await watched.begun.wait()
    stop.set()
    await asyncio.wait([running], timeout=0.3)
    assert not running.done()
    watched.may_end.set()
    await running
    assert watched.notes == ["opened", "companion ended", "finished", "closed"]
    second = asyncio.Event()
    again = asyncio.create_task(run_worker(client, plan(watched, task_queue), stop=second))
    assert await handle.result() == "finished"
    second.set()
    await again


async def test_what_does_not_finish_in_its_grace_is_cancelled_and_everything_is_closed(
    client: Client, task_queue: str
) -> None:
    watched, stop = Watched(), asyncio.Event()
    short = plan(watched, task_queue, grace=timedelta(milliseconds=200))
    running = asyncio.create_task(run_worker(client, short, stop=stop))
    handle = await client.start_workflow(Slow.run, id=incident_workflow_id(new_id()), task_queue=task_queue)
    await watched.begun.wait()
    stop.set()
    async with asyncio.timeout(10):
        await running
    assert watched.notes == ["opened", "companion ended", "closed"]
    await handle.terminate()


async def test_a_companion_that_breaks_ends_the_worker(client: Client, task_queue: str) -> None:
    watched, ready = Watched(), asyncio.Event()

    async def broken(stop: asyncio.Event) -> None:
        await ready.wait()
        raise LookupError("the relay broke")

    broken_plan = WorkerPlan(
        task_queue=task_queue,
        workflows=[Slow],
        activities=[watched.slow],
        companions=[watched.companion, broken],
        resources=[watched.resource()],
    )
    with pytest.raises(LookupError, match="the relay broke"):
        await run_worker(client, broken_plan, stop=asyncio.Event(), ready=ready.set)
    assert watched.notes == ["opened", "companion ended", "closed"]


async def test_a_companion_that_ends_too_early_ends_the_worker(client: Client, task_queue: str) -> None:
    async def idle(stop: asyncio.Event) -> None:
        del stop

    lazy = WorkerPlan(task_queue=task_queue, workflows=[Slow], activities=[Watched().slow], companions=[idle])
    with pytest.raises(RuntimeError, match="ended before it was asked to"):
        await run_worker(client, lazy, stop=asyncio.Event())
