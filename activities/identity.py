"""Who is the owner: one-time codes to contact points that were set before the compromise time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from temporalio import activity

from activities.changes import Change, MoveIncident, QueueNotice, RecordProof
from activities.messages import code_message
from activities.origin import activity_origin
from activities.ports import Challenges, Messages, Policies, Secrets, Wallet
from activities.steps import LOOK, Effect, Running, Steps
from models.contracts.incidents import (
    CheckProofInput,
    CheckProofResult,
    ContactChoice,
    PlanIdentityInput,
    PlanIdentityResult,
    SendChallengeInput,
    SendChallengeResult,
)
from models.contracts.steps import Refusal
from models.contracts.wallet import AccountState, ContactKind, ContactPoint
from models.digests import digest
from models.errors import ErrorCode, StanchError
from models.lifecycle import Event
from models.names import Activity, NoticeTemplate, StepKind


def trusted_contacts(account: AccountState, since: datetime) -> list[ContactPoint]:
    """Contact points that stood before `since`, the oldest first, one per value.

    A number that the thief has replaced or removed counts with the time it was first set: it is the owner's. One that
    was set or changed since is never used, even if it has the older value's name.
    """
    candidates = [point for point in account.contact_points if point.set_at < since]
    candidates += [
        point.model_copy(
            update={
                "id": f"{point.id}.previous",
                "value": point.previous_value,
                "set_at": point.previous_set_at,
                "previous_value": None,
            }
        )
        for point in account.contact_points
        if point.set_at >= since
        and point.previous_value is not None
        and point.previous_set_at is not None
        and point.previous_set_at < since
    ]
    chosen: dict[str, ContactPoint] = {}
    for point in sorted(candidates, key=lambda each: (each.set_at, each.id)):
        removed_before = point.removed_at is not None and point.removed_at < since
        if not removed_before:
            chosen.setdefault(point.value, point)
    return list(chosen.values())


@dataclass
class PlanIdentity:
    """Chooses which contact points may prove the owner, and records which were refused and why."""

    steps: Steps
    wallet: Wallet

    @activity.defn(name=Activity.PLAN_IDENTITY)
    async def run(self, step: PlanIdentityInput) -> PlanIdentityResult:
        """Record the choice by the wallet's contact ids; values never enter a step."""

        async def effect(running: Running) -> Effect[PlanIdentityResult]:
            del running
            account = await self.wallet.account(step.account_id)
            usable = trusted_contacts(account, step.compromised_since)
            refused = [point for point in account.contact_points if point.set_at >= step.compromised_since]
            # Where no code can be sent none is announced: an agent must look then.
            changes: tuple[Change, ...] = (QueueNotice(NoticeTemplate.IDENTITY_ASKED),) if usable else ()
            return Effect(
                PlanIdentityResult(
                    step_key=step.step_key,
                    usable=tuple(_choice(point) for point in usable),
                    refused=tuple(_choice(point) for point in refused),
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
    messages: Messages
    challenges: Challenges
    secrets: Secrets
    policies: Policies

    @activity.defn(name=Activity.SEND_CHALLENGE)
    async def run(self, step: SendChallengeInput) -> SendChallengeResult:
        """Commit the code's hash, then send it; recorded as refused when the contact is not trusted any more, or no message can
        ever reach it.
        """

        async def effect(running: Running) -> Effect[SendChallengeResult]:
            policy = self.policies.current().identity
            lifetime = (
                policy.phone_code_seconds
                if step.contact.kind == ContactKind.PHONE
                else policy.email_code_seconds
            )
            expires_at = running.requested_at + timedelta(seconds=lifetime)
            challenge_id = challenge_reference(step.incident_id, step.episode, step.contact.contact_id)
            result = SendChallengeResult(
                step_key=step.step_key, challenge_id=challenge_id, expires_at=expires_at
            )
            account = await self.wallet.account(step.account_id)
            trusted = {point.id: point for point in trusted_contacts(account, step.compromised_since)}
            point = trusted.get(step.contact.contact_id)
            if point is None:
                refusal = Refusal(
                    code=ErrorCode.REFUSED_BY_RULE,
                    message="This contact point is no longer one that stood before the compromise time. No code was "
                    "sent to it.",
                )
                return Effect(result.model_copy(update={"refusal": refusal}))
            code = await self.secrets.code(step.incident_id, challenge_id, step.round, policy.code_digits)
            await self.challenges.prepare(
                challenge_id=challenge_id,
                incident_id=step.incident_id,
                episode=step.episode,
                contact_id=point.id,
                channel=point.kind,
                contact_set_at=point.set_at,
                round_number=step.round,
                code=code,
                sent_at=running.requested_at,
                expires_at=expires_at,
                attempts_allowed=policy.attempts_per_contact,
            )
            subject, body = code_message(code, challenge_id)
            channel = "sms" if point.kind is ContactKind.PHONE else "email"
            try:
                await self.messages.send(f"{challenge_id}-{step.round}", channel, point.value, subject, body)
            except StanchError as error:
                if not error.matches(ErrorCode.WALLET_REFUSED):
                    raise
                # One address that nothing can be sent to must not take the codes of the others with it.
                refusal = Refusal(code=error.code, message=error.message)
                return Effect(result.model_copy(update={"refusal": refusal}))
            return Effect(result)

        return await self.steps.run(
            step, StepKind.CHALLENGE, SendChallengeResult, effect, origin=activity_origin()
        )


@dataclass
class CheckProof:
    """Asks whether the owner is proven: enough different old contact points answered in this episode."""

    steps: Steps
    challenges: Challenges
    policies: Policies

    @activity.defn(name=Activity.CHECK_PROOF)
    async def run(self, step: CheckProofInput) -> CheckProofResult:
        """Recorded as a step, with IDENTITY_PROVEN, once it is proven; before that it is only a look."""
        required = self.policies.current().identity.contacts_required
        if len(await self._answered(step)) < required:
            done = await self.steps.store.done(step.incident_id, step.episode, step.step_key)
            if done is None:
                exhausted = await self.challenges.exhausted(step.incident_id, step.episode)
                return CheckProofResult(step_key=LOOK, proven=False, factors=(), exhausted=exhausted)

        async def effect(running: Running) -> Effect[CheckProofResult]:
            answered = await self._answered(step)
            if len(answered) < required:
                raise StanchError(
                    ErrorCode.INTERNAL,
                    "The compromise time moved while the codes were looked at, and too few of them stand. Nothing was "
                    "recorded; the proof is looked at again.",
                )
            factors = tuple(sorted(f"{channel}:{contact}" for channel, contact, _ in answered))
            newest = max(set_at for _, _, set_at in answered)
            return Effect(
                CheckProofResult(step_key=step.step_key, proven=True, factors=factors),
                changes=(
                    RecordProof(factors, newest, running.started_at),
                    MoveIncident(Event.IDENTITY_PROVEN),
                ),
            )

        return await self.steps.run(
            step, StepKind.VERIFY_IDENTITY, CheckProofResult, effect, origin=activity_origin()
        )

    async def _answered(self, step: CheckProofInput) -> list[tuple[str, str, datetime]]:
        answered = await self.challenges.answered(step.incident_id, step.episode)
        return [each for each in answered if each[2] < step.compromised_since]


def challenge_reference(incident_id: str, episode: int, contact_id: str) -> str:
    """The challenge's id: from business keys, so every attempt and round of one contact shares it."""
    return digest(["challenge", incident_id, episode, contact_id])[:26].upper()


def _choice(point: ContactPoint) -> ContactChoice:
    return ContactChoice(contact_id=point.id, kind=point.kind, set_at=point.set_at)
