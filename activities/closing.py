"""Close the incident: outcome and summary, in the commit that refuses while an alarm waits."""

from __future__ import annotations

from dataclasses import dataclass

from temporalio import activity

from activities.changes import CloseDecisionTasks, CloseIncident, QueueNotice
from activities.origin import activity_origin
from activities.ports import Incidents
from activities.steps import Effect, Running, Steps
from models.contracts.incidents import CloseInput, CloseResult
from models.names import Activity, DecisionKind, NoticeTemplate, StepKind


@dataclass
class CloseTheIncident:
    """Writes the ending. Errors: ALARM_WAITING, when an alarm came in meanwhile; nothing is changed then."""

    steps: Steps
    incidents: Incidents

    @activity.defn(name=Activity.CLOSE_INCIDENT)
    async def run(self, step: CloseInput) -> CloseResult:
        """Record outcome and summary with the step."""

        async def effect(running: Running) -> Effect[CloseResult]:
            money = await self.incidents.money(step.incident_id)
            summary = {
                "outcome": step.outcome.value,
                "refreezes": step.refreezes,
                "factors": list(step.factors),
                "stages": list(step.stages),
                "money": {currency: flow.model_dump(mode="json") for currency, flow in money.items()},
            }
            return Effect(
                CloseResult(step_key=step.step_key, outcome=step.outcome, money=money),
                changes=(
                    CloseDecisionTasks(tuple(DecisionKind), running.started_at),
                    CloseIncident(step.outcome, running.started_at, summary),
                    QueueNotice(NoticeTemplate.INCIDENT_CLOSED, fields={"outcome": step.outcome.value}),
                ),
            )

        return await self.steps.run(step, StepKind.CLOSE, CloseResult, effect, origin=activity_origin())
