"""Payments in flight at the freeze: allowed already, and no money has moved. Found, stopped, each with its receipt."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from temporalio import activity

from activities.difference import LISTED
from activities.freeze import FINAL_CODES
from activities.origin import activity_origin
from activities.payment_changes import PaymentSettled, PaymentsFound
from activities.steps import Effect, Running, Steps
from activities.wallet_ports import Wallet
from models.contracts.security import (
    FindPaymentsInput,
    FindPaymentsResult,
    FoundPayment,
    StopPaymentInput,
    StopPaymentResult,
)
from models.contracts.steps import Refusal
from models.contracts.wallet import InFlightPayment, InFlightState
from models.errors import StanchError, WalletRefusal
from models.masking import masked_text
from models.names import PaymentState, StepKind
from models.registered import Activity

CAPTURED = "payment_captured"
"""The wallet's code for a payment whose money moved first."""


def judged(payments: Iterable[InFlightPayment], since: datetime) -> tuple[FoundPayment, ...]:
    """What is to be done with each, by when it was allowed. Pure.

    Allowed since the compromise time: to be stopped, or captured already. Allowed before, by the owner: kept. The freeze
    refuses it while it stands, and an owner's rent is not to fail for good because a stranger reported a theft.
    """
    settled = {
        InFlightState.PENDING: PaymentState.FOUND,
        InFlightState.CAPTURED: PaymentState.CAPTURED,
        InFlightState.STOPPED: PaymentState.STOPPED,
        InFlightState.LAPSED: PaymentState.STOPPED,
    }
    return tuple(
        FoundPayment(
            payment_id=each.payment_id,
            kind=each.kind,
            label=masked_text(each.label),
            to=each.to,
            to_kind=each.to_kind,
            amount=each.amount,
            currency=each.currency,
            authorised_at=each.authorised_at,
            due_at=each.due_at,
            state=settled[each.state] if each.authorised_at >= since else PaymentState.KEPT,
            transfer_id=each.transfer_id,
        )
        for each in sorted(payments, key=lambda each: (each.authorised_at, each.payment_id))
    )


def page(found: Sequence[FoundPayment]) -> tuple[tuple[FoundPayment, ...], int]:
    """What is told of a look, and how many more are to be stopped: a thief who orders ten thousand payments must not fill
    a workflow's history. Pure.
    """
    listed: list[FoundPayment] = []
    for state in PaymentState:
        listed += sorted(
            (each for each in found if each.state is state), key=lambda each: (each.due_at, each.payment_id)
        )[:LISTED]
    to_stop = sum(1 for each in found if each.state is PaymentState.FOUND)
    return tuple(listed), max(0, to_stop - LISTED)


@dataclass
class FindPayments:
    """Looks at the wallet for what is in flight on the account."""

    steps: Steps
    wallet: Wallet

    @activity.defn(name=Activity.FIND_PAYMENTS)
    async def run(self, step: FindPaymentsInput) -> FindPaymentsResult:
        """Record everything in flight and what was captured since. Errors: WALLET_UNREACHABLE, ACCOUNT_UNKNOWN."""

        async def effect(running: Running) -> Effect[FindPaymentsResult]:
            found = judged(
                await self.wallet.payments(step.account_id, step.compromised_since), step.compromised_since
            )
            change = PaymentsFound(found, step.compromised_since, running.started_at)
            listed, more = page(found)
            result = FindPaymentsResult(step_key=step.step_key, payments=listed, more=more)
            return Effect(result, changes=(change,))

        return await self.steps.run(
            step, StepKind.FIND_PAYMENTS, FindPaymentsResult, effect, origin=activity_origin()
        )


@dataclass
class StopPayment:
    """Stops one payment in flight."""

    steps: Steps
    wallet: Wallet

    @activity.defn(name=Activity.STOP_PAYMENT)
    async def run(self, step: StopPaymentInput) -> StopPaymentResult:
        """Record the wallet's receipt, or the transfer that the payment had become; another no of the wallet's as a refusal."""

        async def effect(running: Running) -> Effect[StopPaymentResult]:
            receipt, transfer_id = None, None
            try:
                receipt = await self.wallet.stop_payment(step.payment_id, key=running.key)
                state = PaymentState.STOPPED
            except StanchError as error:
                if error.code not in FINAL_CODES:
                    raise
                if not isinstance(error, WalletRefusal) or error.wallet_code != CAPTURED:
                    return Effect(
                        StopPaymentResult(
                            step_key=step.step_key,
                            payment_id=step.payment_id,
                            state=PaymentState.FOUND,
                            refusal=Refusal(code=error.code, message=error.message),
                        )
                    )
                state, transfer_id = PaymentState.CAPTURED, await self._captured_as(step)
            receipt_id = receipt.receipt_id if receipt is not None else None
            result = StopPaymentResult(
                step_key=step.step_key,
                payment_id=step.payment_id,
                state=state,
                receipt_id=receipt_id,
                transfer_id=transfer_id,
            )
            settled = PaymentSettled(step.payment_id, state, receipt_id, transfer_id, running.started_at)
            return Effect(result, receipt, (settled,))

        return await self.steps.run(
            step, StepKind.STOP_PAYMENT, StopPaymentResult, effect, origin=activity_origin()
        )

    async def _captured_as(self, step: StopPaymentInput) -> str | None:
        payments = await self.wallet.payments(step.account_id, step.compromised_since)
        return next((each.transfer_id for each in payments if each.payment_id == step.payment_id), None)
