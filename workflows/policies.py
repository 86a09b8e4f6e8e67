"""How activities are called: named presets, one place, a sentence for each number."""

from __future__ import annotations

from datetime import timedelta
from typing import NotRequired, TypedDict

from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError, ChildWorkflowError

from models.errors import ErrorCode


class ActivityOptions(TypedDict):
    """Keyword arguments of execute_activity_method."""

    start_to_close_timeout: timedelta
    retry_policy: RetryPolicy
    heartbeat_timeout: NotRequired[timedelta]


INSIST = RetryPolicy(
    initial_interval=timedelta(milliseconds=200),
    backoff_coefficient=1.7,
    maximum_interval=timedelta(seconds=10),
)
"""For ever: a wallet or database that is down comes back, and what is not done is shown meanwhile."""

URGENT = RetryPolicy(
    initial_interval=timedelta(milliseconds=100),
    backoff_coefficient=1.5,
    maximum_interval=timedelta(seconds=2),
)
"""For ever, and quickly: until the freeze stands, money is leaving."""

SILENCE = timedelta(seconds=5)
"""An activity beats every second: after so long without a beat its worker is dead, and another one takes over."""

STEP: ActivityOptions = {
    "start_to_close_timeout": timedelta(seconds=15),
    "retry_policy": INSIST,
    "heartbeat_timeout": SILENCE,
}
"""One call to the wallet (2 s) and two commits; 15 s is beyond any healthy answer."""

RESET: ActivityOptions = {
    "start_to_close_timeout": timedelta(seconds=15),
    "retry_policy": RetryPolicy(
        initial_interval=timedelta(milliseconds=200),
        backoff_coefficient=1.7,
        maximum_interval=timedelta(seconds=10),
        maximum_attempts=6,
    ),
    "heartbeat_timeout": SILENCE,
}
"""Four seconds of tries beside what the wallet takes; then an agent reads what is missing, and a later round tries again."""

STOP: ActivityOptions = {
    "start_to_close_timeout": timedelta(seconds=15),
    "retry_policy": RetryPolicy(
        initial_interval=timedelta(milliseconds=100),
        backoff_coefficient=1.5,
        maximum_interval=timedelta(seconds=2),
        maximum_attempts=60,
    ),
    "heartbeat_timeout": SILENCE,
}
"""Quickly, for two minutes: the freeze keeps the money meanwhile, and the reset looks again before anything goes back."""

FREEZE: ActivityOptions = {"start_to_close_timeout": timedelta(seconds=5), "retry_policy": URGENT}
"""The wallet's call budget is 2 s; an attempt that hangs must not keep the next one waiting."""

LOOK: ActivityOptions = {
    "start_to_close_timeout": timedelta(seconds=10),
    "retry_policy": INSIST,
    "heartbeat_timeout": SILENCE,
}
"""Reading our own database."""

SEND: ActivityOptions = {
    "start_to_close_timeout": timedelta(seconds=20),
    "retry_policy": RetryPolicy(
        initial_interval=timedelta(seconds=1),
        backoff_coefficient=2.0,
        maximum_interval=timedelta(minutes=10),
        maximum_attempts=12,
    ),
    "heartbeat_timeout": SILENCE,
}
"""To another institution: for an hour and a half, then the recall goes on without this message and it is tried again later."""

FOLLOW: ActivityOptions = {
    "start_to_close_timeout": timedelta(minutes=10),
    "retry_policy": INSIST,
    # A page of ten thousand rows or a large trace may keep the worker too busy to beat.
    "heartbeat_timeout": 4 * SILENCE,
}
"""Feeding the index and tracing: the largest known trace (590,000 edges) takes seconds, a first import minutes."""


def failed_with(error: ActivityError, code: ErrorCode) -> bool:
    """Whether an activity ended with this stable code; never by looking at the text."""
    return isinstance(error.cause, ApplicationError) and error.cause.type == code.value


def code_of(error: BaseException) -> str:
    """The stable code at the root of a failure, for people to look up."""
    root: BaseException = error
    while isinstance(root, ActivityError | ChildWorkflowError) and root.cause is not None:
        root = root.cause
    return (root.type if isinstance(root, ApplicationError) else None) or ErrorCode.INTERNAL.value
