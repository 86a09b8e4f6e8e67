"""Who is the owner: one-time codes to contact points that were set before the compromise time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from temporalio import activity

from activities.changes import Change, CloseDecisionTasks, MoveIncident, QueueNotice, RecordProof
from activities.codes import ROUNDS_APART, CodeSender, challenge_reference, lifetime
from activities.contests import Contests
from activities.identity_ports import Challenges
from activities.origin import activity_origin
from activities.ports import Incidents
from activities.proving import CODE_TO, Judged, Prover, contacts_of_old, presented_contact
from activities.steps import LOOK, Effect, Running, Steps
from activities.wallet_ports import Wallet
from models.contracts.claims import CheckProofInput, CheckProofResult
from models.contracts.identity import FactorKind, IdentityRules, Presented, RefusedBecause
from models.contracts.incidents import (
    ContactChoice,
    IncidentFacts,
    PlanIdentityInput,
    PlanIdentityResult,
    RefusedContact,
    SendChallengeInput,
    SendChallengeResult,
)
from models.contracts.steps import Refusal
from models.contracts.wallet import AccountState, ContactKind, ContactPoint
from models.errors import ErrorCode, StanchError
from models.judging import refusal
from models.lifecycle import Event
from models.names import DecisionKind, NoticeTemplate, StepKind
from models.registered import Activity


def trusted_contacts(account: AccountState, since: datetime, swap_window: timedelta) -> list[ContactPoint]:
    """Contact points that stood before `since`, the oldest first, one per value.

    A number that the thief has replaced or removed counts with the time it was first set: it is the owner's. One that
    was set or changed since is never used, even if it has the older value's name; nor is a number that a SIM swap, a
    porting or a new holder has put into other hands.
    """
    chosen: dict[str, ContactPoint] = {}
    for point in sorted(contacts_of_old(account), key=lambda each: (each.set_at, each.id)):
        presented = presented_contact(account, point, CODE_TO[point.kind])
        if refusal(presented, since, swap_window) is None:
            chosen.setdefault(point.value, point)
    return list(chosen.values())


def refused_contacts(account: AccountState, since: datetime, swap_window: timedelta) -> list[RefusedContact]:
    """Contact points that are never used, and why. One that the owner had removed before is nobody's business."""
    refused = []
    for point in account.contact_points:
        reason = refusal(presented_contact(account, point, CODE_TO[point.kind]), since, swap_window)
        if reason is not None and reason is not RefusedBecause.REMOVED_BEFORE:
            refused.append(
                RefusedContact(contact_id=point.id, kind=point.kind, set_at=point.set_at, reason=reason.value)
            )
    return refused


@dataclass
class PlanIdentity:
    """Chooses which contact points may prove the owner, and records which were refused and why."""

    steps: Steps
    wallet: Wallet
    rules: IdentityRules

    @activity.defn(name=Activity.PLAN_IDENTITY)
    async def run(self, step: PlanIdentityInput) -> PlanIdentityResult:
        """Record the choice by the wallet's contact ids; values never enter a step."""

        async def effect(running: Running) -> Effect[PlanIdentityResult]:
            del running
            account = await self.wallet.account(step.account_id)
            window = timedelta(seconds=self.rules.swap_window_seconds)
            usable = trusted_contacts(account, step.compromised_since, window)
            # Where no code can be sent none is announced: an agent must look then.
            changes: tuple[Change, ...] = (QueueNotice(NoticeTemplate.IDENTITY_ASKED),) if usable else ()
            return Effect(
                PlanIdentityResult(
                    step_key=step.step_key,
                    usable=tuple(_choice(point) for point in usable),
                    refused=tuple(refused_contacts(account, step.compromised_since, window)),
                ),
                changes=changes,
            )

        return await self.steps.run(
            step, StepKind.PLAN_IDENTITY, PlanIdentityResult, effect, origin=activity_origin()
        )


