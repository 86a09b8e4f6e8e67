"""One one-time code to one contact point of the owner: its hash is committed first, then it is sent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from activities.identity_ports import Challenges
from activities.messages import code_message, send_to
from activities.ports import Policies, Secrets
from activities.wallet_ports import Messages
from models.contracts.policy import IdentityPolicy
from models.contracts.steps import Refusal
from models.contracts.wallet import ContactKind, ContactPoint
from models.digests import digest
from models.errors import ErrorCode

ROUNDS_APART = 1000
"""Between two rounds of the incident there is room for codes that claimants ask for themselves; each round replaces what came
before it.
"""


def challenge_reference(incident_id: str, episode: int, contact_id: str) -> str:
    """The challenge's id: from business keys, so every attempt and round of one contact shares it."""
    return digest(["challenge", incident_id, episode, contact_id])[:26].upper()


@dataclass
class CodeSender:
    """The code is derived from the incident's key, its challenge and round, so a repeated attempt sends the same."""

    challenges: Challenges
    messages: Messages
    secrets: Secrets
    policies: Policies

    async def send(
        self, incident_id: str, episode: int, point: ContactPoint, round_number: int, at: datetime
    ) -> Refusal | None:
        """The refusal where nothing was sent: the contact has answered, or no message can ever reach it.

        Errors: WALLET_UNREACHABLE (try again under the same round).
        """
        policy = self.policies.current().identity
        challenge_id = challenge_reference(incident_id, episode, point.id)
        code = await self.secrets.code(incident_id, challenge_id, round_number, policy.code_digits)
        wanted = await self.challenges.prepare(
            challenge_id=challenge_id,
            incident_id=incident_id,
            episode=episode,
            contact_id=point.id,
            channel=point.kind,
            contact_set_at=point.set_at,
            round_number=round_number,
            code=code,
            sent_at=at,
            expires_at=at + lifetime(policy, point.kind),
            attempts_allowed=policy.attempts_per_contact,
        )
        if not wanted:
            return Refusal(
                code=ErrorCode.REFUSED_BY_RULE,
                message="This contact point has answered already, or a later code is on its way. No code was sent to it.",
            )
        words = code_message(code, challenge_id)
        return await send_to(self.messages, f"{challenge_id}-{round_number}", point, words)


def lifetime(policy: IdentityPolicy, kind: ContactKind) -> timedelta:
    """How long a code is good that goes there."""
    by_phone = kind is ContactKind.PHONE
    return timedelta(seconds=policy.phone_code_seconds if by_phone else policy.email_code_seconds)
