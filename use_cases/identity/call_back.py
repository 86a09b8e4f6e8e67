"""An agent called a number of old and says what came of it: evidence by a person, counted once, never enough alone."""

from __future__ import annotations

from dataclasses import dataclass

from activities.changes import RecordEvidence
from activities.identity_changes import AlertAgainst
from activities.proving import contacts_of_old, presented_contact
from activities.steps import Effect, Running
from models.contracts.alarms import Sender
from models.contracts.claims import CallBackInput, PresentFactorResult
from models.contracts.identity import Claim, FactorKind
from models.contracts.steps import Origin, Refusal
from models.contracts.wallet import ContactKind
from models.errors import ErrorCode, StanchError
from models.ids import new_id
from models.names import Actor, StepKind
from use_cases.identity.claims import step_key_of
from use_cases.identity.presenting import Presenting

DENIED = "denied"
"""The refusal's code when whoever answered the old number knows nothing of the claim: evidence against the claimant."""


@dataclass
class CallBack:
    """Records call-backs."""

    presenting: Presenting

    async def run(
        self, claim: Claim, contact_id: str, reason: str, *, confirmed: bool, by: Sender
    ) -> PresentFactorResult:
        """Record what the agent heard on this number, under the agent's name; once confirmed it is not said again.

        A denial is a record of its own, also after a confirmation, and staff are alerted. Errors: REFUSED_BY_RULE when it is
        no phone number that stood before the theft, the claim is over, or a claim that was denied is confirmed;
        ALARM_WAITING, WALLET_UNREACHABLE.
        """
        facts, since = await self.presenting.claims.live(claim)
        step = CallBackInput(
            incident_id=claim.incident_id,
            episode=claim.episode,
            step_key=step_key_of(claim, "call-back" if confirmed else "denial", since),
            claim_id=claim.claim_id,
            contact_id=contact_id,
            confirmed=confirmed,
        )
        account = await self.presenting.wallet.account(facts.account_id)
        numbers = {
            each.id: presented_contact(account, each, FactorKind.CALL_BACK)
            for each in contacts_of_old(account)
            if each.kind is ContactKind.PHONE
        }
        called = numbers.get(contact_id)
        if called is None or not self.presenting.stood_before(called, since):
            raise StanchError(
                ErrorCode.REFUSED_BY_RULE,
                "This is no phone number that stood before the theft and is still in the owner's hands. Nothing was "
                "recorded; call another one, or ask for a document.",
            )

        if confirmed and await self._denied(claim):
            raise StanchError(
                ErrorCode.REFUSED_BY_RULE,
                "Whoever answered an old number has denied this claim, so no further call counts for it. Nothing was recorded; "
                "ask for a document, or have two people decide about the claimant.",
            )

        async def effect(running: Running) -> Effect[PresentFactorResult]:
            result = PresentFactorResult(
                step_key=step.step_key, factor=FactorKind.CALL_BACK, reference=contact_id
            )
            if not confirmed:
                said = Refusal(code=DENIED, message="Whoever answered there did not make this claim.")
                told = AlertAgainst(claim.claim_id, DENIED, running.started_at)
                return Effect(result.model_copy(update={"refusal": said}), changes=(told,), reason=reason)
            return Effect(
                result, changes=(RecordEvidence(claim.claim_id, called, running.started_at),), reason=reason
            )

        return await self.presenting.steps.run(
            step,
            StepKind.CALL_BACK,
            PresentFactorResult,
            effect,
            origin=Origin(gateway_attempt=new_id()),
            actor=Actor(by.role.value),
            role=by.name,
        )

    async def _denied(self, claim: Claim) -> bool:
        against = await self.presenting.claims.claims.against(claim.incident_id)
        return any((each.claim_id, each.what) == (claim.claim_id, DENIED) for each in against)
