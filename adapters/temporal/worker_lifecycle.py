"""The life of a worker process: polls until asked to end, lets what is under way finish, closes what it opened."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final, Protocol

import structlog
from temporalio.client import Client
from temporalio.worker import Interceptor, Worker
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

ENDING: Final = (signal.SIGTERM, signal.SIGINT)

GRACE: Final = timedelta(seconds=10)
"""The SDK's default of zero cancels running activities at once. A step is one call of 2 s and two commits."""

STICKY_TIMEOUT: Final = timedelta(seconds=1)
"""How long a dead worker's workflows wait for it before another takes them over; the SDK's default is 10 s."""

BEATS_HELD_BACK: Final = timedelta(seconds=1)
"""The SDK holds signs of life back for most of their timeout; a late one would then look like death."""

PASSED_THROUGH: Final = ("models", "activities", "ulid", "structlog")
"""Imported once for all workflow runs: messages and names without side effects, and the activities' names.

Everything else a workflow imports is loaded anew in its sandbox, so what is not deterministic there is noticed.
"""

_log = structlog.get_logger(__name__)


class SignalLoop(Protocol):
    """What is needed of an event loop to hear signals."""

    def add_signal_handler(self, sig: int, callback: Callable[..., object], *args: Any) -> None:
        """Call back when the signal comes."""

    def remove_signal_handler(self, sig: int) -> bool:
        """Stop calling back."""


class StopOnSignals:
    """Inside, the first SIGTERM or SIGINT sets the event; later ones change nothing, so none cuts a drain short."""

    def __init__(self, stop: asyncio.Event, loop: SignalLoop) -> None:
        self._stop = stop
        self._loop = loop

    def __enter__(self) -> asyncio.Event:
        for number in ENDING:
            self._loop.add_signal_handler(number, self._heard, number)
        return self._stop

    def __exit__(self, *_: object) -> None:
        for number in ENDING:
            self._loop.remove_signal_handler(number)

    def _heard(self, number: int) -> None:
        _log.info("stopping", signal=signal.Signals(number).name)
        self._stop.set()


Companion = Callable[[asyncio.Event], Awaitable[None]]
"""Something that runs beside the worker until the event is set: the relay, the sweep."""


@dataclass(frozen=True, kw_only=True)
class WorkerPlan:
    """What one worker process serves. `resources` are opened before it polls and closed after it has drained."""

    task_queue: str
    workflows: Sequence[type]
    activities: Sequence[Callable[..., Any]]
    interceptors: Sequence[Interceptor] = ()
    companions: Sequence[Companion] = ()
    resources: Sequence[AbstractAsyncContextManager[Any]] = ()
    identity: str | None = None
    grace: timedelta = GRACE
    activities_at_once: int = 100
    """Wallet calls under way at once; also how many database connections steps may ask for."""
    extra: dict[str, Any] = field(default_factory=dict)
    """Further arguments of the SDK's Worker, for tests."""


def sandbox_runner() -> SandboxedWorkflowRunner:
    """The runner of every workflow: sandboxed, with our own light modules passed through."""
    return SandboxedWorkflowRunner(
        restrictions=SandboxRestrictions.default.with_passthrough_modules(*PASSED_THROUGH)
    )


def build_worker(client: Client, plan: WorkerPlan) -> Worker:
    """The SDK's worker as production runs it; tests build theirs here too."""
    return Worker(
        client,
        task_queue=plan.task_queue,
        workflows=list(plan.workflows),
        activities=list(plan.activities),
        interceptors=list(plan.interceptors),
        workflow_runner=sandbox_runner(),
        identity=plan.identity,
        graceful_shutdown_timeout=plan.grace,
        sticky_queue_schedule_to_start_timeout=STICKY_TIMEOUT,
        max_concurrent_activities=plan.activities_at_once,
        max_heartbeat_throttle_interval=BEATS_HELD_BACK,
        **plan.extra,
    )


async def run_worker(
    client: Client,
    plan: WorkerPlan,
    *,
    stop: asyncio.Event,
    ready: Callable[[], None] = lambda: None,
) -> None:
    """Serve until `stop` is set, then drain and close.

    `ready` is called once the worker polls. An error of the worker or of a companion ends the process too: a worker that
    polls without its relay looks alive and is not. Errors: whatever the SDK or the companion raised.
    """
    async with AsyncExitStack() as stack:
        for resource in plan.resources:
            await stack.enter_async_context(resource)
        async with build_worker(client, plan) as worker:
            ready()
            await _serve(worker, plan.companions, stop)
        _log.info("drained")


async def _serve(worker: Worker, companions: Sequence[Companion], stop: asyncio.Event) -> None:
    """Until `stop`, or until anything ends that should not."""
    del worker
    asked = asyncio.create_task(stop.wait(), name="stop")
    beside = [asyncio.ensure_future(companion(stop)) for companion in companions]
    try:
        done, _ = await asyncio.wait([asked, *beside], return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            await task
        if asked not in done:
            raise RuntimeError("a companion of the worker ended before it was asked to")
    finally:
        stop.set()
        asked.cancel()
        await asyncio.gather(asked, *beside, return_exceptions=True)
