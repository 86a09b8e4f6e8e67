"""A forgotten password: find the account, send codes to contacts of old, and have the wallet send its link."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from temporalio import activity

from activities.changes import CloseDecisionTasks, MoveCredential, QueueNotice
from activities.codes import challenge_reference
from activities.credential_ports import Accounts, Credentials
from activities.decisions import performer
from activities.freeze import FINAL_CODES
from activities.identity import trusted_contacts
from activities.identity_ports import Challenges
from activities.messages import credential_message, send_to
from activities.origin import activity_origin
from activities.ports import DecisionStore, Policies, Secrets
from activities.proving import Prover
from activities.steps import LOOK, Effect, Running, Steps
from activities.wallet_ports import Messages, Wallet
from models.contracts.alarms import Sender
from models.contracts.credential import (
    CheckCredentialInput,
    CheckCredentialResult,
    CredentialCodeInput,
    CredentialCodeResult,
    CredentialEnding,
    CredentialLinkInput,
    CredentialLinkResult,
    CredentialState,
    EndCredentialInput,
    EndSessionsInput,
    EndSessionsResult,
    LookForPasswordInput,
    LookForPasswordResult,
    PlanCredentialInput,
    PlanCredentialResult,
)
from models.contracts.identity import IdentityRules, ProofAction
from models.contracts.incidents import ContactChoice
from models.contracts.steps import Refusal, StepResult
from models.contracts.wallet import ContactKind, ContactPoint
from models.errors import ErrorCode, StanchError
from models.names import DecisionKind, NoticeTemplate, SecurityItem, StepKind
from models.registered import Activity

CODE_ROUND = 1
SEND_LINK = "send_link"
"""What two people may choose instead of enough codes. The link goes to a contact of old all the same."""


def standing_contacts(account_points: list[ContactPoint]) -> list[ContactPoint]:
    """Those that still stand at the wallet: a forgotten password took none away."""
    return [point for point in account_points if point.removed_at is None]


@dataclass
class PlanCredential:
    """Finds whose number or address it is, and chooses the contacts that may get a code."""

    steps: Steps
    wallet: Wallet
    accounts: Accounts
    credentials: Credentials
    policies: Policies
    rules: IdentityRules

    @activity.defn(name=Activity.PLAN_CREDENTIAL)
    async def run(self, step: PlanCredentialInput) -> PlanCredentialResult:
        """Record the choice by the wallet's ids, or why nothing comes of it. Nobody outside sees which."""

        async def effect(running: Running) -> Effect[PlanCredentialResult]:
            asked, trusted_before = await self.credentials.asked(step.incident_id)
            facts = await self.credentials.facts(step.incident_id)
            assert facts is not None  # its asking was read a moment ago, and rows are never deleted
            rules = self.rules.credential
            plan = PlanCredentialResult(
                step_key=step.step_key,
                trusted_before=trusted_before,
                window_ends_at=facts.opened_at + timedelta(seconds=rules.window_seconds),
                link_seconds=rules.link_seconds,
                look_seconds=rules.look_seconds,
                decision_seconds=self.policies.current().approval.decision_seconds,
            )
            found = await self.accounts.find_accounts(asked.kind, asked.value)
            if len(found) != 1:
                return _over(plan, CredentialEnding.NOBODY, running.started_at)
            plan = plan.model_copy(update={"account_id": found[0]})
            if await self.credentials.open_incident(found[0]) is not None:
                return _over(plan, CredentialEnding.INCIDENT, running.started_at)
            account = await self.wallet.account(found[0])
            window = timedelta(seconds=self.rules.swap_window_seconds)
            usable = standing_contacts(trusted_contacts(account, trusted_before, window))
            chosen = tuple(
                ContactChoice(contact_id=each.id, kind=each.kind, set_at=each.set_at) for each in usable
            )
            moved = MoveCredential(CredentialState.CODES_SENT, running.started_at, account_id=found[0])
            return Effect(plan.model_copy(update={"contacts": chosen}), changes=(moved,))

        return await self.steps.run(
            step, StepKind.PLAN_CREDENTIAL, PlanCredentialResult, effect, origin=activity_origin()
        )


def _over(plan: PlanCredentialResult, ending: CredentialEnding, at: datetime) -> Effect[PlanCredentialResult]:
    moved = MoveCredential(CredentialState.ENDED, at, account_id=plan.account_id, ending=ending)
    return Effect(plan.model_copy(update={"ending": ending}), changes=(moved,))


