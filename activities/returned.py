"""Payments that look like recalled money: people say which recall they answer, and the index reads them so from then on."""

from __future__ import annotations

from dataclasses import dataclass

from temporalio import activity

from activities.changes import CloseQuestion, OpenDecisionTask
from activities.decisions import performer
from activities.hold_life import verified
from activities.money_ports import TransferIndex
from activities.origin import activity_origin
from activities.ports import DecisionStore
from activities.recovery_ports import Recoveries
from activities.steps import Effect, Running, Steps
from models.contracts.recovery import (
    AskAboutReturnInput,
    AskAboutReturnResult,
    LinkReturnInput,
    LinkReturnResult,
)
from models.digests import digest
from models.errors import ErrorCode, StanchError
from models.names import DecisionKind, Role, StepKind
from models.registered import Activity

NOT_OURS = "not_ours"


@dataclass
class AskAboutReturn:
    """Opens the question: one choice for each recall that awaits exactly this amount, and one for none of them."""

    steps: Steps

    @activity.defn(name=Activity.ASK_ABOUT_RETURN)
    async def run(self, step: AskAboutReturnInput) -> AskAboutReturnResult:
        """Record the question; two people answer it, for holds on somebody's money follow from a yes."""

        async def effect(running: Running) -> Effect[AskAboutReturnResult]:
            payment = step.payment
            task_id = digest(["task", step.incident_id, step.episode, step.step_key])[:26].upper()
            task = OpenDecisionTask(
                task_id=task_id,
                task_key=step.step_key,
                kind=DecisionKind.RETURNED_PAYMENT,
                action={
                    "subject": str(payment.seq),
                    "transfer_id": payment.transfer_id,
                    "from": payment.src,
                    "account_id": payment.account_id,
                    "currency": payment.currency,
                    "amount": str(payment.amount),
                    **payment.recalls,
                },
                choices=(*payment.recalls, NOT_OURS),
                four_eyes=True,
                approver_role=Role.SUPERVISOR,
                at=running.started_at,
                expires_at=step.expires_at,
            )
            return Effect(AskAboutReturnResult(step_key=step.step_key, task_id=task_id), changes=(task,))

        return await self.steps.run(
            step, StepKind.ASK_DECISION, AskAboutReturnResult, effect, origin=activity_origin()
        )


@dataclass
class LinkReturn:
    """Has the index read a payment as giving back what was recalled: the very units, located and held like any other."""

    steps: Steps
    index: TransferIndex
    decisions: DecisionStore
    recoveries: Recoveries

    @activity.defn(name=Activity.LINK_RETURN)
    async def run(self, step: LinkReturnInput) -> LinkReturnResult:
        """Record the link. Errors: FOUR_EYES, REFUSED_BY_RULE when the decision is about something else, or stands no more."""

        async def effect(running: Running) -> Effect[LinkReturnResult]:
            decision, about = await verified(
                self.decisions, self.recoveries, step, step.request_id, step.choice, str(step.seq)
            )
            if about.action.get(step.choice) != step.original:
                raise StanchError(
                    ErrorCode.REFUSED_BY_RULE,
                    "What people said yes to is not what was to be done. Nothing was done; it must be decided again.",
                )
            linked = await self.index.link_return(step.seq, step.original)
            return Effect(
                LinkReturnResult(step_key=step.step_key, linked=linked),
                changes=(CloseQuestion(decision.task_id, running.started_at),),
                performer=performer(decision),
                reason=step.choice,
            )

        return await self.steps.run(
            step, StepKind.LINK_RETURN, LinkReturnResult, effect, origin=activity_origin()
        )
