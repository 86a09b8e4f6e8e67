"""Holds: keep the traced units where they lie, never more than what is traced (DESIGN 8)."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from datetime import timedelta

from temporalio import activity

from activities.changes import HoldEnded, HoldPlaced
from activities.money_ports import TransferIndex
from activities.origin import activity_origin
from activities.ports import Clock, Incidents
from activities.recovery_ports import Claims
from activities.steps import Effect, Running, Steps
from activities.wallet_ports import Wallet
from models.contracts.money import (
    HoldInput,
    HoldResult,
    ListHoldsInput,
    ListHoldsResult,
    ReleaseHoldInput,
)
from models.contracts.steps import Receipt, Refusal, StepResult
from models.digests import digest
from models.dropped_claims import claim_dropped
from models.errors import ErrorCode, StanchError, WalletRefusal
from models.lifecycle import Event
from models.names import HoldEnding, StepKind
from models.registered import Activity

CHECK_BUDGET = timedelta(seconds=30)
"""How long the index may take to reach a hold's receipt, in one attempt."""

UNCHECKED_ENDS = timedelta(seconds=60)
"""A hold not checked against its receipt within this time of its claim ends."""


def hold_reference(incident_id: str, episode: int, step_key: str) -> str:
    """The wallet's hold id and the claim's id: from business keys, so every attempt means the same hold."""
    return digest(["hold", incident_id, episode, step_key])[:26].upper()


@dataclass
class Hold:
    """Claims one lot, asks the wallet, extends the index to the receipt, and shrinks what is no longer there."""

    steps: Steps
    wallet: Wallet
    claims: Claims
    index: TransferIndex
    clock: Clock

    @activity.defn(name=Activity.HOLD)
    async def run(self, step: HoldInput) -> HoldResult:
        """Record the hold with its units; an amount of zero when the units had moved on before the receipt.

        Errors: WALLET_UNREACHABLE, FEED_GAP (the receipt's posting number is not reached): retried; the claim stands.
        """

        async def effect(running: Running) -> Effect[HoldResult]:
            hold_id = hold_reference(step.incident_id, step.episode, step.step_key)
            lot = step.lot
            expires_at = running.requested_at + timedelta(seconds=step.hold_seconds)
            nothing = HoldResult(step_key=step.step_key, hold_id=None, amount=0, effective_seq=None)
            claimed = await self.claims.claim(
                hold_id=hold_id,
                incident_id=step.incident_id,
                episode=step.episode,
                trace_id=step.trace_id,
                lot=lot,
                expires_at=expires_at,
                at=running.started_at,
                source=step.source,
            )
            # A repeated attempt must say the same to the wallet under the same key, so the claim keeps the expiry.
            claim = await self.claims.find(hold_id)
            late = claim is not None and self.clock.now() - claim.created_at > UNCHECKED_ENDS
            if claim is not None and (claim.state == "ended" or (late and claim.state == "claimed")):
                return await self._let_go(hold_id, running, nothing)
            if not claimed:
                refusal = Refusal(
                    code=ErrorCode.REFUSED_BY_RULE,
                    message="An active claim covers a part of these units: whoever claimed first holds them for all who lost them. "
                    "The next trace offers what is free.",
                )
                return Effect(nothing.model_copy(update={"refusal": refusal}))
            until = expires_at if claim is None else claim.expires_at
            try:
                receipt = await self.wallet.place_hold(
                    lot.account_id, hold_id, lot.currency, lot.amount, until, key=running.key
                )
            except StanchError as error:
                if error.code not in {ErrorCode.WALLET_REFUSED, ErrorCode.ACCOUNT_UNKNOWN}:
                    raise
                refusal = Refusal(code=error.code, message=error.message)
                ended = HoldEnded(hold_id, running.started_at, "refused")
                return Effect(nothing.model_copy(update={"refusal": refusal}), changes=(ended,))
            return await self._check(step, running, hold_id, receipt)

        return await self.steps.run(step, StepKind.HOLD, HoldResult, effect, origin=activity_origin())

    async def _let_go(self, hold_id: str, running: Running, nothing: HoldResult) -> Effect[HoldResult]:
        """The claim's time for its check is over: what an earlier attempt has placed at the wallet must not stand."""
        with contextlib.suppress(WalletRefusal):
            receipt = await self.wallet.release_hold(
                hold_id, HoldEnding.UNCHECKED.value, key=f"{running.key}/unchecked"
            )
            await self.index.release_hold(hold_id, receipt.effective_seq)
        refusal = Refusal(
            code=ErrorCode.REFUSED_BY_RULE,
            message="This hold was not checked against its receipt in time and has ended. The next trace offers its units.",
        )
        ended = HoldEnded(hold_id, running.started_at, HoldEnding.UNCHECKED.value)
        return Effect(nothing.model_copy(update={"refusal": refusal}), changes=(ended,))

    async def _check(
        self, step: HoldInput, running: Running, hold_id: str, receipt: Receipt
    ) -> Effect[HoldResult]:
        """Compare the receipt with the transfers up to its posting number; keep the units that still lie there."""
        lot = step.lot
        placed = int(receipt.result["placed_amount"])
        position = await self.index.catch_up(budget=CHECK_BUDGET)
        if position.upto_seq < receipt.effective_seq:
            raise StanchError(
                ErrorCode.FEED_GAP,
                f"The transfer index has not reached posting {receipt.effective_seq} of this hold's receipt. The hold "
                "stands and is checked again; look at the feed if this goes on.",
            )
        left = await self.index.remaining(lot.account_id, lot.currency, lot.lo, lot.hi, receipt.effective_seq)
        # One hold is one interval; first-in-first-out takes units from below, so what is left is the upper part.
        lo, hi = left[-1] if left else (lot.hi, lot.hi)
        lo = max(lo, hi - placed)
        amount = hi - lo
        if amount == 0:
            if placed:
                receipt = await self.wallet.release_hold(
                    hold_id, "nothing left to hold", key=f"{running.key}/end"
                )
            gone = HoldResult(
                step_key=step.step_key, hold_id=None, amount=0, effective_seq=receipt.effective_seq
            )
            return Effect(gone, receipt, (HoldEnded(hold_id, running.started_at, "moved on"),))
        if amount < placed:
            await self.wallet.shrink_hold(hold_id, amount, key=f"{running.key}/shrink")
        await self.index.apply_hold(lot.account_id, lot.currency, lo, hi, receipt.effective_seq, hold_id)
        result = HoldResult(
            step_key=step.step_key, hold_id=hold_id, amount=amount, effective_seq=receipt.effective_seq
        )
        return Effect(
            result, receipt, (HoldPlaced(hold_id, lo, hi, receipt.effective_seq, running.started_at),)
        )


