"""The code that the owner's link asks for besides: shown to the proven claimant and to nobody else."""

from __future__ import annotations

from dataclasses import dataclass

from activities.contact_ports import ContactHistory
from activities.owner_link import link_code
from activities.ports import Secrets
from models.contracts.base import Message
from models.contracts.identity import Claim
from models.contracts.resets import OwnerLinkResult
from models.errors import ErrorCode, StanchError
from models.names import StepKind, StepStatus
from use_cases.identity.claims import TOKEN, Claims, token_digest
from use_cases.ports import Overview


class LinkCode(Message):
    """`code`: what the wallet's page asks for; None where no link waits for one from this claimant."""

    code: str | None


@dataclass
class ShowLinkCode:
    """A link may have gone to a contact of which nobody has shown who reads it. With this code only the owner can use it."""

    claims: Claims
    history: ContactHistory
    overview: Overview
    secrets: Secrets

    async def enter(self, token: str) -> Claim:
        """The claim of a token. A proven owner may come for the code when the claim is too old to present anything with.

        Errors: UNAUTHENTICATED, whether it is unknown or has ended.
        """
        found = await self.claims.claims.by_token(token_digest(token)) if TOKEN.fullmatch(token) else None
        if found is None or found.ended_at is not None:
            raise StanchError(
                ErrorCode.UNAUTHENTICATED,
                "This is no claim that can go on. Nothing was changed; ask the agent for a new one.",
            )
        return found

    async def run(self, claim: Claim) -> LinkCode:
        """The code of the newest link, where it asks for one and this claim is the standing proof's. Errors: ERASED."""
        proof = await self.history.proof(claim.incident_id, claim.episode)
        if proof is None or proof.claim_id != claim.claim_id:
            return LinkCode(code=None)
        sent = [
            step
            for step in await self.overview.steps(claim.incident_id)
            if step.kind is StepKind.OWNER_LINK
            and step.status is StepStatus.DONE
            and step.episode == claim.episode
        ]
        if not sent or not OwnerLinkResult.model_validate(sent[-1].result).confirmed:
            return LinkCode(code=None)
        return LinkCode(code=await link_code(self.secrets, claim.incident_id, sent[-1].step_key))
