"""The rounds of an incident's reset: an incomplete one goes to an agent, and is tried again by itself."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from models.contracts.policy import RESET_DEFAULTS
    from models.contracts.resets import ResetSecurityInput, ResetSecurityResult
    from models.lifecycle import Status
    from models.names import DecisionKind, SecurityItem
    from workflows.attention import Attention
    from workflows.reset_security import ResetSecurity

RESET_HEALS = "reset-heals"
"""Patch: what an incomplete reset has done is not done again, and it is tried again by itself."""


class ResetRounds(Attention):
    """Resets until everything is clean."""

    async def reset_security(self) -> ResetSecurityResult:
        """Every item with its receipt, read back; an incomplete one goes to an agent and is tried again.

        What is reset and stands so is not reset again: its steps are adopted, and the owner's new password stays.
        """
        clean: dict[SecurityItem, str] = {}
        asked: dict[str, str] | None = None
        rules = self.policy.reset or RESET_DEFAULTS
        pause = timedelta(seconds=rules.first_pause_seconds)
        while True:
            if self.facts.status is not Status.RESET or self.reset_again:
                self.reset_round += 1
                self.reset_again = False
            result = await self.attend_child(
                ResetSecurity.run,
                ResetSecurityInput(
                    incident_id=self.incident_id,
                    episode=self.facts.episode,
                    account_id=self.facts.account_id,
                    attempt=self.reset_round,
                    compromised_since=self.compromised_since(),
                    receipts=clean,
                ),
                part=f"security/{self.reset_round}",
            )
            if result.complete:
                self.receipts = dict(sorted(result.receipts.items()))
                return result
            heals = workflow.patched(RESET_HEALS)
            if heals:
                clean = {item: each for item, each in result.receipts.items() if item not in result.missing}
            missing = {item.value: why for item, why in sorted(result.missing.items())} | result.unstopped
            if missing != asked:
                asked = missing
                await self.ask(
                    DecisionKind.RESET_INCOMPLETE, ("try_again",), four_eyes=False, details=missing
                )
            await self.attend_until(
                lambda: self.choice("try_again", DecisionKind.RESET_INCOMPLETE) is not None,
                patience=pause if heals else None,
            )
            if self.choice("try_again", DecisionKind.RESET_INCOMPLETE) is not None:
                asked = None
            pause = min(2 * pause, timedelta(seconds=rules.longest_pause_seconds))
            await self.carry_out("try_again", DecisionKind.RESET_INCOMPLETE)
