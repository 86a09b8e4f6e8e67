"""Ask the account's trusted contacts, each told what they confirm by passing their code on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from activities.codes import challenge_reference
from activities.identity_ports import Challenges
from activities.messages import send_to, trusted_message
from activities.ports import Policies, Secrets
from activities.proving import presented_contact
from activities.steps import Effect, Running
from activities.wallet_ports import Messages
from models.contracts.claims import AskContactsInput, AskContactsResult
from models.contracts.identity import Claim, FactorKind
from models.contracts.wallet import AccountState, TrustedContact
from use_cases.identity.presenting import Presenting

MOST_ASKED = 9


@dataclass
class AskTrustedContacts:
    """Sends one code to each trusted contact of old. Who they are, and whether there are any, is in no answer."""

    presenting: Presenting
    challenges: Challenges
    messages: Messages
    secrets: Secrets
    policies: Policies

    async def run(self, claim: Claim) -> None:
        """Ask them, once for each claim. Errors: TOO_MANY_ATTEMPTS, REFUSED_BY_RULE, ALARM_WAITING, WALLET_UNREACHABLE.

        A later claim's codes replace unanswered ones and keep the count of failures.
        """
        facts, since = await self.presenting.claims.live(claim)
        step = AskContactsInput(
            incident_id=claim.incident_id,
            episode=claim.episode,
            step_key=f"identity/trusted/{claim.claim_id}",
            claim_id=claim.claim_id,
        )
        if await self.presenting.steps.store.done(step.incident_id, step.episode, step.step_key) is not None:
            return
        await self.presenting.count(claim, facts.account_id, FactorKind.TRUSTED_CONTACTS)
        listed = await self.presenting.claims.claims.listed(claim.incident_id)
        number = 1 + [each.claim_id for each in listed].index(claim.claim_id)

        async def effect(running: Running) -> Effect[AskContactsResult]:
            account = await self.presenting.wallet.account(facts.account_id)
            asked = self._of_old(account, since)
            if len(asked) < self.presenting.rules.trusted_contacts.least_enrolled:
                asked = []
            for contact in asked[:MOST_ASKED]:
                await self._ask(claim, contact, number, running.requested_at)
            return Effect(AskContactsResult(step_key=step.step_key, asked=len(asked)))

        try:
            await self.presenting.ask(step, effect)
        finally:
            # Asking is no guess, and a message company that is away is nobody's failure: only the pace of it was to be kept.
            await self.presenting.limits.succeeded(
                facts.account_id, FactorKind.TRUSTED_CONTACTS.value, claim.claim_id
            )

    def _of_old(self, account: AccountState, since: datetime) -> list[TrustedContact]:
        return [
            each
            for each in account.trusted_contacts
            if self.presenting.stood_before(
                presented_contact(account, each, FactorKind.TRUSTED_CONTACTS), since
            )
        ]

    async def _ask(self, claim: Claim, contact: TrustedContact, number: int, at: datetime) -> None:
        policy = self.policies.current().identity
        challenge_id = challenge_reference(claim.incident_id, claim.episode, contact.id)
        code = await self.secrets.code(claim.incident_id, challenge_id, number, policy.code_digits)
        wanted = await self.challenges.prepare(
            challenge_id=challenge_id,
            incident_id=claim.incident_id,
            episode=claim.episode,
            contact_id=contact.id,
            channel="trusted",
            contact_set_at=contact.set_at,
            round_number=number,
            code=code,
            sent_at=at,
            expires_at=at + timedelta(seconds=self.presenting.rules.trusted_contacts.code_seconds),
            attempts_allowed=policy.attempts_per_contact,
        )
        if not wanted:
            return
        # One who can never be reached keeps the others from nothing, and shows in no answer: fewer vouch then.
        await send_to(self.messages, f"{challenge_id}-{number}", contact, trusted_message(code, challenge_id))