@dataclass
class SendCredentialCode:
    """Sends one one-time code, as SendChallenge does for an incident: derived, so a repeated attempt sends the same."""

    steps: Steps
    wallet: Wallet
    messages: Messages
    challenges: Challenges
    secrets: Secrets
    policies: Policies
    rules: IdentityRules

    @activity.defn(name=Activity.SEND_CREDENTIAL_CODE)
    async def run(self, step: CredentialCodeInput) -> CredentialCodeResult:
        """Commit the code's hash, then send it; refused when the contact changed meanwhile or can never be reached."""

        async def effect(running: Running) -> Effect[CredentialCodeResult]:
            policy = self.policies.current().identity
            by_phone = step.contact.kind == ContactKind.PHONE
            lifetime = policy.phone_code_seconds if by_phone else policy.email_code_seconds
            expires_at = running.requested_at + timedelta(seconds=lifetime)
            challenge_id = challenge_reference(step.incident_id, step.episode, step.contact.contact_id)
            result = CredentialCodeResult(
                step_key=step.step_key, challenge_id=challenge_id, expires_at=expires_at
            )
            account = await self.wallet.account(step.account_id)
            window = timedelta(seconds=self.rules.swap_window_seconds)
            usable = standing_contacts(trusted_contacts(account, step.trusted_before, window))
            point = next((each for each in usable if each.id == step.contact.contact_id), None)
            if point is None:
                said = "This contact changed a moment ago. No code was sent to it."
                refusal = Refusal(code=ErrorCode.REFUSED_BY_RULE, message=said)
                return Effect(result.model_copy(update={"refusal": refusal}))
            code = await self.secrets.code(step.incident_id, challenge_id, CODE_ROUND, policy.code_digits)
            await self.challenges.prepare(
                challenge_id=challenge_id,
                incident_id=step.incident_id,
                episode=step.episode,
                contact_id=point.id,
                channel=point.kind,
                contact_set_at=point.set_at,
                round_number=CODE_ROUND,
                code=code,
                sent_at=running.requested_at,
                expires_at=expires_at,
                attempts_allowed=policy.attempts_per_contact,
            )
            words = credential_message(code, challenge_id)
            refused = await send_to(self.messages, f"{challenge_id}-{CODE_ROUND}", point, words)
            return Effect(result.model_copy(update={"refusal": refused}))

        return await self.steps.run(
            step, StepKind.CHALLENGE, CredentialCodeResult, effect, origin=activity_origin()
        )


@dataclass
class CheckCredential:
    """Asks whether enough was answered, by the rule of the action `credential`."""

    steps: Steps
    credentials: Credentials
    challenges: Challenges
    prover: Prover

    @activity.defn(name=Activity.CHECK_CREDENTIAL)
    async def run(self, step: CheckCredentialInput) -> CheckCredentialResult:
        """Recorded as a step once it is proven; before that it is only a look."""
        done = await self.steps.store.done(step.incident_id, step.episode, step.step_key)
        if await self.credentials.open_incident(step.account_id) is not None:
            return CheckCredentialResult(step_key=LOOK, proven=False, incident=True)
        if done is None and await self._factors(step) is None:
            facts = await self.credentials.facts(step.incident_id)
            exhausted = await self.challenges.exhausted(step.incident_id, step.episode)
            stuck = exhausted or (facts is not None and facts.help_wanted)
            return CheckCredentialResult(step_key=LOOK, proven=False, stuck=stuck)

        async def effect(running: Running) -> Effect[CheckCredentialResult]:
            factors = await self._factors(step)
            if factors is None:
                raise StanchError(
                    ErrorCode.INTERNAL,
                    "What proved the owner a moment ago does not stand any more. Nothing was recorded; it is looked at "
                    "again.",
                )
            moved = MoveCredential(CredentialState.PROVEN, running.started_at)
            result = CheckCredentialResult(step_key=step.step_key, proven=True, factors=factors)
            return Effect(result, changes=(moved,))

        return await self.steps.run(
            step, StepKind.VERIFY_IDENTITY, CheckCredentialResult, effect, origin=activity_origin()
        )

    async def _factors(self, step: CheckCredentialInput) -> tuple[str, ...] | None:
        judged = await self.prover.judge(
            step.incident_id, step.episode, step.account_id, step.trusted_before, ProofAction.CREDENTIAL
        )
        winner = judged.winner()
        if winner is None:
            return None
        return tuple(sorted(f"{each.kind.value}:{each.reference}" for each in winner[1].counted))


