"""A claimant asks for new codes, once those that were sent have run out: who sleeps through them needs no agent for it."""

from __future__ import annotations

from dataclasses import dataclass

from activities.codes import CodeSender
from activities.identity import trusted_contacts
from activities.identity_ports import Challenges
from activities.ports import Incidents
from activities.steps import Effect, Running
from models.contracts.claims import AskContactsInput, AskContactsResult
from models.contracts.identity import Claim
from models.errors import ErrorCode, StanchError
from use_cases.identity.presenting import Presenting


@dataclass
class AskForCodes:
    """Sends to contacts of old that were asked before, whose code has run out and whose answer does not count (any more).

    So a contact gets no second code while one is good. Counts of failures stay as they are, for contact, claimant and account.
    """

    presenting: Presenting
    challenges: Challenges
    codes: CodeSender
    incidents: Incidents

    async def run(self, claim: Claim) -> None:
        """Recorded as a step of the claimant's when anything was sent; which contacts there are is in no answer.

        Errors: REFUSED_BY_RULE (also once it was asked as often as a contact is sent codes), ALARM_WAITING,
        WALLET_UNREACHABLE.
        """
        facts, since = await self.presenting.claims.live(claim)
        if await self.incidents.proven(claim.incident_id, claim.episode):
            return
        at = self.presenting.clock.now()
        due = await self.challenges.run_out(claim.incident_id, claim.episode, at)
        if not due:
            return
        step = AskContactsInput(
            incident_id=claim.incident_id,
            episode=claim.episode,
            step_key=await self._free_key(claim),
            claim_id=claim.claim_id,
        )

        async def effect(running: Running) -> Effect[AskContactsResult]:
            account = await self.presenting.wallet.account(facts.account_id)
            asked = 0
            for point in trusted_contacts(account, since, self.presenting.swap_window):
                if point.id in due:
                    refused = await self.codes.send(
                        claim.incident_id, claim.episode, point, due[point.id] + 1, running.requested_at
                    )
                    asked += refused is None
            return Effect(AskContactsResult(step_key=step.step_key, asked=asked))

        await self.presenting.ask(step, effect)

    async def _free_key(self, claim: Claim) -> str:
        """Counted by what is on record: as often as the incident itself sends a contact codes."""
        for number in range(1, self.codes.policies.current().identity.codes_per_contact + 1):
            key = f"identity/again/{claim.claim_id}/{number}"
            if await self.presenting.steps.store.done(claim.incident_id, claim.episode, key) is None:
                return key
        raise StanchError(
            ErrorCode.REFUSED_BY_RULE,
            "New codes were asked for as often as may be. Nothing was sent and the account stays protected; an agent must help "
            "now.",
        )
