"""Restitution: held money back to the proven owner, by a decision of two people, one transfer for each hold."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass

from temporalio import activity

from activities.changes import HoldPaid, OpenDecisionTask
from activities.decisions import performer
from activities.hold_life import known_claim
from activities.money_ports import TransferIndex
from activities.origin import activity_origin
from activities.ports import DecisionStore
from activities.recovery_ports import Claims, Recoveries, TracedMoney
from activities.steps import Effect, Running, Steps
from activities.wallet_ports import Wallet
from models.contracts.money import ClaimedHold
from models.contracts.recovery import (
    AskRestitutionInput,
    AskRestitutionResult,
    Payment,
    PlanRestitutionResult,
    RecoveryHold,
    RecoveryInput,
    RestituteInput,
    RestituteResult,
    RestitutionPlan,
)
from models.contracts.steps import Refusal
from models.digests import digest
from models.errors import ErrorCode, StanchError, WalletRefusal
from models.names import DecisionKind, Role, StepKind
from models.registered import Activity
from tracing.shares import Claimant, earliest, pro_rata

GIVE_BACK, FIRST_IN_TIME, PRO_RATA = "give_back", "fifo", "pro_rata"
"""Choices: all of it to the owner; where claims compete, by whose theft came first, or in proportion of the losses."""

REASON = "restitution of traced stolen money"


@dataclass
class PlanRestitution:
    """What could go back now: a look. Holds that another incident claims, too, are planned by themselves, with shares."""

    recoveries: Recoveries

    @activity.defn(name=Activity.PLAN_RESTITUTION)
    async def run(self, request: RecoveryInput) -> PlanRestitutionResult:
        """One plan per currency for what nobody else claims, one per contested hold; none before the owner is proven."""
        incident_id = request.incident_id
        owner = await self.recoveries.proven_owner(incident_id)
        look = await self.recoveries.look(incident_id)
        if owner is None or look is None:
            return PlanRestitutionResult(plans=())
        whole: dict[str, list[Payment]] = defaultdict(list)
        plans: list[RestitutionPlan] = []
        for hold in look.holds:
            if hold.state != "placed" or not hold.amount:
                continue
            contested = await self._contested(incident_id, hold)
            if contested is not None:
                plans.append(contested)
            else:
                whole[hold.currency].append(_payment(hold, incident_id, owner, hold.amount))
        plans += [
            RestitutionPlan(
                kind=DecisionKind.RESTITUTE,
                currency=currency,
                amount=sum(payment.amount for payment in payments),
                choices={GIVE_BACK: tuple(payments)},
            )
            for currency, payments in sorted(whole.items())
        ]
        return PlanRestitutionResult(plans=tuple(plans))

    async def _contested(self, incident_id: str, hold: RecoveryHold) -> RestitutionPlan | None:
        others = await self.recoveries.contests(hold.hold_id)
        claimants: list[Claimant] = []
        owners: dict[str, str] = {}
        for each in (incident_id, *others):
            money = await self._money(each, hold.currency)
            if money is not None and money.flow.stolen:
                claimants.append(Claimant(each, money.theft_seq, money.flow.stolen))
                owners[each] = money.victim
        if len(claimants) < 2:
            return None
        shares = {
            FIRST_IN_TIME: earliest(hold.amount, claimants),
            PRO_RATA: pro_rata(hold.amount, claimants),
        }
        return RestitutionPlan(
            kind=DecisionKind.COMPETING_CLAIMS,
            currency=hold.currency,
            amount=hold.amount,
            choices={
                rule: tuple(
                    _payment(hold, claimant, owners[claimant], amount)
                    for claimant, amount in sorted(given.items())
                )
                for rule, given in shares.items()
            },
        )

    async def _money(self, incident_id: str, currency: str) -> TracedMoney | None:
        traced = await self.recoveries.traced(incident_id)
        return next((each for each in traced if each.currency == currency), None)


def _payment(hold: RecoveryHold, incident_id: str, owner: str, amount: int) -> Payment:
    return Payment(
        hold_id=hold.hold_id,
        incident_id=incident_id,
        to_account_id=owner,
        currency=hold.currency,
        amount=amount,
    )


@dataclass
class AskRestitution:
    """Opens the question. Its action names every payment of every choice: account, amount, destination, hold."""

    steps: Steps

    @activity.defn(name=Activity.ASK_RESTITUTION)
    async def run(self, step: AskRestitutionInput) -> AskRestitutionResult:
        """Record the question; always of two people, of two supervisors from the policy's amount on."""

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
                    **{choice: payments_text(payments) for choice, payments in plan.choices.items()},
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


