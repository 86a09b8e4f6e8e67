"""One clock for a whole house, which a test puts forward by days.

The dev server skips time workflow by workflow. Everything else has its own idea of what time it is: the engine's clock, the
two databases, and through its database the sandbox wallet. Here all of them follow the workflow that is furthest ahead, and
a workflow that is behind catches up before it does anything.

The server skips no time for a workflow that waits for a child. Such a one is let through: what it does is done at the house's
time, and it catches up with its own when the child has ended.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
from temporalio import activity
from temporalio.client import Client, WorkflowHandle
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import TimeSkipper, TimeSkippingConfig
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from cli.embedded.postgres import EmbeddedPostgres

CLOCKS = ("now", "transaction_timestamp", "statement_timestamp", "clock_timestamp")
SAME = timedelta(milliseconds=2)
BEHIND = timedelta(seconds=1)
"""What two readings of one clock may differ by on a busy machine, before a workflow is told to catch up."""


def let_time_be_moved(server: EmbeddedPostgres, database: str) -> None:
    """Functions of the same names before PostgreSQL's own on this database's path, for whoever connects from now on."""
    functions = "".join(
        f"CREATE FUNCTION moved.{name}() RETURNS timestamptz LANGUAGE sql VOLATILE AS "
        f"'SELECT pg_catalog.{name}() + ahead FROM moved.clock';\n"
        for name in CLOCKS
    )
    server.execute(
        f"""
        CREATE SCHEMA moved;
        CREATE TABLE moved.clock (ahead interval NOT NULL);
        INSERT INTO moved.clock VALUES ('0');
        {functions}
        GRANT USAGE ON SCHEMA moved TO PUBLIC;
        GRANT SELECT, UPDATE ON moved.clock TO PUBLIC;
        ALTER DATABASE "{database}" SET search_path = moved, pg_catalog, "$user", public;
        """,
        database=database,
    )


class OneClock(Interceptor):
    """Port `Clock`, and what keeps the workflows of one worker and the databases by it. It never goes back."""

    def __init__(self, databases: Sequence[asyncpg.Connection]) -> None:
        self._databases = databases
        self._ahead = timedelta(0)
        self._moving = asyncio.Lock()
        self._skipper: TimeSkipper | None = None
        self._driven: set[str] = set()
        self._catching_up: dict[str, asyncio.Task[Any]] = {}

    def now(self) -> datetime:
        """What time it is in this house."""
        return datetime.now(UTC) + self._ahead

    def connect(self, client: Client) -> None:
        """Skip time through this client. Workflows skip none by themselves: a test says how far."""
        self._skipper = TimeSkipper(client, config=TimeSkippingConfig(enabled=False))

    @property
    def skipper(self) -> TimeSkipper:
        assert self._skipper is not None
        return self._skipper

    async def pass_time(self, workflow: WorkflowHandle[Any, Any], span: timedelta) -> bool:
        """Let so much time pass for this workflow, which is at the house's time; False when it ended before."""
        # Telling it to catch up by a moment meanwhile would put an end to this.
        self._driven.add(workflow.id)
        if (under_way := self._catching_up.get(workflow.id)) is not None:
            await asyncio.gather(under_way, return_exceptions=True)
        try:
            reached = await self.skipper.fast_forward(workflow, span)
            if reached:
                await self.lead(await self.skipper.get_current_time(workflow) - datetime.now(UTC))
            return reached
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            return False
        finally:
            self._driven.discard(workflow.id)

    async def jump(self, span: timedelta) -> None:
        """Let so much time pass for everybody at once, as if nobody had been at work: workflows catch up when they next act."""
        await self.lead(self._ahead + span)

    async def lead(self, ahead: timedelta) -> None:
        """Put everything forward to this lead before the real time, unless it is there already."""
        async with self._moving:
            if ahead > self._ahead + SAME:
                for database in self._databases:
                    await database.execute("UPDATE moved.clock SET ahead = $1", ahead)
                self._ahead = ahead

    async def meet(self, info: activity.Info) -> None:
        """Have the house follow the workflow that asks for an activity; or raise, and have the workflow follow the house."""
        ahead = info.started_time - datetime.now(UTC)
        behind = self._ahead - ahead
        if behind <= BEHIND or info.workflow_id in self._driven:
            await self.lead(ahead)
            return
        workflow = self.skipper.client.get_workflow_handle(
            info.workflow_id or "", run_id=info.workflow_run_id
        )
        if (await workflow.describe()).raw_description.pending_children or info.workflow_id in self._driven:
            return
        # Told a second time, it would go on from wherever the first had brought it, and be ahead of everybody.
        if workflow.id not in self._catching_up:
            catching_up = asyncio.create_task(self._catch_up(workflow, behind))
            self._catching_up[workflow.id] = catching_up
            catching_up.add_done_callback(lambda _: self._catching_up.pop(workflow.id, None))
        raise ApplicationError(
            "this workflow is behind", category=ApplicationErrorCategory.BENIGN, next_retry_delay=behind
        )

    async def _catch_up(self, workflow: WorkflowHandle[Any, Any], span: timedelta) -> None:
        # A test that lets time pass for it meanwhile counts, and this ends.
        with suppress(RuntimeError, RPCError):
            await self.skipper.fast_forward(workflow, span)

    async def settle(self) -> None:
        """Nobody is told to catch up any more."""
        under_way = list(self._catching_up.values())
        for each in under_way:
            each.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002 - the SDK's name
        return _Punctual(next, self)


class _Punctual(ActivityInboundInterceptor):
    def __init__(self, inner: ActivityInboundInterceptor, clock: OneClock) -> None:
        super().__init__(inner)
        self._clock = clock

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002 - the SDK's name
        await self._clock.meet(activity.info())
        return await super().execute_activity(input)


@asynccontextmanager
async def one_clock(*urls: str) -> AsyncIterator[OneClock]:
    """A clock for the databases at these addresses."""
    databases = [await asyncpg.connect(url.replace("+asyncpg", "")) for url in urls]
    clock = OneClock(databases)
    try:
        yield clock
    finally:
        await clock.settle()
        for database in databases:
            await database.close()
