"""A stand-in for the incident's workflow: counts its wakes until one time it is told to end."""

from __future__ import annotations

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from models.contracts.incidents import IncidentOpening
    from models.names import WAKE
    from models.registered import Workflow


@workflow.defn(name=Workflow.STOLEN_ACCOUNT_INCIDENT)
class Waiting:
    def __init__(self) -> None:
        self.wakes = 0
        self.over = False

    @workflow.update(name=WAKE)
    async def wake(self) -> None:
        self.wakes += 1

    @workflow.signal
    def end(self) -> None:
        self.over = True

    @workflow.query
    def counted(self) -> int:
        return self.wakes

    @workflow.run
    async def run(self, opening: IncidentOpening) -> int:
        assert opening.incident_id
        await workflow.wait_condition(lambda: self.over)
        return self.wakes
