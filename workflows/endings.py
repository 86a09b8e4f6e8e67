"""How an incident ends without the stages, and how it is closed."""

from __future__ import annotations

import asyncio

from temporalio import workflow
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.close_account import CloseAccount
    from activities.closing import CloseTheIncident
    from activities.holds import ListHolds, ReleaseHold
    from activities.returning import LiftLimits, Release
    from models.contracts.closure import CloseAccountInput
    from models.contracts.incidents import CloseInput, LiftLimitsInput, ReleaseInput
    from models.contracts.money import ListHoldsInput, ReleaseHoldInput
    from models.dropped_claims import MAY_DROP
    from models.errors import ErrorCode
    from models.names import Outcome
    from workflows.attention import Attention
    from workflows.policies import LOOK, STEP, failed_with
    from workflows.turns import Ended, Relapsed, Voided


NOT_NOW = (ErrorCode.ALARM_WAITING, ErrorCode.ILLEGAL_MOVE, ErrorCode.PROOF_IN_DOUBT)
"""Something came in between: the story looks, and goes on with what it finds."""

ONE_RULE_FOR_CLAIMS = "one-rule-for-claims"
"""Patch: holds end with the incident by the rule that recovery and recalls go by. An impostor's ending, or one that the wallet
forced, let go of them; a relapse forgot who had been robbed."""


class Endings(Attention):
    """The part of an incident's story after it was decided that the freeze ends, or that the account does."""

    async def _end(self, ended: Ended) -> Outcome:
        """False alarm or lapse: the freeze ends without stages, and so does every hold of this incident."""
        self.ending, self.ending_request = ended.outcome, ended.request_id
        try:
            if ended.outcome is Outcome.ACCOUNT_CLOSED and ended.request_id is not None:
                await self._close_account(ended.request_id)
            else:
                await self._release(ended)
        except ActivityError as error:
            if any(failed_with(error, code) for code in NOT_NOW):
                self.ending = self.ending_request = None
                await self.look()
                raise Voided from error
            raise
        await self._lift_limits(ended.outcome)
        await self.money_settled()
        if workflow.patched(ONE_RULE_FOR_CLAIMS):
            if ended.outcome in MAY_DROP:
                await self._release_holds(ended.outcome, ending=ended.outcome)
        elif ended.outcome is Outcome.FALSE_ALARM or not self.proven:
            await self._release_holds(ended.outcome)
        return await self._close(ended.outcome, (), ())

    async def _release(self, ended: Ended) -> None:
        await workflow.execute_activity_method(
            Release.run,
            ReleaseInput(
                incident_id=self.incident_id,
                episode=self.facts.episode,
                step_key="release" if ended.request_id is None else f"approval/{ended.request_id}",
                account_id=self.facts.account_id,
                ending=ended.outcome,
                request_id=ended.request_id,
            ),
            summary=f"release: {ended.outcome}",
            **STEP,
        )

    async def _close_account(self, request_id: str) -> None:
        """The proven owner does not want it back, or not after all. Where the wallet refuses, people decide anew; the account
        stays frozen meanwhile, and one that was coming back goes on in its stages.
        """
        closed = await workflow.execute_activity_method(
            CloseAccount.run,
            CloseAccountInput(
                incident_id=self.incident_id,
                episode=self.facts.episode,
                step_key=f"approval/{request_id}",
                account_id=self.facts.account_id,
                request_id=request_id,
            ),
            summary="pay the account out and close it",
            **STEP,
        )
        if closed.refusal is not None:
            self.ending = self.ending_request = None
            await self.look()
            raise Voided

    async def _lift_limits(self, ending: Outcome) -> None:
        """A return that was begun, in this episode or an earlier one, has left the limits of its stage."""
        if self.return_round:
            await workflow.execute_activity_method(
                LiftLimits.run,
                LiftLimitsInput(
                    incident_id=self.incident_id,
                    episode=self.facts.episode,
                    step_key="release/lift-limits",
                    account_id=self.facts.account_id,
                    ending=ending,
                ),
                **STEP,
            )

    async def _release_holds(self, outcome: Outcome, *, ending: Outcome | None = None) -> None:
        """Nothing was stolen, as far as anybody proved: what is held goes back to its place.

        Where the claim on it stands (models.dropped_claims) the list is empty, and so the holds stand.
        """
        holds = await workflow.execute_activity_method(
            ListHolds.run, ListHoldsInput(incident_id=self.incident_id, ending=ending), **LOOK
        )
        await asyncio.gather(
            *(
                workflow.execute_activity_method(
                    ReleaseHold.run,
                    ReleaseHoldInput(
                        incident_id=self.incident_id,
                        episode=self.facts.episode,
                        step_key=f"release-hold/{hold_id}",
                        hold_id=hold_id,
                        reason=f"incident ended as {outcome}",
                    ),
                    **STEP,
                )
                for hold_id in holds.hold_ids
            )
        )

    async def _close(self, outcome: Outcome, factors: tuple[str, ...], stages: tuple[str, ...]) -> Outcome:
        """Close in the commit that refuses while an alarm waits; such an alarm has begun the next episode."""
        await self.money_settled()
        try:
            closed = await workflow.execute_activity_method(
                CloseTheIncident.run,
                CloseInput(
                    incident_id=self.incident_id,
                    episode=self.facts.episode,
                    step_key="close",
                    account_id=self.facts.account_id,
                    outcome=outcome,
                    refreezes=self.refreezes,
                    factors=factors,
                    stages=stages,
                ),
                summary=f"close: {outcome}",
                **STEP,
            )
        except ActivityError as error:
            if any(failed_with(error, code) for code in (ErrorCode.ALARM_WAITING, ErrorCode.ILLEGAL_MOVE)):
                await self.look()
                raise Relapsed from error
            raise
        return closed.outcome
