"""See what changed on the account since the compromise time, and what a reset did or would do about it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from activities.difference import carried_out, difference, merged, receipts_words, why
from activities.payments import judged, page
from activities.wallet_ports import Wallet
from models.contracts.incidents import IncidentFacts
from models.contracts.resets import ReadBackResult, ResetItemResult
from models.contracts.security import (
    CompareSecurityResult,
    FindPaymentsResult,
    FoundPayment,
    ItemDifference,
    SecurityView,
    ShownChange,
    ShownItem,
    ShownPayment,
    StopPaymentResult,
)
from models.contracts.steps import RecordedStep
from models.lifecycle import LIFTED, Status
from models.names import PaymentState, StepKind, StepStatus
from use_cases.look_up import LookUp

STORED, LIVE, NONE = "stored", "live", "none"

REASONS: dict[PaymentState, str] = {
    PaymentState.FOUND: "Allowed since the compromise time: it is to be stopped. The freeze keeps its money meanwhile.",
    PaymentState.STOPPED: "Allowed since the compromise time: it will never move money. An owner who wants it orders it anew.",
    PaymentState.CAPTURED: "Its money moved before it could be stopped: the trace follows the transfer like any other.",
    PaymentState.KEPT: "Allowed before the compromise time: the freeze holds it up, and it goes on when the freeze ends.",
}


@dataclass
class SeeSecurity:
    """Reads; changes nothing. What is recorded comes from the database; before there is a record, from the wallet."""

    look_up: LookUp
    wallet: Wallet

    async def run(self, incident_id: str) -> SecurityView:
        """The current episode. Errors: NOT_FOUND; those of ports.Wallet, where nothing is recorded yet."""
        view = await self.look_up.incident(incident_id)
        facts, episode = view.facts, view.facts.episode
        steps = [
            step
            for step in await self.look_up.steps(incident_id)
            if step.episode == episode and step.status is StepStatus.DONE
        ]
        compared = [
            CompareSecurityResult.model_validate(step.result)
            for step in steps
            if step.kind is StepKind.COMPARE_SECURITY
        ]
        payments = recorded_payments(steps)
        if compared:
            return _view(
                facts,
                STORED,
                items=after_resets(compared, steps),
                payments=payments,
                receipts=view.security_items,
                compared=compared[-1],
                missing=_missing(steps),
            )
        if facts.status in LIFTED or facts.status is Status.CLOSED:
            # The account is somebody's to use again: what stands there now says nothing of then.
            return _view(facts, NONE, items=(), payments=payments, receipts=view.security_items)
        since = facts.compromised_since or facts.opened_at
        account = await self.wallet.account(facts.account_id)
        live = CompareSecurityResult(
            step_key="",
            read_at=account.read_at,
            compromised_since=since,
            items=difference(account, since),
        )
        if not payments:
            found, _ = page(judged(await self.wallet.payments(facts.account_id, since), since))
            payments = tuple(_shown_payment(each, None) for each in found)
        return _view(
            facts, LIVE, items=live.items, payments=payments, receipts=view.security_items, compared=live
        )


def after_resets(
    compared: Sequence[CompareSecurityResult], steps: Iterable[RecordedStep]
) -> tuple[ItemDifference, ...]:
    """The difference of an episode, with what its resets did so far."""
    resets = [
        ResetItemResult.model_validate(step.result) for step in steps if step.kind is StepKind.RESET_ITEM
    ]
    words = receipts_words((reset.item, reset.done) for reset in resets)
    return tuple(
        carried_out(found, words[found.item]) if found.item in words else found
        for found in merged([each.items for each in compared])
    )


def recorded_payments(steps: Iterable[RecordedStep]) -> tuple[ShownPayment, ...]:
    """Every payment that a look of this episode found, as it stands by now."""
    found: dict[str, FoundPayment] = {}
    settled: dict[str, StopPaymentResult] = {}
    for step in steps:
        if step.kind is StepKind.FIND_PAYMENTS:
            for each in FindPaymentsResult.model_validate(step.result).payments:
                former = found.get(each.payment_id)
                # A kept one becomes one to be stopped when the compromise time moves; what was settled stays so.
                if former is None or former.state in {PaymentState.KEPT, PaymentState.FOUND}:
                    found[each.payment_id] = each
        elif step.kind is StepKind.STOP_PAYMENT:
            result = StopPaymentResult.model_validate(step.result)
            settled[result.payment_id] = result
    return tuple(_shown_payment(each, settled.get(name)) for name, each in found.items())


def counts(steps: Sequence[RecordedStep], episode: int) -> dict[str, int]:
    """How much changed and how much was in flight, in one line; empty before anything of it is recorded."""
    done = [step for step in steps if step.episode == episode and step.status is StepStatus.DONE]
    compared = [
        CompareSecurityResult.model_validate(step.result)
        for step in done
        if step.kind is StepKind.COMPARE_SECURITY
    ]
    told: dict[str, int] = {}
    if compared:
        items = merged([each.items for each in compared])
        told |= {name: sum(getattr(item, name) for item in items) for name in ("added", "changed", "removed")}
    if any(step.kind is StepKind.FIND_PAYMENTS for step in done):
        states = [each.state for each in recorded_payments(done)]
        told |= {f"payments_{state}": states.count(state) for state in PaymentState}
    return told


def _missing(steps: Sequence[RecordedStep]) -> dict[str, str]:
    """What the last read-back found wanting."""
    last = next((step for step in reversed(steps) if step.kind is StepKind.READ_BACK), None)
    if last is None:
        return {}
    result = ReadBackResult.model_validate(last.result)
    return {item.value: said for item, said in result.missing.items()} | result.unstopped


def _view(
    facts: IncidentFacts,
    how: str,
    *,
    items: Iterable[ItemDifference],
    payments: Iterable[ShownPayment],
    receipts: dict[str, str],
    compared: CompareSecurityResult | None = None,
    missing: dict[str, str] | None = None,
) -> SecurityView:
    return SecurityView(
        incident_id=facts.incident_id,
        account_id=facts.account_id,
        episode=facts.episode,
        status=facts.status,
        compromised_since=compared.compromised_since if compared else facts.compromised_since,
        compared=how,
        read_at=compared.read_at if compared else None,
        items=tuple(_shown_item(each, receipts.get(each.item)) for each in items),
        payments=tuple(payments),
        missing=missing or {},
    )


def _shown_item(found: ItemDifference, receipt_id: str | None) -> ShownItem:
    return ShownItem(
        item=found.item,
        receipt_id=receipt_id,
        added=found.added,
        changed=found.changed,
        removed=found.removed,
        unchanged=found.unchanged,
        not_listed=found.more,
        changes=tuple(ShownChange(**dict(row), reason=why(found.item, row)) for row in found.changes),
    )


def _shown_payment(found: FoundPayment, settled: StopPaymentResult | None) -> ShownPayment:
    state = settled.state if settled is not None else found.state
    transfer_id = settled.transfer_id if settled is not None else None
    return ShownPayment(
        **{**dict(found), "state": state, "transfer_id": transfer_id or found.transfer_id},
        receipt_id=settled.receipt_id if settled is not None else None,
        reason=REASONS[state],
    )
