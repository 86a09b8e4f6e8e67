"""The boundary of every activity: its errors have stable codes, it shows that it lives, and it is not cut in the middle."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import timedelta
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from models.contracts.base import Message
from models.errors import ErrorCode, StanchError, TooFast

WORTH_RETRYING = frozenset(
    {
        ErrorCode.WALLET_UNREACHABLE,
        ErrorCode.DATABASE_UNREACHABLE,
        ErrorCode.TEMPORAL_UNREACHABLE,
        ErrorCode.INSTITUTION_UNREACHABLE,
        ErrorCode.FEED_GAP,
        ErrorCode.FEED_CONFLICT,
        ErrorCode.INTERNAL,
    }
)
"""Codes after which the same call may succeed. Every other code is an answer, and the workflow decides."""

BEAT_SECONDS = 1.0
"""Between two signs of life. Most activities are over before the first; a worker that died gives none."""


class StanchErrors(Interceptor):
    """Installs the boundary on a worker.

    A StanchError becomes an ApplicationError whose type is its stable code. An activity beats, so that another worker
    takes over from a dead one within its heartbeat timeout. A workflow that has changed its mind does not stop what runs:
    between an effect and its record nothing is cut off but by the end of the worker.
    """

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002 - the SDK's name
        """Wrap the activity's call."""
        return _Boundary(next)


class _Boundary(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002 - the SDK's name
        try:
            with _beating():
                return await _to_its_end(asyncio.ensure_future(super().execute_activity(input)))
        except StanchError as error:
            retry = error.code in WORTH_RETRYING
            raise ApplicationError(
                error.message,
                type=error.code.value,
                non_retryable=not retry,
                next_retry_delay=timedelta(seconds=error.retry_after) if isinstance(error, TooFast) else None,
                category=ApplicationErrorCategory.BENIGN
                if not retry
                else ApplicationErrorCategory.UNSPECIFIED,
            ) from error


def tell(said: Message) -> None:
    """Say how far this activity is, for people who look at it: with the next sign of life, and every one after it."""
    _LATEST.get()[:] = [said]
    activity.heartbeat(said)


_LATEST: ContextVar[list[Message]] = ContextVar("what the activity said last")


@contextmanager
def _beating() -> Iterator[None]:
    """Give signs of life inside."""
    latest: list[Message] = []
    token = _LATEST.set(latest)
    life = asyncio.create_task(_beat(latest))
    try:
        yield
    finally:
        life.cancel()
        _LATEST.reset(token)


async def _beat(latest: list[Message]) -> None:
    while True:
        await asyncio.sleep(BEAT_SECONDS)
        activity.heartbeat(*latest)


async def _to_its_end(running: asyncio.Task[Any]) -> Any:
    """The result of `running`, whatever the workflow thinks of it meanwhile."""
    while True:
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            why = activity.cancellation_details()
            if running.done() or why is None or why.worker_shutdown:
                running.cancel()
                return await running
