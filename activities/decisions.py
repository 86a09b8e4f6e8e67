"""Questions to people: put one, and read what stands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from temporalio import activity

from activities.changes import (
    Change,
    CloseDecisionTasks,
    EndClaimOfImpostor,
    OpenDecisionTask,
    QueueNotice,
    RecordEvidence,
    RenewFreeze,
    whole_action,
)
from activities.identity_changes import WithdrawClaim
from activities.origin import activity_origin
from activities.ports import DecisionStore, Incidents
from activities.steps import Effect, Running, Steps
from models.contracts.alarms import Sender
from models.contracts.identity import FactorKind, Presented
from models.contracts.incidents import (
    AskDecisionInput,
    AskDecisionResult,
    CarryOutInput,
    Decision,
    Decisions,
    ReadDecisionInput,
)
from models.contracts.steps import Refusal, StepResult
from models.digests import digest
from models.errors import ErrorCode, StanchError
from models.names import DecisionKind, NoticeTemplate, Role, StepKind
from models.registered import Activity

ABOUT_A_CLAIM = frozenset({DecisionKind.ACCEPT_IDENTITY, DecisionKind.IMPOSTOR, DecisionKind.WITHDRAW_CLAIM})
"""Decisions about one claimant; each takes two people."""


@dataclass
class AskDecision:
    """Opens a decision task. The action's digest binds what people will say yes to."""

    steps: Steps
    decisions: DecisionStore

    @activity.defn(name=Activity.ASK_DECISION)
    async def run(self, step: AskDecisionInput) -> AskDecisionResult:
        """Record the task; agents see it at once. With `keep`, the same question that is open already is not put again."""

        async def effect(running: Running) -> Effect[AskDecisionResult]:
            if step.keep and (kept := await self._open(step)) is not None:
                return Effect(AskDecisionResult(step_key=step.step_key, task_id=kept))
            task_id = digest(["task", step.incident_id, step.episode, step.step_key])[:26].upper()
            task = OpenDecisionTask(
                task_id=task_id,
                task_key=step.step_key,
                kind=step.kind,
                action=step.action,
                choices=step.choices,
                four_eyes=step.four_eyes,
                approver_role=Role.SUPERVISOR,
                at=running.started_at,
                expires_at=step.expires_at,
            )
            # An older question of this kind was about facts that no longer hold: yes to it must not count now.
            former = CloseDecisionTasks((step.kind,), running.started_at, part=step.action.get("part"))
            changes: list[Change] = [former, task]
            if step.kind is DecisionKind.UNPROVEN_OWNER:
                changes.append(QueueNotice(NoticeTemplate.IDENTITY_DENIED))
            return Effect(AskDecisionResult(step_key=step.step_key, task_id=task_id), changes=tuple(changes))

        return await self.steps.run(
            step, StepKind.ASK_DECISION, AskDecisionResult, effect, origin=activity_origin()
        )

    async def _open(self, step: AskDecisionInput) -> str | None:
        action = whole_action(step.kind, step.incident_id, step.action)
        return await self.decisions.open_question(step.incident_id, step.episode, action, step.choices)


@dataclass
class CarryOutDecision:
    """Carries out a choice whose whole effect is in the database.

    Renewing a provisional freeze; accepting a claimant's evidence, naming them an impostor, or withdrawing their claim, by
    two people.
    """

    steps: Steps
    decisions: DecisionStore
    incidents: Incidents

    @activity.defn(name=Activity.CARRY_OUT_DECISION)
    async def run(self, step: CarryOutInput) -> StepResult:
        """Record the decision as `approval/{request}`, reading its rows again right before; the withdrawal of a claim that
        has proven the owner meanwhile as refused.

        Errors: FOUR_EYES, REFUSED_BY_RULE when the rows do not allow it (any more).
        """

        async def effect(running: Running) -> Effect[StepResult]:
            decision = await self.decisions.verify(
                step.request_id, incident_id=step.incident_id, episode=step.episode, choice=step.choice
            )
            changes: list[Change] = [CloseDecisionTasks((decision.kind,), running.started_at)]
            if decision.kind is DecisionKind.RENEW_FREEZE:
                changes.append(RenewFreeze())
            if decision.kind is DecisionKind.WITHDRAW_CLAIM and await self._has_proven(step, decision):
                refused = Refusal(
                    code=ErrorCode.REFUSED_BY_RULE,
                    message="This claim has proven the owner meanwhile. It was not withdrawn; if it was somebody else's, name "
                    "them an impostor.",
                )
                return Effect(
                    StepResult(step_key=step.step_key, refusal=refused),
                    changes=tuple(changes),
                    performer=performer(decision),
                )
            if decision.kind in ABOUT_A_CLAIM:
                changes += _about_claim(decision, running.started_at)
            return Effect(
                StepResult(step_key=step.step_key),
                changes=tuple(changes),
                performer=performer(decision),
                reason=step.choice,
            )

        return await self.steps.run(step, StepKind.DECISION, StepResult, effect, origin=activity_origin())

    async def _has_proven(self, step: CarryOutInput, decision: Decision) -> bool:
        proof = await self.incidents.standing_proof(step.incident_id, step.episode)
        return proof is not None and proof.claim_id == decision.claim_id


def _about_claim(decision: Decision, at: datetime) -> list[Change]:
    if decision.claim_id is None or decision.approved_by is None:
        raise StanchError(
            ErrorCode.FOUR_EYES,
            "Two people decide about a claimant, and about one they have named. Nothing was done; ask again.",
        )
    if decision.kind is DecisionKind.ACCEPT_IDENTITY:
        review = Presented(kind=FactorKind.REVIEW, reference=decision.request_id, set_at=None)
        return [RecordEvidence(decision.claim_id, review, at)]
    if decision.kind is DecisionKind.WITHDRAW_CLAIM:
        return [
            WithdrawClaim(decision.claim_id, at, alone=False),
            CloseDecisionTasks((DecisionKind.IDENTITY_CONTESTED,), at),
        ]
    # The real owner hears of it on what stood before the theft; no contact that this claimant has answered is told.
    return [
        EndClaimOfImpostor(decision.claim_id, at),
        CloseDecisionTasks((DecisionKind.IDENTITY_CONTESTED,), at),
        QueueNotice(NoticeTemplate.IMPOSTOR_ATTEMPT),
    ]


def performer(decision: Decision) -> Sender:
    """Who stands behind a choice: the approver where four eyes were needed, else the one who chose."""
    approver = decision.approved_by
    return Sender(
        operator_id=approver or decision.requested_by,
        name=approver or decision.requested_by,
        role=Role.SUPERVISOR if approver is not None else Role.AGENT,
    )


@dataclass
class ReadDecision:
    """Reads the choices that stand: a look, not a step. The acting step reads the rows again before its effect."""

    decisions: DecisionStore

    @activity.defn(name=Activity.READ_DECISION)
    async def run(self, request: ReadDecisionInput) -> Decisions:
        """Choices of this episode that may be carried out, oldest first."""
        return await self.decisions.standing(request.incident_id, request.episode)
