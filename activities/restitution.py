"""Restitution: held money back to the proven owner, by a decision of two people, one transfer for each hold."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial

from temporalio import activity

from activities.changes import HoldPaid
from activities.competing import competition
from activities.decisions import performer
from activities.gates import Gate, Overtaken
from activities.hold_life import known_claim
from activities.money_ports import TransferIndex
from activities.offer_ports import Offers
from activities.origin import activity_origin
from activities.ports import DecisionStore
from activities.recovery_ports import Claims, Recoveries
from activities.steps import Effect, Running, Steps
from activities.wallet_ports import Wallet
from models.contracts.incidents import Decision
from models.contracts.recovery import Payment, RecoveryDecision, RestituteInput, RestituteResult
from models.contracts.steps import Refusal
from models.errors import ErrorCode, StanchError, WalletRefusal
from models.names import DecisionKind, StepKind
from models.registered import Activity

GIVE_BACK, FIRST_IN_TIME, PRO_RATA = "give_back", "fifo", "pro_rata"
"""Choices: all of it to the owner; where claims compete, by whose theft came first, or in proportion of the losses."""

REASON = "restitution of traced stolen money"


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
    offers: Offers

    @activity.defn(name=Activity.RESTITUTE)
    async def run(self, step: RestituteInput) -> RestituteResult:
        """Record the payment with the wallet's receipt.

        Refused, with the question to be put anew, when the facts are not those that people saw: the hold ran out at the wallet
        or keeps less, others claim it now, its holder's objection waits to be heard, the receiver is not proven any more.
        Errors: FOUR_EYES, REFUSED_BY_RULE when the rows do not allow exactly this payment.
        """

        async def effect(running: Running) -> Effect[RestituteResult]:
            payment = step.payment
            result = RestituteResult(
                step_key=step.step_key,
                hold_id=payment.hold_id,
                amount=0,
                transfer_id=None,
                transfer_seq=None,
            )
            gate = Gate(self.steps, self.wallet, self.decisions)
            try:
                decision, receipt = await gate.passed(
                    step, running, step.request_id, partial(self._agreed, step)
                )
                receipt = receipt or await self.wallet.return_hold(
                    payment.hold_id, payment.to_account_id, payment.amount, REASON, key=running.key
                )
            except (Overtaken, WalletRefusal) as error:
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

    async def _agreed(self, step: RestituteInput) -> Decision:
        """The decision, where it names exactly this payment and nothing has changed that people would have to know."""
        payment = step.payment
        decision = await self.decisions.verify(
            step.request_id, incident_id=step.incident_id, episode=step.episode, choice=step.choice
        )
        about = await self.recoveries.decision(step.request_id)
        agreed = () if about is None else payments_of(about.action, step.choice)
        if about is None or step.number >= len(agreed) or agreed[step.number] != payment:
            raise StanchError(
                ErrorCode.REFUSED_BY_RULE,
                "This payment is not what people said yes to. Nothing was paid; it must be decided again.",
            )
        claim = await known_claim(self.claims, payment.hold_id, step.incident_id)
        left = claim.hi - claim.lo - claim.returned if claim.state == "placed" else 0
        # The units, not merely the amount, are what goes back.
        if payment.amount > left or payment.currency != claim.currency:
            raise Overtaken(
                f"The hold keeps {left} now, less than was agreed on. Nothing was paid; it must be decided again."
            )
        rivals = await competition(self.recoveries, step.incident_id, payment.hold_id, payment.currency)
        if set(() if rivals is None else rivals.incidents) != _competed(about):
            raise Overtaken(
                "Others claim this money than when people were asked. Nothing was paid; it is asked again, with the shares."
            )
        objections = (await self.offers.objections(step.incident_id)).get(payment.hold_id)
        if objections is not None and objections.keep_back:
            raise Overtaken(
                "The holder has objected, and nobody has decided that yet. Nothing was paid; decide the objection first."
            )
        if await self.recoveries.proven_owner(payment.incident_id) != payment.to_account_id:
            raise Overtaken(
                "The receiver is not the proven owner of this claim. Nothing was paid; the money stays held."
            )
        return decision


def _competed(about: RecoveryDecision) -> set[str]:
    """Between whose claims people chose; none where nobody else claimed anything."""
    if about.kind is not DecisionKind.COMPETING_CLAIMS:
        return set()
    if "claimants" in about.action:
        return set(json.loads(about.action["claimants"]))
    # Questions of earlier versions name them only in their payments, where every claimant has a share by one rule or another.
    rules = (choice for choice in (FIRST_IN_TIME, PRO_RATA) if choice in about.action)
    return {payment.incident_id for rule in rules for payment in payments_of(about.action, rule)}
