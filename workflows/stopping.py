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

MOST_LOOKS = 50
"""Each stops a page. Whoever has ordered more waits for the next round; nothing goes back before."""

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
    left: dict[str, str] = {}
    for number in range(1, MOST_LOOKS + 1):
        look = part if number == 1 else f"{part}/{number}"
        try:
            found = await workflow.execute_activity_method(
                FindPayments.run,
                FindPaymentsInput(
                    incident_id=incident_id,
                    episode=episode,
                    step_key=f"payments/find/{look}",
                    account_id=account_id,
                    compromised_since=compromised_since,
                ),
                summary="look for payments in flight",
                **options,
            )
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            return left | {LOOK: reset_words.not_looked(code_of(error))}
        pending = [each for each in found.payments if each.state is PaymentState.FOUND]
        for first in range(0, len(pending), AT_ONCE):
            said = await asyncio.gather(
                *(
                    _stop(incident_id, episode, account_id, compromised_since, each, options)
                    for each in pending[first : first + AT_ONCE]
                )
            )
            left |= {name: why for name, why in said if why is not None}
        if not found.more:
            break
        if left:
            # The same would be found first again; people see what is in the way.
            return left | {LOOK: reset_words.not_all_stopped(found.more)}
    return dict(sorted(left.items()))


async def _stop(  # noqa: PLR0917 - what every step of a look has in common
    incident_id: str,
    episode: int,
    account_id: str,
    compromised_since: datetime,
    payment: FoundPayment,
    options: ActivityOptions,
) -> tuple[str, str | None]:
    """(payment id, why it may still move money; None when it will not)."""
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
        return payment.payment_id, reset_words.not_stopped(code_of(error))
    refusal = result.refusal
    return payment.payment_id, reset_words.not_stopped(refusal.code) if refusal is not None else None
