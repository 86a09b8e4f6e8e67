"""What only people decide about the recovery: a mule's whole account, and which transfers were stolen."""

from __future__ import annotations

from dataclasses import dataclass

from temporalio import activity

from activities.changes import (
    Change,
    CloseQuestion,
    MuleFrozen,
    MuleReleased,
    QueueNotice,
    RecordThefts,
    WithdrawThefts,
)
from activities.decisions import performer
from activities.gates import Gate
from activities.hold_life import known_claim, verified
from activities.holders import REJECTED, of_decision, of_the_end
from activities.origin import activity_origin
from activities.ports import DecisionStore
from activities.recovery_ports import Claims, Recoveries, Restituted
from activities.steps import Effect, Running, Steps
from activities.wallet_ports import Wallet
from models.contracts.incidents import Decision
from models.contracts.recovery import (
    ChangeTheftsInput,
    ChangeTheftsResult,
    MuleInput,
    MuleResult,
    SettleQuestionInput,
)
from models.contracts.steps import StepResult
from models.names import ADDED_BY_PEOPLE, DecisionKind, NoticeTemplate, Scope, StepKind
from models.registered import Activity

WITHDRAW = "withdraw"
KEEP = "keep"
DONE = "done"


@dataclass
class FreezeMule:
    """Restricts the whole account of a mule. Never automatic: without the decision of two people it refuses."""

    steps: Steps
    wallet: Wallet
    decisions: DecisionStore
    recoveries: Recoveries

    @activity.defn(name=Activity.FREEZE_MULE)
    async def run(self, step: MuleInput) -> MuleResult:
        """Record the restriction with the wallet's receipt. Errors: FOUR_EYES, REFUSED_BY_RULE."""

        async def agreed() -> Decision:
            decision, _ = await verified(
                self.decisions, self.recoveries, step, step.request_id, "freeze", step.account_id
            )
            return decision

        async def effect(running: Running) -> Effect[MuleResult]:
            gate = Gate(self.steps, self.wallet, self.decisions)
            decision, receipt = await gate.passed(step, running, step.request_id, agreed)
            receipt = receipt or await self.wallet.place_restriction(
                step.account_id, step.restriction, Scope.FULL, key=running.key
            )
            frozen = MuleFrozen(step.restriction, step.account_id, step.request_id, running.started_at)
            return Effect(
                MuleResult(step_key=step.step_key, restriction=step.restriction),
                receipt,
                (frozen, CloseQuestion(decision.task_id, running.started_at)),
                performer=performer(decision),
            )

        return await self.steps.run(step, StepKind.FREEZE_MULE, MuleResult, effect, origin=activity_origin())


@dataclass
class ReleaseMule:
    """Ends such a restriction, by a decision of two people."""

    steps: Steps
    wallet: Wallet
    decisions: DecisionStore
    recoveries: Recoveries

    @activity.defn(name=Activity.RELEASE_MULE)
    async def run(self, step: MuleInput) -> MuleResult:
        """Record the end with the wallet's receipt. Errors: FOUR_EYES, REFUSED_BY_RULE."""

        async def agreed() -> Decision:
            decision, _ = await verified(
                self.decisions, self.recoveries, step, step.request_id, "release", step.account_id
            )
            return decision

        async def effect(running: Running) -> Effect[MuleResult]:
            gate = Gate(self.steps, self.wallet, self.decisions)
            decision, receipt = await gate.passed(step, running, step.request_id, agreed)
            receipt = receipt or await self.wallet.release_restrictions(
                step.account_id, [step.restriction], "released by decision", key=running.key
            )
            ended = MuleReleased(step.restriction, running.started_at)
            return Effect(
                MuleResult(step_key=step.step_key, restriction=step.restriction),
                receipt,
                (ended, CloseQuestion(decision.task_id, running.started_at)),
                performer=performer(decision),
            )

        return await self.steps.run(step, StepKind.RELEASE_MULE, MuleResult, effect, origin=activity_origin())


