"""Answer a one-time code. Nobody signs in for this: the code is the secret."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from activities.identity_ports import Challenges, Limits
from activities.ports import Clock, Incidents
from activities.proving import Prover
from models.contracts.base import Message
from models.contracts.identity import Claim, IdentityRules, NewClaim
from models.errors import ErrorCode, StanchError
from models.ids import new_id
from use_cases.identity.claims import new_token, token_digest


class AnsweredChallenge(Message):
    """`remaining`: how much more must be shown before the owner counts as proven, 0 once they do."""

    accepted: bool
    remaining: int
    incident_id: str
    """For waking the engine; never told to whoever answered."""
    token: str | None = None
    """Of the claim that this code opened, for the next one of the same person; None where they had one."""


SAY = {
    "wrong": (ErrorCode.CODE_WRONG, "The code is not right. Nothing was changed; read the message again."),
    "unknown": (ErrorCode.CODE_WRONG, "The code is not right. Nothing was changed; read the message again."),
    "late": (
        ErrorCode.CODE_LATE,
        "The code is too old. Nothing was changed; use the newest message, or ask for new codes where you reported this.",
    ),
    "used": (
        ErrorCode.CODE_USED,
        "This code was used already. Nothing was changed; if it was not you, or your claim is over, ask for a new code.",
    ),
    "too_many": (
        ErrorCode.TOO_MANY_ATTEMPTS,
        "Too many wrong codes. Nothing was changed and the account stays protected; an agent must help now.",
    ),
}
"""What each outcome says. An unknown challenge sounds like a wrong code: nobody learns which challenges exist."""


@dataclass
class AnswerChallenge:
    """Checks one code. The attempt is counted before it is judged; count and check of a challenge are one statement."""

    challenges: Challenges
    incidents: Incidents
    limits: Limits
    prover: Prover
    rules: IdentityRules
    clock: Clock

    async def run(self, challenge_id: str, code: str, *, claim: Claim | None = None) -> AnsweredChallenge:
        """Count and check the attempt; an accepted one has Temporal look at the incident, in the same commit.

        With `claim` it counts for that claimant. Without, or with one of an episode that is over, it opens a claim of its
        own in that commit, whose token comes back: what two people answer is never added up. Errors: CODE_WRONG, CODE_LATE,
        CODE_USED, TOO_MANY_ATTEMPTS. Which contact it was is in no answer.
        """
        at = self.clock.now()
        claim = await self._current(claim)
        whose = await self.challenges.whose(challenge_id)
        account_id, contact = whose or ("", "")
        claimant = challenge_id if claim is None else claim.claim_id
        if whose is not None and not (await self.limits.reserve(account_id, contact, claimant, at)).allowed:
            raise StanchError(*SAY["too_many"])
        token = new_token()
        own = NewClaim(
            claim_id=new_id(),
            token_digest=token_digest(token),
            expires_at=at + timedelta(seconds=self.rules.claim_seconds),
        )
        outcome, _left, incident_id = await self.challenges.answer(
            challenge_id,
            code,
            at,
            claim_id=None if claim is None else claim.claim_id,
            opens=own if claim is None else None,
        )
        if outcome != "accepted" or incident_id is None:
            raise StanchError(*SAY.get(outcome, SAY["wrong"]))
        await self.limits.succeeded(account_id, contact, claimant)
        claim_id = own.claim_id if claim is None else claim.claim_id
        return AnsweredChallenge(
            accepted=True,
            remaining=await self._remaining(incident_id, claim_id),
            incident_id=incident_id,
            token=token if claim is None else None,
        )

    async def _current(self, claim: Claim | None) -> Claim | None:
        """The claim, while its episode lasts: in the next one everybody begins anew."""
        facts = None if claim is None else await self.incidents.facts(claim.incident_id)
        return claim if claim is not None and facts is not None and facts.episode == claim.episode else None

    async def _remaining(self, incident_id: str, claim_id: str) -> int:
        """How many further methods this claimant needs; what cannot be told now is at least one."""
        facts = await self.incidents.facts(incident_id)
        if facts is None or facts.compromised_since is None:
            return 1
        try:
            judged = await self.prover.judge(
                incident_id, facts.episode, facts.account_id, facts.compromised_since
            )
        except StanchError as error:
            if error.matches(ErrorCode.WALLET_UNREACHABLE):
                return 1
            raise
        said = judged.by_claim.get(claim_id)
        if said is None:
            return 1
        if said.proven:
            return 0
        return max(1, *(each.needed - each.have for each in said.missing))
