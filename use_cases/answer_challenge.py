"""Answer a one-time code. Nobody signs in for this: the code is the secret."""

from __future__ import annotations

from dataclasses import dataclass

from activities.ports import Challenges, Clock, Incidents, Policies
from models.contracts.base import Message
from models.errors import ErrorCode, StanchError


class AnsweredChallenge(Message):
    """`remaining`: how many further contacts must answer before the owner counts as proven."""

    accepted: bool
    remaining: int
    incident_id: str
    """For waking the engine; never told to whoever answered."""


SAY = {
    "wrong": (ErrorCode.CODE_WRONG, "The code is not right. Nothing was changed; read the message again."),
    "unknown": (ErrorCode.CODE_WRONG, "The code is not right. Nothing was changed; read the message again."),
    "late": (
        ErrorCode.CODE_LATE,
        "The code is too old. Nothing was changed; use the newest message, or ask for new codes where you reported this.",
    ),
    "used": (
        ErrorCode.CODE_USED,
        "This code was used already. Nothing was changed; there is nothing more to do.",
    ),
    "too_many": (
        ErrorCode.TOO_MANY_ATTEMPTS,
        "Too many wrong codes. Nothing was changed and the account stays protected; an agent must help now.",
    ),
}
"""What each outcome says. An unknown challenge sounds like a wrong code: nobody learns which challenges exist."""


@dataclass
class AnswerChallenge:
    """Checks one code; the count of attempts and the check are one atomic statement of the store."""

    challenges: Challenges
    incidents: Incidents
    policies: Policies
    clock: Clock

    async def run(self, challenge_id: str, code: str) -> AnsweredChallenge:
        """Count and check the attempt; an accepted one has Temporal look at the incident, in the same commit.

        Errors: CODE_WRONG, CODE_LATE, CODE_USED, TOO_MANY_ATTEMPTS. Which contact it was is in no answer.
        """
        outcome, _left, incident_id = await self.challenges.answer(challenge_id, code, self.clock.now())
        if outcome != "accepted" or incident_id is None:
            raise StanchError(*SAY.get(outcome, SAY["wrong"]))
        facts = await self.incidents.facts(incident_id)
        required = self.policies.current().identity.contacts_required
        answered = 0 if facts is None else len(await self.challenges.answered(incident_id, facts.episode))
        return AnsweredChallenge(
            accepted=True, remaining=max(0, required - answered), incident_id=incident_id
        )
