"""The boundary of every activity: a StanchError becomes an ApplicationError whose type is its stable code."""

from __future__ import annotations

from typing import Any

from temporalio.exceptions import ApplicationError, ApplicationErrorCategory
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from models.errors import ErrorCode, StanchError

WORTH_RETRYING = frozenset(
    {
        ErrorCode.WALLET_UNREACHABLE,
        ErrorCode.DATABASE_UNREACHABLE,
        ErrorCode.TEMPORAL_UNREACHABLE,
        ErrorCode.FEED_GAP,
        ErrorCode.FEED_CONFLICT,
        ErrorCode.INTERNAL,
    }
)
"""Codes after which the same call may succeed. Every other code is an answer, and the workflow decides."""


class StanchErrors(Interceptor):
    """Installs the boundary on a worker."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002 - the SDK's name
        """Wrap the activity's call."""
        return _Boundary(next)


class _Boundary(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002 - the SDK's name
        try:
            return await super().execute_activity(input)
        except StanchError as error:
            retry = error.code in WORTH_RETRYING
            raise ApplicationError(
                error.message,
                type=error.code.value,
                non_retryable=not retry,
                category=ApplicationErrorCategory.BENIGN
                if not retry
                else ApplicationErrorCategory.UNSPECIFIED,
            ) from error
