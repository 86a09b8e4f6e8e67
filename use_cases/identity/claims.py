"""Open a claim for somebody who says they are the owner, and let them in again by its token."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass
from datetime import UTC, timedelta

from activities.identity_ports import IdentityClaims
from activities.ports import Clock, Incidents
from models.contracts.alarms import Sender
from models.contracts.base import Message, Moment
from models.contracts.identity import UNCLAIMED, Claim, IdentityRules
from models.contracts.incidents import IncidentFacts
from models.errors import ErrorCode, StanchError
from models.ids import new_id

TOKEN = re.compile(r"stanch_claim_[A-Za-z0-9_\-]{43}")


class OpenedClaim(Message):
    """The only moment at which the token can be read: only its sha256 is kept. It lets the claimant in, and proves nothing."""

    claim_id: str
    token: str
    expires_at: Moment


def new_token() -> str:
    """A claim's token: 256 random bits."""
    return f"stanch_claim_{secrets.token_urlsafe(32)}"


def token_digest(token: str) -> str:
    """What is kept of a token: it holds 256 random bits, there is nothing to guess."""
    return hashlib.sha256(token.encode()).hexdigest()


@dataclass
class Claims:
    """Opens claims and finds them."""

    claims: IdentityClaims
    incidents: Incidents
    rules: IdentityRules
    clock: Clock

    async def open(self, incident_id: str, *, by: Sender) -> OpenedClaim:
        """Commit a claim and give its token, once. Errors: NOT_FOUND; REFUSED_BY_RULE when the incident is closed."""
        facts = await self.facts(incident_id)
        if facts.closed_at is not None:
            raise StanchError(ErrorCode.REFUSED_BY_RULE, "This incident is closed. Nothing was changed.")
        at = self.clock.now()
        claim = Claim(
            claim_id=new_id(),
            incident_id=incident_id,
            episode=facts.episode,
            opened_by=by.operator_id,
            opened_at=at,
            expires_at=at + timedelta(seconds=self.rules.claim_seconds),
        )
        token = new_token()
        await self.claims.open(claim, token_digest(token))
        return OpenedClaim(claim_id=claim.claim_id, token=token, expires_at=claim.expires_at)

    async def enter(self, token: str) -> Claim:
        """The live claim of a token. Errors: UNAUTHENTICATED, whether it is unknown, ended or too old."""
        found = await self.claims.by_token(token_digest(token)) if TOKEN.fullmatch(token) else None
        if found is None or found.ended_at is not None or found.expires_at <= self.clock.now():
            raise StanchError(
                ErrorCode.UNAUTHENTICATED,
                "This is no claim that can go on. Nothing was changed; ask an agent for a new one, or answer a code without "
                "it, which opens one.",
            )
        return found

    async def of_incident(self, incident_id: str, claim_id: str) -> Claim:
        """A claim for people of the house, ended or not. Errors: NOT_FOUND, also when it is another incident's."""
        found = await self.claims.find(claim_id)
        if found is None or found.incident_id != incident_id:
            raise StanchError(ErrorCode.NOT_FOUND, "There is no such claim here. Nothing was changed.")
        return found

    async def unclaimed(self, incident_id: str) -> Claim:
        """Whoever answered codes of this episode without a claim, as a claimant for people of the house. Errors: NOT_FOUND."""
        facts = await self.facts(incident_id)
        if not await self.claims.unclaimed(incident_id, facts.episode):
            raise StanchError(ErrorCode.NOT_FOUND, "There is no such claim here. Nothing was changed.")
        opened = facts.episode_opened_at
        return Claim(
            claim_id=UNCLAIMED,
            incident_id=incident_id,
            episode=facts.episode,
            opened_by=None,
            opened_at=opened,
            expires_at=opened,
        )

    async def facts(self, incident_id: str) -> IncidentFacts:
        """The incident. Errors: NOT_FOUND."""
        facts = await self.incidents.facts(incident_id)
        if facts is None:
            raise StanchError(ErrorCode.NOT_FOUND, "There is no incident with this id. Nothing was changed.")
        return facts

    async def current(self, claim: Claim) -> IncidentFacts:
        """The incident of a claim that can still change something. Errors: REFUSED_BY_RULE, when either is over."""
        facts = await self.facts(claim.incident_id)
        if facts.closed_at is not None or facts.episode != claim.episode or claim.ended_at is not None:
            raise StanchError(
                ErrorCode.REFUSED_BY_RULE,
                "This claim is over. Nothing was changed; open a new one if the claimant comes again.",
            )
        return facts

    async def live(self, claim: Claim) -> tuple[IncidentFacts, Moment]:
        """The incident of a claim and its compromise time. Errors: REFUSED_BY_RULE (episode over), ALARM_WAITING."""
        facts = await self.incidents.facts(claim.incident_id)
        over = facts is None or facts.closed_at is not None or facts.episode != claim.episode
        if facts is None or over or claim.ended_at is not None:
            raise StanchError(
                ErrorCode.REFUSED_BY_RULE,
                "What this claim was about is over. Nothing was changed; ask the agent for a new one.",
            )
        if facts.compromised_since is None:
            raise StanchError(
                ErrorCode.ALARM_WAITING,
                "The alarm has not taken effect yet. Nothing was changed; try again in a moment.",
            )
        return facts, facts.compromised_since


def step_key_of(claim: Claim, what: str, since: Moment) -> str:
    """The key of a claimant's step. What was presented relies on a compromise time: when that moves, it is shown anew."""
    return f"identity/{what}/{claim.claim_id}/{since.astimezone(UTC):%Y%m%dT%H%M%S%f}"
