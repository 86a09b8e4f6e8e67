"""People move the compromise time: earlier with a reason, later only by two of them (DESIGN 6)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from temporalio import activity

from activities.changes import Change, CloseQuestion, MoveIncident, SetCompromisedSince
from activities.decisions import performer
from activities.hold_life import verified
from activities.origin import activity_origin
from activities.ports import DecisionStore, Incidents
from activities.recovery_ports import Recoveries
from activities.steps import Effect, Running, Steps
from models.contracts.incidents import IncidentFacts
from models.contracts.recovery import MoveCompromiseTimeInput, MoveCompromiseTimeResult, RecoveryDecision
from models.contracts.steps import Refusal
from models.errors import ErrorCode, StanchError
from models.lifecycle import LIFTED, Event
from models.names import DecisionKind, StepKind
from models.registered import Activity


@dataclass
class MoveCompromiseTime:
    """Carries out such a decision, if the time is still the one it was about."""

    steps: Steps
    incidents: Incidents
    decisions: DecisionStore
    recoveries: Recoveries

    @activity.defn(name=Activity.MOVE_COMPROMISE_TIME)
    async def run(self, step: MoveCompromiseTimeInput) -> MoveCompromiseTimeResult:
        """Record the new time. Moved earlier, proofs and codes that relied on anything set since are void.

        Refused when the time has moved since people were asked, or an earlier one would undo a lifting that has begun.
        Errors: NOT_FOUND; FOUR_EYES, REFUSED_BY_RULE when the rows do not allow it (any more).
        """

        async def effect(running: Running) -> Effect[MoveCompromiseTimeResult]:
            about = await self.recoveries.decision(step.request_id)
            subject = "" if about is None else about.action.get("subject", "")
            decision, about = await verified(
                self.decisions, self.recoveries, step, step.request_id, step.choice, subject
            )
            facts = await self.incidents.facts(step.incident_id)
            if facts is None or facts.compromised_since is None:
                raise StanchError(ErrorCode.NOT_FOUND, "There is no incident with this id. Nothing was done.")
            done = CloseQuestion(decision.task_id, running.started_at)
            result = MoveCompromiseTimeResult(
                step_key=step.step_key, compromised_since=facts.compromised_since, moved_earlier=False
            )
            to = datetime.fromisoformat(subject)
            earlier = to < facts.compromised_since
            refusal = _overtaken(facts, about, earlier=earlier)
            if refusal is not None:
                return Effect(result.model_copy(update={"refusal": refusal}), changes=(done,))
            changes: list[Change] = [SetCompromisedSince(to, voids=earlier, by_people=True), done]
            if earlier:
                changes.append(MoveIncident(Event.PROOF_VOIDED))
            return Effect(
                result.model_copy(update={"compromised_since": to, "moved_earlier": earlier}),
                changes=tuple(changes),
                performer=performer(decision),
                reason=about.kind.value,
            )

        return await self.steps.run(
            step, StepKind.COMPROMISE_TIME, MoveCompromiseTimeResult, effect, origin=activity_origin()
        )


def _overtaken(facts: IncidentFacts, about: RecoveryDecision, *, earlier: bool) -> Refusal | None:
    """Why what people agreed on is not what it would do now."""
    assert facts.compromised_since is not None
    asked_earlier = about.kind is DecisionKind.COMPROMISED_EARLIER
    if about.action.get("known") != facts.compromised_since.isoformat() or earlier is not asked_earlier:
        return Refusal(
            code=ErrorCode.REFUSED_BY_RULE,
            message="The compromise time has moved since people were asked. Nothing was changed; it must be decided again.",
        )
    if earlier and facts.status in LIFTED:
        return Refusal(
            code=ErrorCode.REFUSED_BY_RULE,
            message="Protection is being lifted already, and this alone does not stop that. Nothing was changed; raise an "
            "alarm with the earlier time, it freezes the account again.",
        )
    return None
