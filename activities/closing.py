"""Close the incident: outcome and summary, in the commit that refuses while an alarm waits."""

from __future__ import annotations

from base64 import b32encode
from dataclasses import dataclass
from datetime import timedelta
from secrets import token_bytes
from textwrap import wrap

from temporalio import activity

from activities.changes import CloseDecisionTasks, CloseIncident, QueueNotice
from activities.ending_changes import AskRating, EndRecoveryQuestions
from activities.figures import FiguresForOwner
from activities.origin import activity_origin
from activities.ports import Incidents
from activities.steps import Effect, Running, Steps
from models.contracts.incidents import CloseInput, CloseResult
from models.digests import rating_code_digest
from models.names import DecisionKind, NoticeTemplate, StepKind
from models.registered import Activity

SETTLED = tuple(kind for kind in DecisionKind if not kind.of_recovery)
"""Questions that have no object any more. What is asked about the money outlives the incident, unless nothing was stolen."""

RATING_BYTES = 10
"""80 random bits, sixteen letters and digits: nobody guesses it, and a person can type it."""

RATED_WITHIN = timedelta(days=30)
"""After a month nobody remembers well."""


@dataclass
class CloseTheIncident:
    """Writes the ending. Errors: ALARM_WAITING, when an alarm came in meanwhile; nothing is changed then."""

    steps: Steps
    incidents: Incidents
    figures: FiguresForOwner

    @activity.defn(name=Activity.CLOSE_INCIDENT)
    async def run(self, step: CloseInput) -> CloseResult:
        """Record outcome and summary with the step; the notice tells the proven owner how their money stands."""

        async def effect(running: Running) -> Effect[CloseResult]:
            money = await self.incidents.money(step.incident_id)
            # Made anew by every attempt and nowhere but in the notice, sealed: the attempt that is committed counts.
            code = b32encode(token_bytes(RATING_BYTES)).decode()
            told = await self.figures.fields(step.incident_id, step.episode, step.outcome, running.started_at)
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
                    CloseDecisionTasks(SETTLED, running.started_at),
                    CloseIncident(step.outcome, running.started_at, summary),
                    EndRecoveryQuestions(running.started_at),
                    QueueNotice(
                        NoticeTemplate.INCIDENT_CLOSED,
                        fields={"outcome": step.outcome.value, "rating": "-".join(wrap(code, 4)), **told},
                    ),
                    AskRating(
                        rating_code_digest(code), running.started_at, running.started_at + RATED_WITHIN
                    ),
                ),
            )

        return await self.steps.run(step, StepKind.CLOSE, CloseResult, effect, origin=activity_origin())
