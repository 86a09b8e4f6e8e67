"""Document and liveness: the claimant is sent to a provider, whose signed word comes back once."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from activities.changes import RecordEvidence
from activities.identity_changes import AlertAgainst
from activities.identity_ports import Documents
from activities.steps import Effect, Running
from models.contracts.base import Message
from models.contracts.claims import BeginDocumentInput, PresentFactorInput, PresentFactorResult
from models.contracts.identity import Claim, DocumentVerdict, FactorKind, Presented
from models.contracts.steps import Origin, Refusal, StepResult
from models.errors import ErrorCode, StanchError
from models.ids import new_id
from models.names import Actor, StepKind
from use_cases.identity.claims import step_key_of
from use_cases.identity.presenting import CLAIMANT, Presenting

PROVIDER = "provider"
SHOWN = 26
"""Hexadecimal digits of a session's digest by which records name it; its reference itself is in none."""

OTHER_PERSON = "other_person"
"""The refusal's code when the provider saw somebody else: evidence that the claimant is not the owner."""


class DocumentSession(Message):
    """Where to send the claimant."""

    url: str


@dataclass
class ShowDocument:
    """Begins sessions and takes verdicts."""

    presenting: Presenting
    documents: Documents

    async def begin(self, claim: Claim) -> DocumentSession:
        """Open a session and give its address; each counts as an attempt until it is passed.

        Errors: TOO_MANY_ATTEMPTS, REFUSED_BY_RULE, ALARM_WAITING, WALLET_UNREACHABLE (the provider does not answer).
        """
        facts, _ = await self.presenting.claims.live(claim)
        await self.presenting.count(claim, facts.account_id, FactorKind.DOCUMENT)
        reference = secrets.token_urlsafe(24).replace("-", "a").replace("_", "b")
        digest = session_digest(reference)
        at = self.presenting.clock.now()
        expires_at = at + timedelta(seconds=self.presenting.rules.document.session_seconds)
        await self.presenting.claims.claims.ask(
            digest, claim.claim_id, FactorKind.DOCUMENT, asked_at=at, expires_at=expires_at
        )
        step = BeginDocumentInput(
            incident_id=claim.incident_id,
            episode=claim.episode,
            step_key=f"identity/document/{digest[:SHOWN]}",
            claim_id=claim.claim_id,
        )
        urls: list[str] = []

        async def effect(running: Running) -> Effect[StepResult]:
            del running
            urls.append(await self.documents.begin(reference, facts.account_id, expires_at))
            return Effect(StepResult(step_key=step.step_key))

        await self.presenting.steps.run(
            step,
            StepKind.CHALLENGE,
            StepResult,
            effect,
            origin=Origin(gateway_attempt=new_id()),
            actor=Actor.CLAIMANT,
            role=CLAIMANT,
        )
        return DocumentSession(url=urls[-1])

    async def callback(self, headers: Mapping[str, str], body: bytes) -> str | None:
        """Take the provider's word, once; the incident it is about, or None when it was taken before or came too late.

        Errors: UNAUTHENTICATED, INVALID; WALLET_UNREACHABLE and DATABASE_UNREACHABLE (the provider tells it again).
        """
        at = self.presenting.clock.now()
        verdict = self.documents.read_callback(headers, body, at)
        digest = session_digest(verdict.reference)
        claim_id = await self.presenting.claims.claims.asked(digest, FactorKind.DOCUMENT, at)
        claim = None if claim_id is None else await self.presenting.claims.claims.find(claim_id)
        if claim is None or claim.ended_at is not None:
            return None
        try:
            facts, since = await self.presenting.claims.live(claim)
        except StanchError as error:
            if error.matches(ErrorCode.REFUSED_BY_RULE):
                # What it was about is over: the provider need not tell it again.
                return None
            raise
        step = PresentFactorInput(
            incident_id=claim.incident_id,
            episode=claim.episode,
            # A word against the claimant is a record of its own, also where another session had passed.
            step_key=step_key_of(
                claim,
                "other-person" if verdict.verdict == OTHER_PERSON else f"factor/{FactorKind.DOCUMENT.value}",
                since,
            ),
            claim_id=claim.claim_id,
            factor=FactorKind.DOCUMENT,
        )

        async def effect(running: Running) -> Effect[PresentFactorResult]:
            result = PresentFactorResult(
                step_key=step.step_key, factor=FactorKind.DOCUMENT, reference=digest[:SHOWN]
            )
            if verdict.verdict != "passed":
                refused = result.model_copy(update={"refusal": _refusal(verdict)})
                told = AlertAgainst(claim.claim_id, OTHER_PERSON, running.started_at)
                return Effect(refused, changes=(told,) if verdict.verdict == OTHER_PERSON else ())
            account = await self.presenting.wallet.account(facts.account_id)
            shown = Presented(
                kind=FactorKind.DOCUMENT, reference=digest[:SHOWN], set_at=account.real_name_set_at
            )
            return Effect(
                result, changes=(RecordEvidence(claim.claim_id, shown, running.started_at, uses=digest),)
            )

        try:
            result = await self.presenting.steps.run(
                step,
                StepKind.FACTOR,
                PresentFactorResult,
                effect,
                origin=Origin(gateway_attempt=new_id()),
                actor=Actor.SYSTEM,
                role=PROVIDER,
            )
        except StanchError as error:
            if error.matches(ErrorCode.REFUSED_BY_RULE):
                return None
            raise
        if result.refusal is not None:
            await self.presenting.claims.claims.use(digest, FactorKind.DOCUMENT, at)
        else:
            await self.presenting.limits.succeeded(
                facts.account_id, FactorKind.DOCUMENT.value, claim.claim_id
            )
        return claim.incident_id


def session_digest(reference: str) -> str:
    """What is kept of a session's reference."""
    return hashlib.sha256(reference.encode()).hexdigest()


def _refusal(verdict: DocumentVerdict) -> Refusal:
    if verdict.verdict == OTHER_PERSON:
        message = "The provider saw another person than the one whose document the wallet knows."
        return Refusal(code=OTHER_PERSON, message=message)
    return Refusal(code="document_failed", message="The provider could not confirm document and face.")
