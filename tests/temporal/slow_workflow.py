"""A workflow with one activity that takes its time."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy


@workflow.defn(name="Slow")
class Slow:
    @workflow.run
    async def run(self) -> str:
        result: str = await workflow.execute_activity(
            "slow",
            start_to_close_timeout=timedelta(seconds=30),
            retry_policy=RetryPolicy(initial_interval=timedelta(milliseconds=10)),
        )
        return result