def payments_text(payments: tuple[Payment, ...]) -> str:
    """Payments as they stand in a question's action: what a yes binds."""
    return json.dumps([payment.model_dump(mode="json") for payment in payments], sort_keys=True)


def payments_of(action: dict[str, str], choice: str) -> tuple[Payment, ...]:
    """The payments of a choice. Errors: REFUSED_BY_RULE when the action names none for it."""
    try:
        return tuple(Payment.model_validate(each) for each in json.loads(action[choice]))
    except (KeyError, ValueError) as error:
        raise StanchError(
            ErrorCode.REFUSED_BY_RULE,
            "The question names no payments for this choice. Nothing was paid; it must be decided again.",
        ) from error


@dataclass
class Restitute:
    """Pays one payment of what was decided: exactly the units of its hold, once, only to a proven owner."""

    steps: Steps
    wallet: Wallet
    claims: Claims
    index: TransferIndex
    decisions: DecisionStore
    recoveries: Recoveries

    @activity.defn(name=Activity.RESTITUTE)
    async def run(self, step: RestituteInput) -> RestituteResult:
        """Record the payment with the wallet's receipt. Refused when the hold ran out at the wallet before.

        Errors: FOUR_EYES, REFUSED_BY_RULE when the rows do not allow exactly this payment (any more), or the receiver is not
        the proven owner of that claim.
        """

        async def effect(running: Running) -> Effect[RestituteResult]:
            payment = step.payment
            decision = await self.decisions.verify(
                step.request_id, incident_id=step.incident_id, episode=step.episode, choice=step.choice
            )
            about = await self.recoveries.decision(step.request_id)
            agreed = () if about is None else payments_of(about.action, step.choice)
            if step.number >= len(agreed) or agreed[step.number] != payment:
                raise _not_agreed()
            claim = await known_claim(self.claims, payment.hold_id, step.incident_id)
            if await self.recoveries.proven_owner(payment.incident_id) != payment.to_account_id:
                raise StanchError(
                    ErrorCode.REFUSED_BY_RULE,
                    "The receiver is not the proven owner of this claim. Nothing was paid; the money stays held.",
                )
            result = RestituteResult(
                step_key=step.step_key,
                hold_id=payment.hold_id,
                amount=0,
                transfer_id=None,
                transfer_seq=None,
            )
            refusal = _over(claim, payment)
            if refusal is not None:
                return Effect(result.model_copy(update={"refusal": refusal}))
            try:
                receipt = await self.wallet.return_hold(
                    payment.hold_id, payment.to_account_id, payment.amount, REASON, key=running.key
                )
            except WalletRefusal as error:
                refusal = Refusal(code=error.code, message=error.message)
                return Effect(result.model_copy(update={"refusal": refusal}))
            transfer_id, seq = str(receipt.result["transfer_id"]), int(receipt.result["seq"])
            if int(receipt.result["remaining"]) == 0:
                # The units are spent by that posting; after it the hold keeps nothing back.
                await self.index.release_hold(payment.hold_id, seq)
            paid = HoldPaid(
                request_id=step.request_id,
                number=step.number,
                hold_id=payment.hold_id,
                for_incident_id=payment.incident_id,
                to_account_id=payment.to_account_id,
                currency=payment.currency,
                amount=payment.amount,
                transfer_id=transfer_id,
                transfer_seq=seq,
                at=running.started_at,
            )
            return Effect(
                result.model_copy(
                    update={"amount": payment.amount, "transfer_id": transfer_id, "transfer_seq": seq}
                ),
                receipt,
                (paid,),
                performer=performer(decision),
                reason=REASON,
            )

        return await self.steps.run(
            step, StepKind.RESTITUTE, RestituteResult, effect, origin=activity_origin()
        )


def _over(claim: ClaimedHold, payment: Payment) -> Refusal | None:
    """Whether the hold still has what was agreed on; the units, not merely the amount, are what goes back."""
    left = claim.hi - claim.lo - claim.returned if claim.state == "placed" else 0
    if payment.amount <= left and payment.currency == claim.currency:
        return None
    return Refusal(
        code=ErrorCode.REFUSED_BY_RULE,
        message=f"The hold keeps {left} now, less than was agreed on. Nothing was paid; it must be decided again.",
    )


def _not_agreed() -> StanchError:
    return StanchError(
        ErrorCode.REFUSED_BY_RULE,
        "This payment is not what people said yes to. Nothing was paid; it must be decided again.",
    )