@dataclass
class SendChallenge:
    """Sends one one-time code. The code is derived from the incident's key, so a repeated attempt sends the same."""

    steps: Steps
    wallet: Wallet
    codes: CodeSender
    rules: IdentityRules

    @activity.defn(name=Activity.SEND_CHALLENGE)
    async def run(self, step: SendChallengeInput) -> SendChallengeResult:
        """Commit the code's hash, then send it; recorded as refused when the contact is not trusted any more, has answered, or
        no message can ever reach it.
        """

        async def effect(running: Running) -> Effect[SendChallengeResult]:
            policy, kind = self.codes.policies.current().identity, ContactKind(step.contact.kind)
            result = SendChallengeResult(
                step_key=step.step_key,
                challenge_id=challenge_reference(step.incident_id, step.episode, step.contact.contact_id),
                expires_at=running.requested_at + lifetime(policy, kind),
            )
            account = await self.wallet.account(step.account_id)
            window = timedelta(seconds=self.rules.swap_window_seconds)
            trusted = {point.id: point for point in trusted_contacts(account, step.compromised_since, window)}
            point = trusted.get(step.contact.contact_id)
            if point is None:
                refusal = Refusal(
                    code=ErrorCode.REFUSED_BY_RULE,
                    message="This contact point is no longer one that stood before the compromise time. No code was "
                    "sent to it.",
                )
                return Effect(result.model_copy(update={"refusal": refusal}))
            number, at = step.round * ROUNDS_APART, running.requested_at
            refused = await self.codes.send(step.incident_id, step.episode, point, number, at)
            return Effect(result.model_copy(update={"refusal": refused}))

        return await self.steps.run(
            step, StepKind.CHALLENGE, SendChallengeResult, effect, origin=activity_origin()
        )


@dataclass
class CheckProof:
    """Asks whether the owner is proven: what one claimant presented in this episode, by the rules.

    Where two have shown something, people are told and asked at once, whoever of them is proven.
    """

    steps: Steps
    challenges: Challenges
    incidents: Incidents
    prover: Prover
    contests: Contests

    @activity.defn(name=Activity.CHECK_PROOF)
    async def run(self, step: CheckProofInput) -> CheckProofResult:
        """Recorded as a step, with IDENTITY_PROVEN, once it is proven; before that it is only a look."""
        facts = await self.incidents.facts(step.incident_id)
        judged = None if facts is None else await self._judged(step, facts)
        if facts is not None and judged is not None and judged.contested:
            await self.contests.note(step, facts.account_id, judged)
        if judged is None or judged.winner() is None:
            done = await self.steps.store.done(step.incident_id, step.episode, step.step_key)
            if done is None:
                exhausted = await self.challenges.exhausted(step.incident_id, step.episode)
                return CheckProofResult(step_key=LOOK, proven=False, factors=(), exhausted=exhausted)

        async def effect(running: Running) -> Effect[CheckProofResult]:
            found = None if facts is None else (await self._judged(step, facts)).winner()
            if found is None:
                raise StanchError(
                    ErrorCode.INTERNAL,
                    "What proved the owner a moment ago does not stand any more. Nothing was recorded; it is looked at "
                    "again.",
                )
            claim_id, said = found
            factors = tuple(sorted(_factor_name(each) for each in said.counted))
            newest = max(each.set_at for each in said.counted if each.set_at is not None)
            return Effect(
                CheckProofResult(step_key=step.step_key, proven=True, factors=factors),
                changes=(
                    RecordProof(factors, newest, running.started_at, claim_id),
                    MoveIncident(Event.IDENTITY_PROVEN),
                    CloseDecisionTasks((DecisionKind.IDENTITY_CONTESTED,), running.started_at),
                ),
            )

        return await self.steps.run(
            step, StepKind.VERIFY_IDENTITY, CheckProofResult, effect, origin=activity_origin()
        )

    async def _judged(self, step: CheckProofInput, facts: IncidentFacts) -> Judged:
        return await self.prover.judge(
            step.incident_id, step.episode, facts.account_id, step.compromised_since
        )


def _factor_name(factor: Presented) -> str:
    """How a factor stands in records: the channel of a code, the kind of anything else, and its reference."""
    short = {FactorKind.PHONE_CODE: "phone", FactorKind.EMAIL_CODE: "email"}.get(
        factor.kind, factor.kind.value
    )
    return f"{short}:{factor.reference}"


def _choice(point: ContactPoint) -> ContactChoice:
    return ContactChoice(contact_id=point.id, kind=point.kind, set_at=point.set_at)
