"""Freeze: one call to the wallet, by the gateway in milliseconds or by the workflow when that did not succeed."""

from __future__ import annotations

from dataclasses import dataclass

from temporalio import activity

from activities.changes import Change, CloseDecisionTasks, CloseIncident, FrozenNow, QueueNotice
from activities.origin import activity_origin
from activities.steps import Effect, Running, Steps
from activities.wallet_ports import Wallet
from models.contracts.incidents import FreezeInput, FreezeResult
from models.contracts.steps import Refusal
from models.errors import ErrorCode, StanchError
from models.ids import restriction_id
from models.names import DecisionKind, NoticeTemplate, Outcome, Scope, StepKind
from models.registered import Activity

FINAL_CODES = frozenset({ErrorCode.WALLET_REFUSED, ErrorCode.ACCOUNT_UNKNOWN})
"""Answers after which asking again cannot help."""


def freeze_step_key(scope: Scope) -> str:
    """The step key of a freeze; with incident and episode it is the restriction's id and the idempotency key."""
    return f"freeze/{scope}"


@dataclass
class FreezeEffect:
    """Places the restriction `incident/episode/scope`.

    Records: FREEZE_DONE with the receipt, and promises the owner a notice; or, when the wallet refuses for good, the refusal and an incident closed as
    `not_frozen` (only when nothing of this incident is frozen: a refused widening leaves the narrower freeze standing).
    Errors: WALLET_UNREACHABLE, when nobody can know whether it happened; repeat with the same key.
    """

    wallet: Wallet

    async def __call__(self, step: FreezeInput, running: Running, *, sole: bool) -> Effect[FreezeResult]:
        """Freeze. `sole`: no other scope of this episode is frozen, so a final refusal ends the incident."""
        name = restriction_id(step.incident_id, step.episode, step.scope)
        blank = FreezeResult(step_key=step.step_key, restriction_id=name, scope=step.scope)
        try:
            receipt = await self.wallet.place_restriction(step.account_id, name, step.scope, key=name)
        except StanchError as error:
            if error.code not in FINAL_CODES:
                raise
            refusal = Refusal(code=error.code, message=error.message)
            summary = {"reason": error.code.value}
            changes: tuple[Change, ...] = (
                (CloseIncident(Outcome.NOT_FROZEN, running.started_at, summary, forced=True),) if sole else ()
            )
            return Effect(blank.model_copy(update={"refusal": refusal}), changes=changes)
        done = blank.model_copy(
            update={
                "receipt_id": receipt.receipt_id,
                "effective_seq": receipt.effective_seq,
                "effective_at": receipt.effective_at,
            }
        )
        return Effect(
            done,
            receipt,
            (
                FrozenNow(receipt.effective_at),
                # A report's freeze may have been asked of people first.
                CloseDecisionTasks((DecisionKind.FREEZE_ON_REPORT,), running.started_at),
                QueueNotice(
                    NoticeTemplate.ACCOUNT_FROZEN,
                    fields={"scope": step.scope.value, "at": receipt.effective_at.isoformat()},
                ),
            ),
        )


@dataclass
class Freeze:
    """The workflow's own freeze step: finds the gateway's row and adopts it, or performs it."""

    steps: Steps
    effect: FreezeEffect

    @activity.defn(name=Activity.FREEZE)
    async def run(self, step: FreezeInput) -> FreezeResult:
        """See FreezeEffect. Retried by the workflow's policy until the wallet answers."""
        other = Scope.OUTGOING if step.scope is Scope.FULL else Scope.FULL
        beside = await self.steps.store.done(step.incident_id, step.episode, freeze_step_key(other))

        async def effect(running: Running) -> Effect[FreezeResult]:
            return await self.effect(step, running, sole=beside is None)

        return await self.steps.run(step, StepKind.FREEZE, FreezeResult, effect, origin=activity_origin())
