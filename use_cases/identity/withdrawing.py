"""A claim was opened by mistake: it is withdrawn, with a reason, and nobody is told of an impostor."""

from __future__ import annotations

from dataclasses import dataclass

from activities.identity_changes import WithdrawClaim
from activities.ports import Clock
from activities.steps import Effect, Running, Steps
from models.contracts.alarms import Sender
from models.contracts.base import Message
from models.contracts.claims import WithdrawClaimInput
from models.contracts.identity import Claim
from models.contracts.steps import Origin, StepResult
from models.ids import new_id
from models.names import Actor, DecisionKind, StepKind
from use_cases.decide import Decide
from use_cases.identity.claims import Claims
from use_cases.ports import DecisionView


class Withdrawal(Message):
    """`withdrawn` at once, or the decision that waits for a second person."""

    withdrawn: bool
    decision: DecisionView | None


@dataclass
class WithdrawClaims:
    """Withdraws claims.

    Two claims of one person are not put together: what two people showed would then be added up on an agent's word. One
    of them is withdrawn, and its owner shows the same again in the other.
    """

    claims: Claims
    decide: Decide
    steps: Steps
    clock: Clock

    async def run(self, claim: Claim, reason: str, *, by: Sender) -> Withdrawal:
        """Withdraw it: alone, and as a step, while nothing was shown in it; afterwards two people agree, for it may be the
        owner's, and it holds up whoever else is there.

        Errors: REFUSED_BY_RULE (it is over, it has proven the owner, protection is being lifted, another one is being
        withdrawn); ALREADY_DECIDED.
        """
        await self.claims.current(claim)
        if await self.claims.claims.shown(claim.claim_id):
            decision = await self.decide.about_claim(claim, DecisionKind.WITHDRAW_CLAIM, reason, by=by)
            return Withdrawal(withdrawn=False, decision=decision)
        step = WithdrawClaimInput(
            incident_id=claim.incident_id,
            episode=claim.episode,
            step_key=f"identity/withdraw/{claim.claim_id}",
            claim_id=claim.claim_id,
        )

        async def effect(running: Running) -> Effect[StepResult]:
            change = WithdrawClaim(claim.claim_id, running.started_at, alone=True)
            return Effect(StepResult(step_key=step.step_key), changes=(change,), reason=reason)

        await self.steps.run(
            step,
            StepKind.WITHDRAW_CLAIM,
            StepResult,
            effect,
            origin=Origin(gateway_attempt=new_id()),
            actor=Actor(by.role.value),
            role=by.name,
        )
        return Withdrawal(withdrawn=True, decision=None)
