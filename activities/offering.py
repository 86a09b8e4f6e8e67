"""What could go back now, and what people are asked about it: a look, and the question as a step."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from temporalio import activity

from activities.changes import OpenDecisionTask
from activities.competing import Competition, competition
from activities.offer_ports import Offers
from activities.origin import activity_origin
from activities.recovery_ports import Recoveries
from activities.restitution import FIRST_IN_TIME, GIVE_BACK, PRO_RATA, payments_text
from activities.steps import Effect, Running, Steps
from models.contracts.offers import Objections, PaymentQuestion, StaleQuestion
from models.contracts.recovery import (
    AskRestitutionInput,
    AskRestitutionResult,
    Payment,
    PlanRestitutionResult,
    RecoveryHold,
    RecoveryInput,
    RestitutionPlan,
)
from models.digests import digest
from models.names import DecisionKind, Role, StepKind
from models.registered import Activity
from tracing.shares import earliest, pro_rata, rest


@dataclass
class _Held:
    """What is held in one currency: free to go back, claimed by others too, and objected to (hold id -> questions)."""

    free: list[Payment] = field(default_factory=list)
    contested: list[tuple[RecoveryHold, Competition]] = field(default_factory=list)
    objections: dict[str, tuple[str, ...]] = field(default_factory=dict)
    contests: dict[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass
class PlanRestitution:
    """What could go back now: a look. Holds that another incident claims, too, are planned by themselves, with shares.

    Only what can be paid is planned: to proven owners, from holds whose holder's objection does not wait to be heard. The
    same plan is made again when its question was closed and the money is still there.
    """

    recoveries: Recoveries
    offers: Offers

    @activity.defn(name=Activity.PLAN_RESTITUTION)
    async def run(self, request: RecoveryInput) -> PlanRestitutionResult:
        """One plan per currency for what nobody else claims, one per contested hold; none before the owner is proven.

        What an open question asks is not planned again. An open one that says what cannot be paid as it says is stale.
        """
        incident_id = request.incident_id
        owner = await self.recoveries.proven_owner(incident_id)
        look = await self.recoveries.look(incident_id)
        if owner is None or look is None:
            return PlanRestitutionResult(plans=())
        held: dict[str, _Held] = {}
        objections = await self.offers.objections(incident_id)
        for hold in look.holds:
            if hold.state == "placed" and hold.amount:
                there = held.setdefault(hold.currency, _Held())
                await self._sort(incident_id, owner, hold, there, objections.get(hold.hold_id))
        wanted: list[RestitutionPlan] = []
        for currency, there in sorted(held.items()):
            shown = await self._shown(incident_id, currency, there)
            for hold, rivals in there.contested:
                wanted += await self._contested(hold, rivals, shown)
            if there.free:
                wanted.append(_whole(currency, there.free, shown))
        questions = await self.offers.questions(incident_id)
        stale = [each for each in questions if each.open and not _stands(each, wanted)]
        standing = [each for each in questions if each.open and each not in stale]
        plans = [plan for plan in wanted if not any(_asks(each, plan) for each in standing)]
        return PlanRestitutionResult(
            plans=tuple([await self._counted(incident_id, plan, questions, stale) for plan in plans]),
            stale=tuple(StaleQuestion(task_id=each.task_id, kind=each.kind) for each in stale),
        )

    async def _sort(
        self, incident_id: str, owner: str, hold: RecoveryHold, there: _Held, objections: Objections | None
    ) -> None:
        rivals = await competition(self.recoveries, incident_id, hold.hold_id, hold.currency)
        if rivals is not None:
            there.contests[hold.hold_id] = rivals.incidents
        if objections is not None and objections.task_ids:
            there.objections[hold.hold_id] = objections.task_ids
        if objections is not None and objections.keep_back:
            return
        if rivals is not None:
            there.contested.append((hold, rivals))
        else:
            there.free.append(_payment(hold, incident_id, owner, hold.amount))

    async def _shown(self, incident_id: str, currency: str, there: _Held) -> dict[str, str]:
        shown = await self.offers.evidence(incident_id, currency)
        for name, known in (("objections", there.objections), ("contests", there.contests)):
            if known:
                shown[name] = json.dumps(known, sort_keys=True)
        return shown

    async def _contested(
        self, hold: RecoveryHold, rivals: Competition, shown: dict[str, str]
    ) -> list[RestitutionPlan]:
        """What each rule gives now to those who are proven; what waits for a proof is shown. Nothing to choose: no plan."""
        given = await self.offers.given(hold.hold_id)
        whole = hold.amount + sum(given.values())
        choices: dict[str, tuple[Payment, ...]] = {}
        waiting: dict[str, dict[str, int]] = {}
        for choice, rule in ((FIRST_IN_TIME, earliest), (PRO_RATA, pro_rata)):
            payments: list[Payment] = []
            for claimant, amount in sorted(rest(hold.amount, rule(whole, rivals.claimants), given).items()):
                account_id = await self.recoveries.proven_owner(claimant)
                if account_id is None:
                    waiting.setdefault(choice, {})[claimant] = amount
                else:
                    payments.append(_payment(hold, claimant, account_id, amount))
            if payments:
                choices[choice] = tuple(payments)
        if not choices:
            return []
        more = {"claimants": json.dumps(rivals.incidents)}
        if waiting:
            more["waiting"] = json.dumps(waiting, sort_keys=True)
        kind = DecisionKind.COMPETING_CLAIMS
        return [
            RestitutionPlan(
                kind=kind,
                currency=hold.currency,
                amount=hold.amount,
                choices=choices,
                name=_name(kind, _texts(choices), rivals.incidents),
                shown=shown | more,
            )
        ]

    async def _counted(
        self,
        incident_id: str,
        plan: RestitutionPlan,
        questions: Sequence[PaymentQuestion],
        stale: Sequence[PaymentQuestion],
    ) -> RestitutionPlan:
        """With how often it was asked before, and the sums in which it is the latest part."""
        to: dict[str, int] = {}
        for payments in plan.choices.values():
            for payee in {payment.to_account_id for payment in payments}:
                here = sum(payment.amount for payment in payments if payment.to_account_id == payee)
                to[payee] = max(to.get(payee, 0), here)
        before = await self.offers.so_far(
            incident_id, plan.currency, sorted(to), but=[each.task_id for each in stale]
        )
        in_all = max(
            before.incident + plan.amount, *(before.payees[payee] + amount for payee, amount in to.items())
        )
        asked = sum(
            1 for each in questions if (not each.open or each in stale) and _asked_as(each) == plan.name
        )
        return plan.model_copy(
            update={"asked": asked, "in_all": in_all, "shown": plan.shown | {"in_all": str(in_all)}}
        )


def _whole(currency: str, payments: Sequence[Payment], shown: dict[str, str]) -> RestitutionPlan:
    choices = {GIVE_BACK: tuple(payments)}
    return RestitutionPlan(
        kind=DecisionKind.RESTITUTE,
        currency=currency,
        amount=sum(payment.amount for payment in payments),
        choices=choices,
        name=_name(DecisionKind.RESTITUTE, _texts(choices), ()),
        shown=shown,
    )


def _payment(hold: RecoveryHold, incident_id: str, owner: str, amount: int) -> Payment:
    return Payment(
        hold_id=hold.hold_id,
        incident_id=incident_id,
        to_account_id=owner,
        currency=hold.currency,
        amount=amount,
    )


def _texts(choices: dict[str, tuple[Payment, ...]]) -> dict[str, str]:
    return {choice: payments_text(payments) for choice, payments in choices.items()}


def _name(kind: DecisionKind, choices: dict[str, str], claimants: Sequence[str]) -> str:
    """What makes two plans the same: the payments, and between whom they choose. What they rest on may have grown since."""
    return digest([kind.value, choices, sorted(claimants)])[:16]


def _asked_as(question: PaymentQuestion) -> str:
    return _name(question.kind, question.choices, question.claimants)


def _stands(question: PaymentQuestion, wanted: Sequence[RestitutionPlan]) -> bool:
    """Whether every payment it names can be made as it says; a choice between claims stands only as it was put."""
    if question.kind is DecisionKind.COMPETING_CLAIMS:
        return any(plan.name == _asked_as(question) for plan in wanted)
    free = {
        payment.hold_id: payment
        for plan in wanted
        if plan.kind is DecisionKind.RESTITUTE
        for payment in plan.choices[GIVE_BACK]
    }
    for each in json.loads(question.choices.get(GIVE_BACK, "[]")):
        payment = Payment.model_validate(each)
        now = free.get(payment.hold_id)
        if now is None or now.amount < payment.amount or now.to_account_id != payment.to_account_id:
            return False
    return True


def _asks(question: PaymentQuestion, plan: RestitutionPlan) -> bool:
    """Whether this open question stands for the plan: one at a time for what nobody else claims, one for each contest."""
    if plan.kind is DecisionKind.RESTITUTE:
        return (question.kind, question.currency) == (plan.kind, plan.currency)
    return _asked_as(question) == plan.name


@dataclass
class AskRestitution:
    """Opens the question. Its action names every payment of every choice: account, amount, destination, hold."""

    steps: Steps

    @activity.defn(name=Activity.ASK_RESTITUTION)
    async def run(self, step: AskRestitutionInput) -> AskRestitutionResult:
        """Record the question; always of two people, of two supervisors from the policy's amount on.

        What the payments rest on (trace, its range over the rules, objections, contests) is bound by the same digest.
        """

        async def effect(running: Running) -> Effect[AskRestitutionResult]:
            task_id = digest(["task", step.incident_id, step.episode, step.step_key])[:26].upper()
            plan = step.plan
            task = OpenDecisionTask(
                task_id=task_id,
                task_key=step.step_key,
                kind=plan.kind,
                action={
                    "subject": step.step_key,
                    "currency": plan.currency,
                    "amount": str(plan.amount),
                    **plan.shown,
                    **_texts(plan.choices),
                },
                choices=tuple(plan.choices),
                four_eyes=True,
                approver_role=Role.SUPERVISOR,
                at=running.started_at,
                expires_at=step.expires_at,
                requester_role=step.requester_role,
            )
            return Effect(AskRestitutionResult(step_key=step.step_key, task_id=task_id), changes=(task,))

        return await self.steps.run(
            step, StepKind.ASK_DECISION, AskRestitutionResult, effect, origin=activity_origin()
        )
