"""Replay that compares what the SDK's Replayer does not: arguments of activities and children, and the run's result.

The Replayer checks only the order and types of commands. An interceptor notes what today's code asks for while it
replays; afterwards that is compared with the decrypted history, argument by argument.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from pydantic_core import to_json
from temporalio.client import WorkflowHistory
from temporalio.worker import (
    ExecuteWorkflowInput,
    Interceptor,
    Replayer,
    StartActivityInput,
    StartChildWorkflowInput,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
    WorkflowOutboundInterceptor,
)
from temporalio.workflow import ActivityHandle, ChildWorkflowHandle

from adapters.temporal.converter import plain_converter
from adapters.temporal.worker_lifecycle import sandbox_runner
from ledger.findings import Finding, Kind
from ledger.histories import History
from ledger.replaying import Asked, compare_asked

LIMIT_SECONDS: Final = 60.0
"""A thousand events take two seconds; the SDK's core has been seen to hang over a history that was tampered with."""


class _Noting(Interceptor):
    """Hands each workflow instance an interceptor that notes into `asked`."""

    def __init__(self) -> None:
        self.asked = Asked()

    def workflow_interceptor_class(
        self,
        input: WorkflowInterceptorClassInput,  # noqa: A002, ARG002 - the SDK's name
    ) -> type[WorkflowInboundInterceptor]:
        noting = self

        class Outbound(WorkflowOutboundInterceptor):
            def start_activity(self, input: StartActivityInput) -> ActivityHandle[Any]:  # noqa: A002
                noting.asked.activities.append((input.activity, _first(input.args)))
                return super().start_activity(input)

            async def start_child_workflow(
                self,
                input: StartChildWorkflowInput,  # noqa: A002
            ) -> ChildWorkflowHandle[Any, Any]:
                noting.asked.children.append((input.workflow, input.id, _first(input.args)))
                return await super().start_child_workflow(input)

        class Inbound(WorkflowInboundInterceptor):
            def init(self, outbound: WorkflowOutboundInterceptor) -> None:
                super().init(Outbound(outbound))

            async def execute_workflow(self, input: ExecuteWorkflowInput) -> Any:  # noqa: A002
                result = await super().execute_workflow(input)
                noting.asked.result = _json(result)
                return result

        return Inbound


class StrictReplay:
    """Replays decrypted histories with today's code, sandboxed as in production."""

    def __init__(self, workflows: Sequence[type]) -> None:
        self._workflows = list(workflows)

    async def run(self, history: WorkflowHistory, read: History) -> list[Finding]:
        """What differs between this run's history and what today's code does with it. `read` is the same history.

        One that is not whole is not replayed: the SDK's core breaks down over it instead of saying so.
        """
        if not read.whole:
            return [Finding(Kind.REPLAY_FAILED, read.name, "it is not whole, so it cannot be replayed")]
        noting = _Noting()
        replaying = asyncio.create_task(self._replay(history, noting))
        done, _ = await asyncio.wait([replaying], timeout=LIMIT_SECONDS)
        if not done:
            # What is left of it cannot be awaited either; it ends with the process.
            replaying.cancel()
            return [
                Finding(Kind.REPLAY_FAILED, read.name, f"replay did not end within {LIMIT_SECONDS:.0f} s")
            ]
        failure = await replaying
        if failure is not None:
            return [Finding(Kind.REPLAY_FAILED, read.name, _sentence(failure))]
        return compare_asked(noting.asked, read)

    async def _replay(self, history: WorkflowHistory, noting: _Noting) -> Exception | None:
        with ThreadPoolExecutor(max_workers=2, thread_name_prefix="replay") as pool:
            replayer = Replayer(
                workflows=self._workflows,
                workflow_task_executor=pool,
                workflow_runner=sandbox_runner(),
                data_converter=plain_converter(),
                interceptors=[noting],
            )
            try:
                result = await replayer.replay_workflow(history, raise_on_replay_failure=False)
            except (RuntimeError, ValueError) as error:
                return error
        return result.replay_failure


def _first(arguments: Sequence[Any]) -> Any:
    """Our activities and workflows take one message."""
    return _json(arguments[0]) if arguments else None


def _json(value: Any) -> Any:
    """The JSON value that the payload converter would have written."""
    return json.loads(to_json(value))


def _sentence(error: BaseException) -> str:
    """The first line: the SDK puts its whole state machine behind it."""
    text = str(error).strip().splitlines()
    return f"replay with today's code fails: {text[0] if text else type(error).__name__}"
