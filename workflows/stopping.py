"""Payments in flight: found and stopped, by the incident right after the freeze and by the reset before the return."""

from __future__ import annotations

import asyncio
from datetime import datetime

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from activities import reset_words
    from activities.payments import FindPayments, StopPayment
    from models.contracts.security import FindPaymentsInput, FoundPayment, StopPaymentInput
    from models.names import PaymentState
    from workflows.policies import ActivityOptions, code_of

AT_ONCE = 10
"""Calls to the wallet in parallel: a thief may have ordered hundreds, and the wallet has other customers."""

LOOK = "payments"
"""The name under which it is told that nobody could look."""


async def stop_payments(
    *,
    incident_id: str,
    episode: int,
    account_id: str,
    compromised_since: datetime,
    part: str,
    options: ActivityOptions,
) -> dict[str, str]:
    """Stop what was allowed since the compromise time; what may still move money, and what to do about it.

    `part` names this look among the others of the episode. A payment is stopped once in an episode, whoever asks.
    """
    try:
        found = await workflow.execute_activity_method(
            FindPayments.run,
            FindPaymentsInput(
                incident_id=incident_id,
                episode=episode,
                step_key=f"payments/find/{part}",
                account_id=account_id,
                compromised_since=compromised_since,
            ),
            summary="look for payments in flight",
            **options,
        )
    except ActivityError as error:
        if is_cancelled_exception(error):
            raise
        return {LOOK: reset_words.not_looked(code_of(error))}
    left: dict[str, str] = {}

    async def one(payment: FoundPayment) -> None:
        try:
            result = await workflow.execute_activity_method(
                StopPayment.run,
                StopPaymentInput(
                    incident_id=incident_id,
                    episode=episode,
                    step_key=f"payments/stop/{payment.payment_id}",
                    account_id=account_id,
                    payment_id=payment.payment_id,
                    compromised_since=compromised_since,
                ),
                summary=f"stop a {payment.kind} of {payment.amount} {payment.currency}",
                **options,
            )
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            left[payment.payment_id] = reset_words.not_stopped(code_of(error))
        else:
            if result.refusal is not None:
                left[payment.payment_id] = reset_words.not_stopped(result.refusal.code)

    pending = [each for each in found.payments if each.state is PaymentState.FOUND]
    for first in range(0, len(pending), AT_ONCE):
        await asyncio.gather(*(one(each) for each in pending[first : first + AT_ONCE]))
    return dict(sorted(left.items()))
