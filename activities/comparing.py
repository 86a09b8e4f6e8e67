"""Compare the account with its state before the compromise time: recorded before anything is reset."""

from __future__ import annotations

from dataclasses import dataclass

from temporalio import activity

from activities.difference import difference
from activities.origin import activity_origin
from activities.steps import Effect, Running, Steps
from activities.wallet_ports import Wallet
from models.contracts.security import CompareSecurityInput, CompareSecurityResult
from models.names import StepKind
from models.registered import Activity


@dataclass
class CompareSecurity:
    """One read of the account; what a reset does afterwards is told by its receipts."""

    steps: Steps
    wallet: Wallet

    @activity.defn(name=Activity.COMPARE_SECURITY)
    async def run(self, step: CompareSecurityInput) -> CompareSecurityResult:
        """Record the difference, labels masked. Errors: WALLET_UNREACHABLE, ACCOUNT_UNKNOWN."""

        async def effect(running: Running) -> Effect[CompareSecurityResult]:
            del running
            account = await self.wallet.account(step.account_id)
            return Effect(
                CompareSecurityResult(
                    step_key=step.step_key,
                    read_at=account.read_at,
                    compromised_since=step.compromised_since,
                    items=difference(account, step.compromised_since),
                )
            )

        return await self.steps.run(
            step, StepKind.COMPARE_SECURITY, CompareSecurityResult, effect, origin=activity_origin()
        )
