"""The life of a hold after it was placed: its end, its renewal, and what its holder is told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from temporalio import activity

from activities.changes import Change, CloseQuestion, HoldEnded, HolderTold, HoldRenewed
from activities.decisions import performer
from activities.gates import Gate, Overtaken
from activities.holders import TOLD, UPHELD, WITHHELD, of_decision, of_hold, of_the_end
from activities.holds import CHECK_BUDGET
from activities.money_ports import TransferIndex
from activities.origin import activity_origin
from activities.ports import DecisionStore
from activities.recovery_ports import Claims, Recoveries
from activities.steps import Effect, Running, Steps
from activities.wallet_ports import Wallet
from models.contracts.incidents import Decision
from models.contracts.money import ClaimedHold
from models.contracts.recovery import (
    EndHoldInput,
    EndHoldResult,
    RecoveryDecision,
    RenewHoldInput,
    RenewHoldResult,
    TellHolderInput,
    TellHolderResult,
)
from models.contracts.steps import Receipt, StepInput
from models.errors import ErrorCode, StanchError, WalletRefusal
from models.names import HoldEnding, StepKind
from models.registered import Activity


@dataclass
class EndHold:
    """Ends one hold: the wallet lets go, and what is left of its units goes back to its place in the queue."""

    steps: Steps
    wallet: Wallet
    claims: Claims
    index: TransferIndex
    decisions: DecisionStore
    recoveries: Recoveries

    @activity.defn(name=Activity.END_HOLD)
    async def run(self, step: EndHoldInput) -> EndHoldResult:
        """Record the end with its reason. One that ran out at the wallet ends at the last posting before its expiry.

        Refused when people decided it about a hold that has ended meanwhile. Errors: FOUR_EYES, REFUSED_BY_RULE when a decision
        is named that does not allow it (any more).
        """

        async def effect(running: Running) -> Effect[EndHoldResult]:
            by = receipt = None
            changes: list[Change] = []
            claim = await known_claim(self.claims, step.hold_id, step.incident_id)
            if step.request_id is not None:
                gate = Gate(self.steps, self.wallet, self.decisions)
                try:
                    decision, receipt = await gate.passed(
                        step, running, step.request_id, partial(self._agreed, step, step.request_id, claim)
                    )
                except Overtaken as over:
                    nothing = EndHoldResult(
                        step_key=step.step_key, hold_id=step.hold_id, amount=0, effective_seq=None
                    )
                    told = of_the_end(claim) if step.ending is HoldEnding.OBJECTION else ()
                    return Effect(nothing.model_copy(update={"refusal": over.refusal}), changes=told)
                by = performer(decision)
                changes.append(CloseQuestion(decision.task_id, running.started_at))
            changes.append(HoldEnded(step.hold_id, running.started_at, step.ending.value))
            if step.ending is HoldEnding.OBJECTION:
                changes += of_decision(claim, UPHELD, at=running.started_at)
            receipt = receipt or await self._release(step, running)
            ended_seq = None if receipt is None else receipt.effective_seq
            # Also for a claim that a check is placing in this moment: releasing what is not there changes nothing.
            if claim.effective_seq is not None or receipt is not None:
                position = await self.index.catch_up(budget=CHECK_BUDGET)
                ended_seq = position.upto_seq if ended_seq is None else ended_seq
                if running.started_at >= claim.expires_at:
                    ended_seq = min(ended_seq, await self.index.last_before(claim.expires_at))
                await self.index.release_hold(step.hold_id, ended_seq)
            amount = 0 if claim.effective_seq is None else claim.hi - claim.lo - claim.returned
            result = EndHoldResult(
                step_key=step.step_key, hold_id=step.hold_id, amount=amount, effective_seq=ended_seq
            )
            return Effect(result, receipt, tuple(changes), performer=by, reason=step.ending.value)

        return await self.steps.run(step, StepKind.END_HOLD, EndHoldResult, effect, origin=activity_origin())

    async def _agreed(self, step: EndHoldInput, request_id: str, claim: ClaimedHold) -> Decision:
        decision, _ = await verified(
            self.decisions, self.recoveries, step, request_id, step.choice or "", step.hold_id
        )
        if claim.state == "ended":
            raise Overtaken(
                "The hold has ended already: its money was paid on, or went back to its holder. Nothing was released; who "
                "objected is told what became of it."
            )
        return decision

    async def _release(self, step: EndHoldInput, running: Running) -> Receipt | None:
        """None: the wallet knows no such hold (it was never placed)."""
        try:
            return await self.wallet.release_hold(step.hold_id, step.ending.value, key=running.key)
        except WalletRefusal as error:
            if not error.matches(ErrorCode.WALLET_REFUSED):
                raise
            return None


@dataclass
class RenewHold:
    """One more period, by a decision of two people whose reason is the legal basis; at most the policy's periods in all."""

    steps: Steps
    wallet: Wallet
    claims: Claims
    decisions: DecisionStore
    recoveries: Recoveries

    @activity.defn(name=Activity.RENEW_HOLD)
    async def run(self, step: RenewHoldInput) -> RenewHoldResult:
        """Record the new end. Refused when the hold has ended, has run out, or has had all its periods.

        Errors: FOUR_EYES, REFUSED_BY_RULE when the decision does not allow it (any more).
        """

        async def effect(running: Running) -> Effect[RenewHoldResult]:
            claim = await known_claim(self.claims, step.hold_id, step.incident_id)
            result = RenewHoldResult(
                step_key=step.step_key, hold_id=step.hold_id, expires_at=claim.expires_at
            )
            gate = Gate(self.steps, self.wallet, self.decisions)
            try:
                decision, receipt = await gate.passed(
                    step, running, step.request_id, partial(self._agreed, step, claim, running)
                )
            except Overtaken as over:
                return Effect(result.model_copy(update={"refusal": over.refusal}))
            done = CloseQuestion(decision.task_id, running.started_at)
            until = claim.expires_at + timedelta(seconds=step.hold_seconds)
            receipt = receipt or await self.wallet.renew_hold(step.hold_id, until, key=running.key)
            renewed = HoldRenewed(step.hold_id, until, claim.periods + 1)
            return Effect(
                result.model_copy(update={"expires_at": until}),
                receipt,
                (renewed, done),
                performer=performer(decision),
                reason="legal basis: see the decision",
            )

        return await self.steps.run(
            step, StepKind.RENEW_HOLD, RenewHoldResult, effect, origin=activity_origin()
        )

    async def _agreed(self, step: RenewHoldInput, claim: ClaimedHold, running: Running) -> Decision:
        decision, _ = await verified(
            self.decisions, self.recoveries, step, step.request_id, "renew", step.hold_id
        )
        over = claim.state != "placed" or claim.expires_at <= running.started_at
        if over or claim.periods >= step.periods:
            raise Overtaken(
                f"The hold has ended, or has had its {step.periods} periods. It was not renewed; it ends as it would have."
            )
        return decision