@dataclass
class ChangeThefts:
    """Adds transfers to the thefts of an incident, or withdraws them; the rows stay. The next trace follows from it."""

    steps: Steps
    decisions: DecisionStore
    recoveries: Recoveries

    @activity.defn(name=Activity.CHANGE_THEFTS)
    async def run(self, step: ChangeTheftsInput) -> ChangeTheftsResult:
        """Record the change. Errors: FOUR_EYES (withdrawing lowers protection), REFUSED_BY_RULE."""

        async def effect(running: Running) -> Effect[ChangeTheftsResult]:
            decision, _ = await verified(
                self.decisions,
                self.recoveries,
                step,
                step.request_id,
                step.choice,
                ",".join(step.transfer_ids),
            )
            change: RecordThefts | WithdrawThefts = (
                WithdrawThefts(step.transfer_ids, step.request_id, running.started_at)
                if step.choice == WITHDRAW
                else RecordThefts(
                    tuple((each, ADDED_BY_PEOPLE) for each in step.transfer_ids),
                    running.started_at,
                    step.request_id,
                )
            )
            return Effect(
                ChangeTheftsResult(step_key=step.step_key, transfer_ids=step.transfer_ids),
                changes=(change, CloseQuestion(decision.task_id, running.started_at)),
                performer=performer(decision),
                reason=step.choice,
            )

        return await self.steps.run(
            step, StepKind.CHANGE_THEFTS, ChangeTheftsResult, effect, origin=activity_origin()
        )


@dataclass
class SettleQuestion:
    """Closes a question of the recovery: all of it is done, nothing was to be done, or it cannot be done any more."""

    steps: Steps
    decisions: DecisionStore
    claims: Claims
    recoveries: Recoveries

    @activity.defn(name=Activity.SETTLE_QUESTION)
    async def run(self, step: SettleQuestionInput) -> StepResult:
        """Record the decision. `how` is done, or the stable code for which it was given up.

        An owner is told what came back, a holder that the hold stays: in the same commit. Without a request nobody's choice is
        carried out: what was asked has no object any more.
        """

        async def effect(running: Running) -> Effect[StepResult]:
            by = None
            changes: list[Change] = [CloseQuestion(step.task_id, running.started_at)]
            if step.request_id is None:
                return Effect(StepResult(step_key=step.step_key), changes=tuple(changes), reason=step.how)
            changes += [
                _came_back(each)
                for each in await self.recoveries.restituted(step.incident_id, step.request_id)
            ]
            if step.how == DONE:
                decision = await self.decisions.verify(
                    step.request_id,
                    incident_id=step.incident_id,
                    episode=step.episode,
                    choice=step.choice,
                )
                by = performer(decision)
                if decision.kind is DecisionKind.HOLD_OBJECTION and step.choice == KEEP:
                    changes += await self._kept(step, step.request_id, running)
            return Effect(
                StepResult(step_key=step.step_key),
                changes=tuple(changes),
                performer=by,
                reason=f"{step.choice}: {step.how}",
            )

        return await self.steps.run(step, StepKind.DECISION, StepResult, effect, origin=activity_origin())

    async def _kept(
        self, step: SettleQuestionInput, request_id: str, running: Running
    ) -> tuple[QueueNotice, ...]:
        about = await self.recoveries.decision(request_id)
        if about is None:
            return ()
        claim = await known_claim(self.claims, about.action["subject"], step.incident_id)
        return (
            of_the_end(claim)
            if claim.state == "ended"
            else of_decision(claim, REJECTED, at=running.started_at)
        )


def _came_back(paid: Restituted) -> QueueNotice:
    """One notice for all that one decision brought an owner, however many holds it came from."""
    return QueueNotice(
        NoticeTemplate.RESTITUTION_DONE,
        fields={"amount": str(paid.amount), "currency": paid.currency, "reference": paid.for_incident_id},
        account_id=paid.to_account_id,
    )
