"""Give the account back: stage limits first, then the release, in stages with their own steps."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from temporalio import activity

from activities.changes import Change, CloseDecisionTasks, QueueNotice
from activities.contests import Contests
from activities.decisions import performer
from activities.gates import Gate
from activities.origin import activity_origin
from activities.ports import DecisionStore, Incidents
from activities.steps import Effect, Running, Steps
from activities.wallet_ports import Wallet
from models.contracts.identity import ProofAction
from models.contracts.incidents import (
    Decision,
    EnterStageInput,
    EnterStageResult,
    LiftLimitsInput,
    ReleaseInput,
    ReleaseResult,
)
from models.contracts.policy import StagePolicy
from models.contracts.steps import StepResult
from models.contracts.wallet import AccountState, StageLimits
from models.errors import ErrorCode, StanchError
from models.ids import restriction_id
from models.lifecycle import Event, Status
from models.names import DecisionKind, NoticeTemplate, Outcome, Scope, StepKind
from models.registered import Activity

LIFTING = {Outcome.RESTORED: Event.RETURN_INTENDED, Outcome.ACCOUNT_CLOSED: Event.CLOSURE_INTENDED}
"""A restored account goes back in stages, a closed one never; every other ending lifts the freeze without stages."""


JUDGED_AGAIN = {Outcome.RESTORED: ProofAction.RESTORE, Outcome.FALSE_ALARM: ProofAction.FALSE_ALARM}
"""Endings that rely on the owner's proof, and what it must be enough for."""

SETTLED = tuple(kind for kind in DecisionKind if kind is not DecisionKind.STUCK and not kind.of_recovery)
"""Questions that a release leaves without an object. Where the money could not be followed the closing waits for an answer;
what is asked about the money outlives the freeze.
"""


def stage_reference(incident_id: str, episode: int) -> str:
    """The wallet's id for the stage limits of an episode. A later stage replaces the former, whatever its id; a lifting
    names the id, so one that comes late cannot take the limits of the next episode away.
    """
    return f"{incident_id}/{episode}/stage"


def limits_of(stage: StagePolicy, account: AccountState, reference: str) -> StageLimits:
    """What the wallet is to allow in a stage, in every currency that the account has."""
    per_day = stage.outgoing_per_day
    return StageLimits(
        stage_id=reference,
        outgoing_per_day={} if per_day is None else {each.currency: per_day for each in account.balances},
        outgoing_total_blocked=stage.outgoing_blocked,
        new_payees_allowed=stage.new_payees_allowed,
        withdrawals_allowed=stage.withdrawals_allowed,
    )


@dataclass
class EnterStage:
    """Places the limits of one stage; the first stands before the restriction is released.

    Every further stage loosens the one before, so its intent refuses like that of the release itself.
    """

    steps: Steps
    wallet: Wallet
    contests: Contests

    @activity.defn(name=Activity.ENTER_STAGE)
    async def run(self, step: EnterStageInput) -> EnterStageResult:
        """Record the stage with its end, counted from the moment the wallet's limits took effect.

        Errors: PROOF_IN_DOUBT, before the first stage.
        """
        if (
            not step.stage_index
            and await self.steps.store.done(step.incident_id, step.episode, step.step_key) is None
        ):
            try:
                await self.contests.refuse_in_doubt(step, ProofAction.RESTORE)
            except StanchError as refused:
                await self.steps.happened(step, self.wallet, refused)

        async def effect(running: Running) -> Effect[EnterStageResult]:
            stage = step.policy.stages[step.stage_index]
            receipt = running.receipt
            if receipt is None:
                account = await self.wallet.account(step.account_id)
                limits = limits_of(stage, account, stage_reference(step.incident_id, step.episode))
                receipt = await self.wallet.place_stage(step.account_id, limits, key=running.key)
            entered = receipt.effective_at
            result = EnterStageResult(
                step_key=step.step_key,
                stage=stage.name,
                entered_at=entered,
                ends_at=entered + timedelta(seconds=stage.seconds),
            )
            notice = QueueNotice(
                NoticeTemplate.STAGE_ENTERED,
                fields={
                    "number": str(step.stage_index + 1),
                    "count": str(len(step.policy.stages)),
                    "ends_at": result.ends_at.isoformat(),
                },
            )
            return Effect(result, receipt, (notice,))

        return await self.steps.run(
            step,
            StepKind.STAGE,
            EnterStageResult,
            effect,
            origin=activity_origin(),
            lifting=Event.RETURN_INTENDED if step.stage_index else None,
            wallet=self.wallet,
        )