@dataclass
class SendCredentialLink:
    """Has the wallet send its one-use link to a contact of old: by email where one stands, for SMS carries none."""

    steps: Steps
    wallet: Wallet
    credentials: Credentials
    decisions: DecisionStore
    rules: IdentityRules

    @activity.defn(name=Activity.SEND_CREDENTIAL_LINK)
    async def run(self, step: CredentialLinkInput) -> CredentialLinkResult:
        """Record the wallet's receipt; refused while an incident is open, or when no contact of old stands.

        With `request_id` the rows of the decision are read again right before. Errors: FOUR_EYES, REFUSED_BY_RULE.
        """

        async def effect(running: Running) -> Effect[CredentialLinkResult]:
            by: Sender | None = None
            if step.request_id is not None:
                decision = await self.decisions.verify(
                    step.request_id, incident_id=step.incident_id, episode=step.episode, choice=SEND_LINK
                )
                by = performer(decision)
            blank = CredentialLinkResult(step_key=step.step_key)
            if await self.credentials.open_incident(step.account_id) is not None:
                return _refused(blank, CredentialEnding.INCIDENT, "An incident of this account is open.")
            account = await self.wallet.account(step.account_id)
            window = timedelta(seconds=self.rules.swap_window_seconds)
            usable = standing_contacts(trusted_contacts(account, step.trusted_before, window))
            usable.sort(key=lambda point: (point.kind is not ContactKind.EMAIL, point.set_at, point.id))
            if not usable:
                said = "No contact point that is old enough stands. Identity must be shown in an incident."
                return _refused(blank, CredentialEnding.NO_CONTACT, said)
            try:
                receipt = await self.wallet.owner_link(
                    step.account_id, usable[0].id, step.expires_at, key=running.key
                )
            except StanchError as error:
                if error.code not in FINAL_CODES:
                    raise
                return _refused(blank, CredentialEnding.NO_CONTACT, error.message)
            sent = blank.model_copy(
                update={
                    "contact_id": usable[0].id,
                    "receipt_id": receipt.receipt_id,
                    "sent_at": receipt.effective_at,
                }
            )
            moved = MoveCredential(CredentialState.LINK_SENT, running.started_at)
            closed = CloseDecisionTasks((DecisionKind.CREDENTIAL,), running.started_at)
            return Effect(sent, receipt, (moved, closed), performer=by)

        return await self.steps.run(
            step, StepKind.OWNER_LINK, CredentialLinkResult, effect, origin=activity_origin()
        )


def _refused(
    blank: CredentialLinkResult, ending: CredentialEnding, message: str
) -> Effect[CredentialLinkResult]:
    return Effect(blank.model_copy(update={"refusal": Refusal(code=ending.value, message=message)}))


@dataclass
class LookForPassword:
    """Whether the owner has set a new password at the wallet: read there, for nobody tells us. A look, not a step."""

    wallet: Wallet
    credentials: Credentials

    @activity.defn(name=Activity.LOOK_FOR_PASSWORD)
    async def run(self, look: LookForPasswordInput) -> LookForPasswordResult:
        """When the password was set that stands, if that was after the link was sent."""
        if await self.credentials.open_incident(look.account_id) is not None:
            # Whatever password was set by then is reset there.
            return LookForPasswordResult(renewed_at=None, incident=True)
        account = await self.wallet.account(look.account_id)
        entries = account.security.get(SecurityItem.PASSWORD, ())
        newer = [each.set_at for each in entries if each.active and each.set_at > look.since]
        return LookForPasswordResult(renewed_at=max(newer, default=None))


@dataclass
class EndSessions:
    """Ends every session, or every refresh token: whoever is in by the old password is out."""

    steps: Steps
    wallet: Wallet

    @activity.defn(name=Activity.END_SESSIONS)
    async def run(self, step: EndSessionsInput) -> EndSessionsResult:
        """Record the wallet's receipt; refused when the wallet says no for good."""

        async def effect(running: Running) -> Effect[EndSessionsResult]:
            blank = EndSessionsResult(step_key=step.step_key)
            try:
                receipt = await self.wallet.reset_item(
                    step.account_id, SecurityItem(step.item), step.trusted_before, key=running.key
                )
            except StanchError as error:
                if error.code not in FINAL_CODES:
                    raise
                refusal = Refusal(code=error.code, message=error.message)
                return Effect(blank.model_copy(update={"refusal": refusal}))
            return Effect(blank.model_copy(update={"receipt_id": receipt.receipt_id}), receipt)

        return await self.steps.run(
            step, StepKind.END_SESSIONS, EndSessionsResult, effect, origin=activity_origin()
        )


@dataclass
class EndCredential:
    """Notes how it ended. After a new password every contact of old is told, in the same commit."""

    steps: Steps
    decisions: DecisionStore

    @activity.defn(name=Activity.END_CREDENTIAL)
    async def run(self, step: EndCredentialInput) -> StepResult:
        """Record the ending. With `request_id` two people have decided so. Errors: FOUR_EYES, REFUSED_BY_RULE."""

        async def effect(running: Running) -> Effect[StepResult]:
            by: Sender | None = None
            if step.request_id is not None:
                decision = await self.decisions.verify(
                    step.request_id, incident_id=step.incident_id, episode=step.episode, choice="close"
                )
                by = performer(decision)
            renewed = step.ending is CredentialEnding.RENEWED
            state = CredentialState.RENEWED if renewed else CredentialState.ENDED
            moved = MoveCredential(state, running.started_at, ending=step.ending)
            closed = CloseDecisionTasks((DecisionKind.CREDENTIAL,), running.started_at)
            told = (
                (QueueNotice(NoticeTemplate.CREDENTIAL_RENEWED, account_id=step.account_id),)
                if renewed
                else ()
            )
            return Effect(
                StepResult(step_key=step.step_key),
                changes=(moved, closed, *told),
                performer=by,
                reason=step.ending.value,
            )

        return await self.steps.run(
            step, StepKind.END_CREDENTIAL, StepResult, effect, origin=activity_origin()
        )
