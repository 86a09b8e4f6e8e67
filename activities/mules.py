"""A mule's whole account goes back by itself only where nobody says any more that anything was stolen."""

from __future__ import annotations

from dataclasses import dataclass

from temporalio import activity

from activities.changes import MuleReleased
from activities.origin import activity_origin
from activities.recovery_ports import Recoveries
from activities.steps import Effect, Running, Steps
from activities.wallet_ports import Wallet
from models.contracts.mules import LetMuleGoInput
from models.contracts.recovery import MuleResult
from models.errors import ErrorCode, StanchError
from models.names import StepKind
from models.registered import Activity


@dataclass
class LetMuleGo:
    """Ends a restriction that has lost its ground, without a decision of its own.

    Freezing takes two people, since it takes away what is somebody's. This gives it back: the ground was taken away by
    the ending, on which two people agreed with the owner's own word, or with nobody's. A restriction has no expiry, and
    nobody looks at a closed incident again: to wait for a decision would keep a stranger locked out for ever.
    """

    steps: Steps
    wallet: Wallet
    recoveries: Recoveries

    @activity.defn(name=Activity.LET_MULE_GO)
    async def run(self, step: LetMuleGoInput) -> MuleResult:
        """Record the end with the wallet's receipt. Errors: REFUSED_BY_RULE while a claim stands: nothing was lifted."""

        async def effect(running: Running) -> Effect[MuleResult]:
            look = await self.recoveries.look(step.incident_id)
            if look is None or not look.dropped:
                raise StanchError(
                    ErrorCode.REFUSED_BY_RULE,
                    "This incident still claims that money was stolen. Nothing was lifted; two people decide about the account.",
                )
            reason = f"incident ended as {look.outcome}"
            receipt = await self.wallet.release_restrictions(
                step.account_id, [step.restriction], reason, key=running.key
            )
            return Effect(
                MuleResult(step_key=step.step_key, restriction=step.restriction),
                receipt,
                (MuleReleased(step.restriction, running.started_at),),
                reason=reason,
            )

        return await self.steps.run(step, StepKind.RELEASE_MULE, MuleResult, effect, origin=activity_origin())