@dataclass
class TellHolder:
    """Promises the holder a notice: that money is held and how to object; or records that it is withheld, not to tip off."""

    steps: Steps
    claims: Claims

    @activity.defn(name=Activity.TELL_HOLDER)
    async def run(self, step: TellHolderInput) -> TellHolderResult:
        """Record what is said; the notice goes to the holder's own contacts."""

        async def effect(running: Running) -> Effect[TellHolderResult]:
            del running
            claim = await known_claim(self.claims, step.hold_id, step.incident_id)
            said = WITHHELD if step.withhold else TOLD
            changes: list[Change] = [HolderTold(step.hold_id, said)]
            if not step.withhold:
                changes.append(of_hold(claim))
            result = TellHolderResult(step_key=step.step_key, hold_id=step.hold_id, said=said)
            return Effect(result, changes=tuple(changes), reason=said)

        return await self.steps.run(
            step, StepKind.TELL_HOLDER, TellHolderResult, effect, origin=activity_origin()
        )


async def known_claim(claims: Claims, hold_id: str, incident_id: str) -> ClaimedHold:
    """The claim. Errors: NOT_FOUND when this incident has none of that id."""
    claim = await claims.find(hold_id)
    if claim is None or claim.incident_id != incident_id:
        raise StanchError(ErrorCode.NOT_FOUND, "This incident has no such hold. Nothing was done.")
    return claim


async def verified(  # noqa: PLR0917 - who asks, about which request, and what must stand in its action
    decisions: DecisionStore,
    recoveries: Recoveries,
    step: StepInput,
    request_id: str,
    choice: str,
    subject: str,
) -> tuple[Decision, RecoveryDecision]:
    """The decision, read again right before the effect, and its action, which must be about this subject.

    Errors: FOUR_EYES, REFUSED_BY_RULE: nothing was done.
    """
    decision = await decisions.verify(
        request_id, incident_id=step.incident_id, episode=step.episode, choice=choice
    )
    about = await recoveries.decision(request_id)
    if about is None or subject != about.action.get("subject"):
        raise StanchError(
            ErrorCode.REFUSED_BY_RULE,
            "What people said yes to is not what was to be done. Nothing was done; it must be decided again.",
        )
    return decision, about
