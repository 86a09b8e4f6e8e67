"""Give the account back: stage limits first, then the release, in stages with their own steps."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from temporalio import activity

from activities.changes import CloseDecisionTasks
from activities.decisions import performer
from activities.origin import activity_origin
from activities.ports import DecisionStore, Wallet
from activities.steps import Effect, Running, Steps
from models.contracts.incidents import (
    EnterStageInput,
    EnterStageResult,
    LiftLimitsInput,
    ReleaseInput,
    ReleaseResult,
)
from models.contracts.steps import StepResult
from models.contracts.wallet import StageLimits
from models.ids import restriction_id
from models.lifecycle import Event
from models.names import Activity, DecisionKind, Outcome, Scope, StepKind

LIFTING = {Outcome.RESTORED: Event.RETURN_INTENDED}
"""A restored account goes back in stages; every other ending lifts the freeze without them."""


def stage_reference(incident_id: str) -> str:
    """The wallet's id for the stage limits of an incident: a later stage, in any episode, replaces the former."""
    return f"{incident_id}/stage"


@dataclass
class EnterStage:
    """Places the limits of one stage; the first stands before the restriction is released."""

    steps: Steps
    wallet: Wallet

    @activity.defn(name=Activity.ENTER_STAGE)
    async def run(self, step: EnterStageInput) -> EnterStageResult:
        """Record the stage with its end, counted from the moment the wallet's limits took effect."""

        async def effect(running: Running) -> Effect[EnterStageResult]:
            stage = step.policy.stages[step.stage_index]
            account = await self.wallet.account(step.account_id)
            per_day = stage.outgoing_per_day
            limits = StageLimits(
                stage_id=stage_reference(step.incident_id),
                outgoing_per_day=(
                    {} if per_day is None else {each.currency: per_day for each in account.balances}
                ),
                outgoing_total_blocked=stage.outgoing_blocked,
                new_payees_allowed=stage.new_payees_allowed,
                withdrawals_allowed=stage.withdrawals_allowed,
            )
            receipt = await self.wallet.place_stage(step.account_id, limits, key=running.key)
            entered = receipt.effective_at
            result = EnterStageResult(
                step_key=step.step_key,
                stage=stage.name,
                entered_at=entered,
                ends_at=entered + timedelta(seconds=stage.seconds),
            )
            return Effect(result, receipt)

        return await self.steps.run(step, StepKind.STAGE, EnterStageResult, effect, origin=activity_origin())


@dataclass
class Release:
    """Ends the restrictions of this episode and those before it by name: what a later alarm has placed stays.

    Its intent locks the incident row and refuses while an alarm waits (ALARM_WAITING); a return also needs the proof and
    every receipt (RESET_INCOMPLETE). A person's decision is read again right before the effect (FOUR_EYES).
    """

    steps: Steps
    wallet: Wallet
    decisions: DecisionStore

    @activity.defn(name=Activity.RELEASE)
    async def run(self, step: ReleaseInput) -> ReleaseResult:
        """Record which restrictions ended, by whose decision."""

        async def effect(running: Running) -> Effect[ReleaseResult]:
            by = None
            if step.request_id is not None:
                by = performer(
                    await self.decisions.verify(
                        step.request_id,
                        incident_id=step.incident_id,
                        episode=step.episode,
                        choice=step.ending,
                    )
                )
            # A release that a relapse overtook may have left restrictions of earlier episodes standing.
            names = [
                restriction_id(step.incident_id, episode, scope)
                for episode in range(1, step.episode + 1)
                for scope in Scope
            ]
            receipt = await self.wallet.release_restrictions(
                step.account_id, names, f"incident ends as {step.ending}", key=running.key
            )
            result = ReleaseResult(
                step_key=step.step_key,
                ended=tuple(receipt.result["ended"]),
                still_standing=tuple(receipt.result["still_standing"]),
            )
            closed = CloseDecisionTasks(tuple(DecisionKind), running.started_at)
            return Effect(result, receipt, (closed,), performer=by, reason=f"ends as {step.ending}")

        return await self.steps.run(
            step,
            StepKind.RELEASE,
            ReleaseResult,
            effect,
            origin=activity_origin(),
            lifting=LIFTING.get(step.ending, Event.RELEASE_INTENDED),
        )


@dataclass
class LiftLimits:
    """Takes the last stage's limits away: the account is its owner's again."""

    steps: Steps
    wallet: Wallet

    @activity.defn(name=Activity.LIFT_LIMITS)
    async def run(self, step: LiftLimitsInput) -> StepResult:
        """Record the wallet's receipt."""

        async def effect(running: Running) -> Effect[StepResult]:
            name = stage_reference(step.incident_id)
            receipt = await self.wallet.lift_stage(step.account_id, name, key=running.key)
            return Effect(StepResult(step_key=step.step_key), receipt)

        return await self.steps.run(step, StepKind.LIFT_LIMITS, StepResult, effect, origin=activity_origin())
