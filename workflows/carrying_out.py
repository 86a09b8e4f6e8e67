"""What people decided about the recovery, and what they are asked: carried out one after the other."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from activities.hold_life import EndHold, RenewHold
    from activities.offering import AskRestitution, PlanRestitution
    from activities.people_said import DONE, ChangeThefts, FreezeMule, ReleaseMule, SettleQuestion
    from activities.restitution import Restitute, payments_of
    from activities.returned import NOT_OURS, AskAboutReturn, LinkReturn
    from models.contracts.offers import StaleQuestion
    from models.contracts.policy import RecoveryPolicy
    from models.contracts.recovery import (
        AskAboutReturnInput,
        AskRestitutionInput,
        ChangeTheftsInput,
        EndHoldInput,
        LinkReturnInput,
        MuleInput,
        Payment,
        PossibleReturn,
        RecoverFundsInput,
        RecoveryDecision,
        RecoveryInput,
        RecoveryLook,
        RenewHoldInput,
        RestituteInput,
        RestituteResult,
        RestitutionPlan,
        SettleQuestionInput,
    )
    from models.contracts.steps import StepResult
    from models.digests import digest
    from models.errors import StanchError
    from models.ids import restriction_id
    from models.names import DecisionKind, HoldEnding, Role
    from workflows.policies import LOOK, STEP, code_of

KEEP, RELEASE = "keep", "release"
THEFTS = frozenset({DecisionKind.ADD_THEFT, DecisionKind.WITHDRAW_THEFT, DecisionKind.CONFIRM_THEFT})
PAYING = frozenset({DecisionKind.RESTITUTE, DecisionKind.COMPETING_CLAIMS})
NOTHING_TO_DO = frozenset({(DecisionKind.HOLD_OBJECTION, KEEP), (DecisionKind.RETURNED_PAYMENT, NOT_OURS)})
"""Choices whose whole effect is that the question is closed."""

ENDINGS = {
    DecisionKind.HOLD_OBJECTION: HoldEnding.OBJECTION,
    DecisionKind.RELEASE_HOLD: HoldEnding.DECIDED,
}


EVERY_PAYMENT_TO_ITS_END = "every-payment-to-its-end"
"""Patch: a payment that fails does not end the others. One whose answer got lost would be refused once the question is closed,
and the wallet would have paid what nobody recorded.
"""

STALE = "stale"
"""How a question ends that says what cannot be paid any more."""


class CarryingOut:
    """Each decision is one step `approval/{request}`, in the episode in which it was asked for."""

    def __init__(self, request: RecoverFundsInput, rules: RecoveryPolicy) -> None:
        self._request = request
        self._rules = rules

    async def carry_out(self, decisions: Sequence[RecoveryDecision]) -> bool:
        """Carry out all that stand; whether the thefts changed.

        One that cannot be carried out any more is closed with the reason: the others must not wait behind it.
        """
        thefts_changed = False
        for decision in decisions:
            try:
                done = await self._carry_out(decision)
                thefts_changed = thefts_changed or (decision.kind in THEFTS and done)
            except ActivityError as error:
                if is_cancelled_exception(error):
                    raise
                await self._settle(decision, code_of(error))
            except StanchError as error:
                await self._settle(decision, error.code.value)
        return thefts_changed

    async def give_up(self, decisions: Sequence[RecoveryDecision], *, how: str) -> None:
        """Close these with the reason for which they are not carried out."""
        for decision in decisions:
            await self._settle(decision, how)

    async def offer(self, look: RecoveryLook) -> None:
        """Ask whether what is held goes back: once for each plan, and not while an older one is still to be decided.

        A question that says what cannot be paid any more is closed first: nobody is to say yes to it.
        """
        if not any(hold.state == "placed" for hold in look.holds):
            return
        planned = await workflow.execute_activity_method(
            PlanRestitution.run, RecoveryInput(incident_id=self._request.incident_id), **LOOK
        )
        for question in planned.stale:
            await self._settle_stale(question)
        for plan in planned.plans:
            # One with a name was compared with what is open already.
            if (
                plan.name
                or plan.kind is DecisionKind.COMPETING_CLAIMS
                or plan.kind not in look.open_questions
            ):
                await self._ask(plan)

    async def ask_about(self, payments: Sequence[PossibleReturn]) -> None:
        """Ask which recall a payment answers that says nothing of what it undoes."""
        for payment in payments:
            await workflow.execute_activity_method(
                AskAboutReturn.run,
                AskAboutReturnInput(
                    incident_id=self._request.incident_id,
                    episode=self._request.episode,
                    step_key=f"ask/{DecisionKind.RETURNED_PAYMENT}/{payment.seq}"
                    + (f"/{payment.asked}" if payment.asked else ""),
                    payment=payment,
                    expires_at=workflow.now()
                    + timedelta(seconds=self._request.policy.approval.decision_seconds),
                ),
                summary=f"ask people about posting {payment.seq}",
                **STEP,
            )

    async def _carry_out(self, decision: RecoveryDecision) -> bool:
        kind = decision.kind
        if kind in PAYING:
            return await self._pay(decision)
        if kind is DecisionKind.RECOVERY_STUCK:
            # This very turn is what was asked for.
            await self._settle(decision, DONE)
            return False
        if (kind, decision.choice) in NOTHING_TO_DO:
            await self._settle(decision, DONE)
            return True
        result = await self._act(decision)
        if result.refusal is not None:
            await self._settle(decision, result.refusal.code)
        return result.refusal is None

    async def _act(self, decision: RecoveryDecision) -> StepResult:
        incident_id, episode, request_id = self._request.incident_id, decision.episode, decision.request_id
        key, subject = f"approval/{request_id}", decision.action["subject"]
        if decision.kind is DecisionKind.RENEW_HOLD:
            return await workflow.execute_activity_method(
                RenewHold.run,
                RenewHoldInput(
                    incident_id=incident_id,
                    episode=episode,
                    step_key=key,
                    hold_id=subject,
                    request_id=request_id,
                    hold_seconds=self._request.policy.trace.hold_seconds,
                    periods=self._rules.hold_periods,
                ),
                **STEP,
            )
        if decision.kind in ENDINGS:
            return await workflow.execute_activity_method(
                EndHold.run,
                EndHoldInput(
                    incident_id=incident_id,
                    episode=episode,
                    step_key=key,
                    hold_id=subject,
                    ending=ENDINGS[decision.kind],
                    request_id=request_id,
                    choice=decision.choice,
                ),
                **STEP,
            )
        if decision.kind in THEFTS:
            return await workflow.execute_activity_method(
                ChangeThefts.run,
                ChangeTheftsInput(
                    incident_id=incident_id,
                    episode=episode,
                    step_key=key,
                    request_id=request_id,
                    choice=decision.choice,
                    transfer_ids=tuple(subject.split(",")),
                ),
                **STEP,
            )
        if decision.kind is DecisionKind.RETURNED_PAYMENT:
            return await workflow.execute_activity_method(
                LinkReturn.run,
                LinkReturnInput(
                    incident_id=incident_id,
                    episode=episode,
                    step_key=key,
                    request_id=request_id,
                    choice=decision.choice,
                    seq=int(subject),
                    original=decision.action[decision.choice],
                ),
                **STEP,
            )
        freezes = decision.kind is DecisionKind.FREEZE_MULE
        mule = MuleInput(
            incident_id=incident_id,
            episode=episode,
            step_key=key,
            account_id=subject,
            request_id=request_id,
            restriction=restriction_id(incident_id, episode, f"mule-{request_id}")
            if freezes
            else decision.action["restriction"],
        )
        if freezes:
            return await workflow.execute_activity_method(FreezeMule.run, mule, **STEP)
        return await workflow.execute_activity_method(ReleaseMule.run, mule, **STEP)

    async def _pay(self, decision: RecoveryDecision) -> bool:
        """Every payment of the choice, one step each; the question is closed when all are through."""
        payments = payments_of(decision.action, decision.choice)
        how = DONE
        at_once = self._rules.holds_per_second
        to_the_end = workflow.patched(EVERY_PAYMENT_TO_ITS_END)
        for first in range(0, len(payments), at_once):
            batch = enumerate(payments[first : first + at_once], start=first)
            paid = await asyncio.gather(
                *(self._pay_one(decision, *each) for each in batch), return_exceptions=to_the_end
            )
            how = next(filter(None, map(_why_not, paid)), how)
        await self._settle(decision, how)
        return how == DONE

    async def _settle_stale(self, question: StaleQuestion) -> None:
        await workflow.execute_activity_method(
            SettleQuestion.run,
            SettleQuestionInput(
                incident_id=self._request.incident_id,
                episode=self._request.episode,
                step_key=f"ask/stale/{question.task_id}",
                request_id=None,
                task_id=question.task_id,
                choice="",
                how=STALE,
            ),
            summary=f"close what cannot be paid any more: {question.kind}",
            **STEP,
        )

    async def _pay_one(self, decision: RecoveryDecision, number: int, payment: Payment) -> RestituteResult:
        return await workflow.execute_activity_method(
            Restitute.run,
            RestituteInput(
                incident_id=self._request.incident_id,
                episode=decision.episode,
                step_key=f"approval/{decision.request_id}/{number}",
                request_id=decision.request_id,
                choice=decision.choice,
                number=number,
                payment=payment,
            ),
            summary=f"give back {payment.amount} {payment.currency}",
            **STEP,
        )

    async def _settle(self, decision: RecoveryDecision, how: str) -> None:
        await workflow.execute_activity_method(
            SettleQuestion.run,
            SettleQuestionInput(
                incident_id=self._request.incident_id,
                episode=decision.episode,
                step_key=f"approval/{decision.request_id}/settled",
                request_id=decision.request_id,
                task_id=decision.task_id,
                choice=decision.choice,
                how=how,
            ),
            **STEP,
        )

    async def _ask(self, plan: RestitutionPlan) -> None:
        request, name = self._request, plan.name or digest(plan.model_dump(mode="json"))[:16]
        if plan.asked:
            name = f"{name}/{plan.asked}"
        big = max(plan.amount, plan.in_all) >= self._rules.two_supervisors(plan.currency)
        await workflow.execute_activity_method(
            AskRestitution.run,
            AskRestitutionInput(
                incident_id=request.incident_id,
                episode=request.episode,
                step_key=f"ask/{plan.kind}/{name}",
                plan=plan,
                requester_role=Role.SUPERVISOR if big else Role.AGENT,
                expires_at=workflow.now() + timedelta(seconds=request.policy.approval.decision_seconds),
            ),
            summary=f"ask people: {plan.kind}",
            **STEP,
        )


def _why_not(paid: RestituteResult | BaseException) -> str | None:
    """The stable code for which a payment was not made; None where it was. Errors: a cancellation stays one."""
    if isinstance(paid, RestituteResult):
        return None if paid.refusal is None else paid.refusal.code
    if not isinstance(paid, ActivityError) or is_cancelled_exception(paid):
        raise paid
    return code_of(paid)
