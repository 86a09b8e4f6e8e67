"""Close the account at the wallet: the proven owner does not want it back, and its money goes where two people agreed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from temporalio import activity

from activities.changes import CloseDecisionTasks, MoveIncident
from activities.closure_ports import Closures
from activities.contests import Contests
from activities.decisions import performer
from activities.ending_changes import RecordClosure
from activities.gates import Gate
from activities.origin import activity_origin
from activities.ports import DecisionStore
from activities.steps import Effect, Running, Steps
from activities.wallet_ports import Wallet
from models.contracts.closure import CloseAccountInput, CloseAccountResult, PaidOut
from models.contracts.identity import ProofAction
from models.contracts.incidents import Decision
from models.contracts.steps import Refusal
from models.errors import ErrorCode, StanchError, WalletRefusal
from models.ids import restriction_id
from models.lifecycle import Event
from models.names import DecisionKind, Outcome, Scope, StepKind
from models.registered import Activity

REASON = "the proven owner closes the account"

SETTLED = tuple(kind for kind in DecisionKind if kind is not DecisionKind.STUCK and not kind.of_recovery)
"""Questions that have no object any more; what is asked about the money outlives the account."""


@dataclass
class CloseAccount:
    """Pays out exactly what was agreed to exactly where it was agreed, and closes the account, in one call to the wallet.

    A frozen account, or one that comes back in stages: then whatever is left of this episode's freeze ends with it.
    Its intent locks the incident row and refuses while an alarm waits (ALARM_WAITING) or no proof stands (RESET_INCOMPLETE).
    Two people's decision is read before the intent and again right before the effect (FOUR_EYES, REFUSED_BY_RULE): it binds
    account, proof, destination and amounts. The claimants are judged again before the intent (PROOF_IN_DOUBT). A restriction
    that a later alarm placed is not named, so the wallet refuses.
    """

    steps: Steps
    wallet: Wallet
    decisions: DecisionStore
    closures: Closures
    contests: Contests

    @activity.defn(name=Activity.CLOSE_ACCOUNT)
    async def run(self, step: CloseAccountInput) -> CloseAccountResult:
        """Record what was paid. A refusal of the wallet is recorded and closes the question; the account stays as protected as
        it was, frozen or in its stages.
        """
        if await self.steps.store.done(step.incident_id, step.episode, step.step_key) is None:
            try:
                await self._agreed(step)
                await self.contests.refuse_in_doubt(step, ProofAction.RESTORE, while_returning=True)
            except StanchError as refused:
                await self.steps.happened(step, self.wallet, refused)

        async def effect(running: Running) -> Effect[CloseAccountResult]:
            gate = Gate(self.steps, self.wallet, self.decisions)
            decision, receipt = await gate.passed(step, running, step.request_id, partial(self._agreed, step))
            agreed = await self.closures.agreed(step.request_id)
            result = CloseAccountResult(step_key=step.step_key, destination_id=agreed.destination_id)
            names = [
                restriction_id(step.incident_id, episode, scope)
                for episode in range(1, step.episode + 1)
                for scope in Scope
            ]
            try:
                receipt = receipt or await self.wallet.close_account(
                    step.account_id, agreed.destination, agreed.balances, names, REASON, key=running.key
                )
            except WalletRefusal as error:
                return Effect(
                    result.model_copy(update={"refusal": Refusal(code=error.code, message=error.message)}),
                    changes=(
                        CloseDecisionTasks((DecisionKind.CLOSE_ACCOUNT,), running.started_at),
                        MoveIncident(Event.CLOSURE_REFUSED),
                    ),
                    reason=error.wallet_code,
                )
            paid = tuple(
                PaidOut(currency=each["currency"], amount=each["amount"], transfer_id=each["transfer_id"])
                for each in receipt.result["paid"]
            )
            return Effect(
                result.model_copy(update={"paid": paid}),
                receipt,
                (
                    CloseDecisionTasks(SETTLED, running.started_at),
                    RecordClosure(agreed.destination_id, receipt.effective_at),
                ),
                performer=performer(decision),
                reason=REASON,
            )

        return await self.steps.run(
            step,
            StepKind.CLOSE_ACCOUNT,
            CloseAccountResult,
            effect,
            origin=activity_origin(),
            lifting=Event.CLOSURE_INTENDED,
            wallet=self.wallet,
        )

    async def _agreed(self, step: CloseAccountInput) -> Decision:
        decision = await self.decisions.verify(
            step.request_id,
            incident_id=step.incident_id,
            episode=step.episode,
            choice=Outcome.ACCOUNT_CLOSED,
        )
        agreed = await self.closures.agreed(step.request_id)
        if decision.approved_by is None or agreed.account_id != step.account_id:
            raise StanchError(
                ErrorCode.FOUR_EYES,
                "Two people must have agreed to close exactly this account. Nothing was done; ask again.",
            )
        if await self.closures.standing_proof(step.incident_id, step.episode) != agreed.proof:
            raise StanchError(
                ErrorCode.REFUSED_BY_RULE,
                "The proof of the owner that people relied on does not stand any more. Nothing was done; it must be proven and "
                "decided again.",
            )
        return decision
