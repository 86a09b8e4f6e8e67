"""What tests of the clocks ask of a house."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHandle
from temporalio.service import RPCError

from models.contracts.steps import RecordedStep
from models.ids import child_workflow_id, recovery_workflow_id
from models.names import WAKE
from tests.clocks.one_clock import BEHIND, OneClock
from tests.incidents.house import House
from tests.replay.living import PATIENCE_SECONDS
from tests.running_sandbox import Theft

MOMENTS = timedelta(seconds=15)
"""How much later than its instant a thing may be done on a busy machine. It is never done earlier."""
A_LITTLE = timedelta(seconds=3)
"""By so much more is skipped than a clock runs, or it would be over at the very end of what is skipped."""
NOT_AT_ALL = timedelta(0)
READING = timedelta(milliseconds=50)
"""What two readings of the same instant may differ by: a workflow's, and that of the database it writes to."""


@dataclass
class PatientHouse:
    """A house and its clock."""

    house: House
    clock: OneClock

    def empty_theft(self) -> Theft:
        """A thief who changed the account and sent nothing yet: all that is left to do is about the owner."""
        sandbox = self.house.sandbox
        return sandbox.steal(sandbox.rich_account(), (), mules=1)

    def part(self, incident_id: str, name: str, *, episode: int = 1) -> WorkflowHandle[Any, Any]:
        """A child of the incident's workflow."""
        return self.house.client.get_workflow_handle(child_workflow_id(incident_id, episode, name))

    def recovery(self, incident_id: str) -> WorkflowHandle[Any, Any]:
        """The workflow that pursues the money."""
        return self.house.client.get_workflow_handle(recovery_workflow_id(incident_id))

    async def step(self, incident_id: str, step_key: str) -> RecordedStep:
        """Wait for this step."""
        await self.house.until_rows(
            "SELECT 1 FROM step WHERE incident_id = :id AND step_key = :key AND status = 'done'",
            id=incident_id,
            key=step_key,
        )
        return next(each for each in await self.house.steps(incident_id) if each.step_key == step_key)

    async def ended_within(self, workflow: WorkflowHandle[Any, Any], span: timedelta) -> None:
        """Let so much time pass for this workflow, and wait until it has ended by that: what it does last takes its time."""
        await self.clock.pass_time(workflow, span + A_LITTLE)
        async with asyncio.timeout(PATIENCE_SECONDS):
            await workflow.result()

    async def look(self, workflow: WorkflowHandle[Any, Any]) -> None:
        """Have this workflow look at the database, and wait until it has come to the house's time by it."""
        await workflow.signal(WAKE)

        async def there() -> bool:
            return self.clock.now() - await self.clock.skipper.get_current_time(workflow) < 2 * BEHIND

        await self.house.until(there, f"{workflow.id} has caught up")

    async def no_money(self, incident_id: str) -> None:
        """Wait until the money was traced once, and let nobody pursue it: while it runs the incident's time stands still."""
        client = self.house.client
        await client.get_workflow_handle(child_workflow_id(incident_id, 1, "money/1")).result()

        async def begun() -> bool:
            with suppress(RPCError):
                await self.recovery(incident_id).terminate("no part of this test")
                return True
            return False

        if not (await self.house.facts(incident_id)).provisional:
            await self.house.until(begun, "the recovery")


async def timers(workflow: WorkflowHandle[Any, Any]) -> list[timedelta]:
    """For how long the workflow has set each of its timers, in order."""
    history = await workflow.fetch_history()
    return [
        event.timer_started_event_attributes.start_to_fire_timeout.ToTimedelta()
        for event in history.events
        if event.event_type == EventType.EVENT_TYPE_TIMER_STARTED
    ]


async def ended_at(workflow: WorkflowHandle[Any, Any]) -> datetime:
    """When the workflow ended, by its own time."""
    history = await workflow.fetch_history()
    return history.events[-1].event_time.ToDatetime(tzinfo=UTC)


def on_time(happened: datetime, due: datetime, *, late: timedelta = NOT_AT_ALL) -> bool:
    """Whether it happened then, and not before. `late`: by how much the rules themselves let it be late."""
    return due - READING <= happened <= due + late + MOMENTS