@dataclass
class Release:
    """Ends the restrictions of this episode and those before it by name: what a later alarm has placed stays.

    Its intent locks the incident row and refuses while an alarm waits (ALARM_WAITING); a return also needs the proof and
    every receipt (RESET_INCOMPLETE). Two people's decision is read before the intent and again right before the effect
    (FOUR_EYES, REFUSED_BY_RULE). Without one only a freeze ends that nothing but unproven reports asked for. Before the
    intent the claimants are judged again for this ending (PROOF_IN_DOUBT).
    """

    steps: Steps
    wallet: Wallet
    decisions: DecisionStore
    incidents: Incidents
    contests: Contests

    @activity.defn(name=Activity.RELEASE)
    async def run(self, step: ReleaseInput) -> ReleaseResult:
        """Record which restrictions ended, by whose decision."""
        if await self.steps.store.done(step.incident_id, step.episode, step.step_key) is None:
            try:
                await self._refuse_unallowed(step)
                if step.request_id is None:
                    await self.contests.refuse_contested(step)
                elif step.ending in JUDGED_AGAIN:
                    await self.contests.refuse_in_doubt(step, JUDGED_AGAIN[step.ending])
            except StanchError as refused:
                await self.steps.happened(step, self.wallet, refused)

        async def effect(running: Running) -> Effect[ReleaseResult]:
            by, receipt = None, running.receipt
            if step.request_id is not None:
                gate = Gate(self.steps, self.wallet, self.decisions)
                ask = partial(self._decision, step, step.request_id)
                decision, receipt = await gate.passed(step, running, step.request_id, ask)
                by = performer(decision)
            # A release that a relapse overtook may have left restrictions of earlier episodes standing.
            names = [
                restriction_id(step.incident_id, episode, scope)
                for episode in range(1, step.episode + 1)
                for scope in Scope
            ]
            receipt = receipt or await self.wallet.release_restrictions(
                step.account_id, names, f"incident ends as {step.ending}", key=running.key
            )
            result = ReleaseResult(
                step_key=step.step_key,
                ended=tuple(receipt.result["ended"]),
                still_standing=tuple(receipt.result["still_standing"]),
            )
            changes: list[Change] = [CloseDecisionTasks(SETTLED, running.started_at)]
            if step.ending is Outcome.RELEASED and step.request_id is None:
                changes.append(QueueNotice(NoticeTemplate.FREEZE_LAPSED))
            return Effect(result, receipt, tuple(changes), performer=by, reason=f"ends as {step.ending}")

        return await self.steps.run(
            step,
            StepKind.RELEASE,
            ReleaseResult,
            effect,
            origin=activity_origin(),
            lifting=LIFTING.get(step.ending, Event.RELEASE_INTENDED),
            wallet=self.wallet,
        )

    async def _decision(self, step: ReleaseInput, request_id: str) -> Decision:
        return await self.decisions.verify(
            request_id, incident_id=step.incident_id, episode=step.episode, choice=step.ending
        )

    async def _refuse_unallowed(self, step: ReleaseInput) -> None:
        """Before the intent. An alarm that changes any of this is unacknowledged until then, so the intent refuses it."""
        facts = await self.incidents.facts(step.incident_id)
        if facts is None:
            raise StanchError(ErrorCode.NOT_FOUND, "There is no incident with this id. Nothing was lifted.")
        if step.request_id is None:
            if step.ending is not Outcome.RELEASED or not facts.provisional:
                raise StanchError(
                    ErrorCode.FOUR_EYES,
                    "Only the freeze of an unproven report ends by its clock; anything else takes two people's decision. "
                    "Nothing was lifted.",
                )
            return
        decision = await self._decision(step, step.request_id)
        if decision.approved_by is None and facts.status not in {Status.OPENED, Status.RELEASING}:
            raise StanchError(
                ErrorCode.FOUR_EYES,
                "One person dismissed a report before anything was frozen; this freeze stands and takes two people to "
                "lift. Nothing was lifted.",
            )
        if step.ending is Outcome.FALSE_ALARM and not await self.incidents.proven(
            step.incident_id, step.episode
        ):
            raise StanchError(
                ErrorCode.REFUSED_BY_RULE,
                "Only the proven owner can call it a false alarm, and no proof stands. Nothing was lifted.",
            )
        if step.ending is Outcome.IMPOSTOR and not await self.incidents.impostor_found(step.incident_id):
            raise StanchError(
                ErrorCode.REFUSED_BY_RULE,
                "No claimant of this incident was found to be an impostor. Nothing was lifted.",
            )


@dataclass
class LiftLimits:
    """Takes stage limits away: at the end of the last stage, or where an ending without stages finds a return begun.

    Names the limits of every episode so far: nobody knows which of them a return that was overtaken had placed.
    """

    steps: Steps
    wallet: Wallet

    @activity.defn(name=Activity.LIFT_LIMITS)
    async def run(self, step: LiftLimitsInput) -> StepResult:
        """Record the wallet's receipt for this episode's limits."""

        async def effect(running: Running) -> Effect[StepResult]:
            receipt = running.receipt
            if receipt is None:
                for episode in range(1, step.episode):
                    name = stage_reference(step.incident_id, episode)
                    await self.wallet.lift_stage(step.account_id, name, key=f"{running.key}/{episode}")
                name = stage_reference(step.incident_id, step.episode)
                receipt = await self.wallet.lift_stage(step.account_id, name, key=running.key)
            whole = (QueueNotice(NoticeTemplate.ACCOUNT_WHOLE),) if step.ending is Outcome.RESTORED else ()
            return Effect(StepResult(step_key=step.step_key), receipt, whole)

        return await self.steps.run(
            step,
            StepKind.LIFT_LIMITS,
            StepResult,
            effect,
            origin=activity_origin(),
            lifting=LIFTING.get(step.ending, Event.RELEASE_INTENDED),
            wallet=self.wallet,
        )