@dataclass
class ListHolds:
    """Which holds of an incident stand: a look, not a step."""

    claims: Claims
    incidents: Incidents

    @activity.defn(name=Activity.LIST_HOLDS)
    async def run(self, request: ListHoldsInput) -> ListHoldsResult:
        """Hold ids in the order they were claimed; none for an ending that leaves the claim standing (models.dropped_claims)."""
        if request.ending is not None:
            proven = await self.incidents.ever_proven(request.incident_id)
            if not claim_dropped(request.ending, proven=proven):
                return ListHoldsResult(hold_ids=())
        return ListHoldsResult(hold_ids=await self.claims.standing(request.incident_id))


@dataclass
class ReleaseHold:
    """Ends one hold: the wallet lets go, and the units go back to their place in the account's queue.

    This lifts protection from the stolen money, so its intent refuses like that of a release (ALARM_WAITING, ILLEGAL_MOVE).
    """

    steps: Steps
    wallet: Wallet
    claims: Claims
    index: TransferIndex

    @activity.defn(name=Activity.RELEASE_HOLD)
    async def run(self, step: ReleaseHoldInput) -> StepResult:
        """Record the release with its receipt. A hold that the wallet no longer knows counts as ended."""

        async def effect(running: Running) -> Effect[StepResult]:
            result = StepResult(step_key=step.step_key)
            ended = (HoldEnded(step.hold_id, running.started_at, step.reason),)
            claim = await self.claims.find(step.hold_id)
            in_queue = claim is not None and claim.effective_seq is not None
            try:
                receipt = running.receipt or await self.wallet.release_hold(
                    step.hold_id, step.reason, key=running.key
                )
            except StanchError as error:
                if not error.matches(ErrorCode.WALLET_REFUSED):
                    raise
                if in_queue:
                    # It ended without us, nobody says when: from the newest posting on nothing keeps these units back.
                    position = await self.index.catch_up(budget=CHECK_BUDGET)
                    await self.index.release_hold(step.hold_id, position.upto_seq)
                return Effect(result, changes=ended, reason="the wallet no longer knows this hold")
            if in_queue:
                await self.index.release_hold(step.hold_id, receipt.effective_seq)
            return Effect(result, receipt, ended)

        return await self.steps.run(
            step,
            StepKind.RELEASE_HOLD,
            StepResult,
            effect,
            origin=activity_origin(),
            lifting=Event.RELEASE_INTENDED,
            wallet=self.wallet,
        )
