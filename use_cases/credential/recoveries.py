"""Begin a recovery of a credential, answer its codes, ask for help: the same answers whether the account exists or not."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from activities.credential_ports import Credentials, Pace
from activities.identity_ports import Challenges, Limits
from activities.ports import Clock
from models.contracts.base import Message, Moment
from models.contracts.credential import CredentialAsk, CredentialEnding, CredentialFacts, CredentialState
from models.contracts.identity import IdentityRules
from models.contracts.wallet import ContactKind
from models.errors import ErrorCode, StanchError
from models.ids import new_id
from use_cases.identity.claims import token_digest

TOKEN = re.compile(r"stanch_credential_[A-Za-z0-9_\-]{43}")
CONTACT = "contact"
"""The scope under which beginnings are counted: for one number or address."""

FACTOR = "credential"
"""Under this name failures of self-service count for a number or address: after a hundred it is off there, an agent is not."""

NO_CHALLENGE = "0" * 26
"""Stands in for the challenge of an attempt that must not be judged, so that the same statements run as for one that is."""


class Begun(Message):
    """The answer to every beginning. The token lets whoever began it go on; it proves nothing, and is shown once."""

    recovery_id: str
    token: str
    expires_at: Moment


class Shown(StrEnum):
    """What whoever began it may know. `begun` until the owner is proven: who is no owner learns nothing from it."""

    BEGUN = "begun"
    LINK_SENT = "link_sent"
    RENEWED = "renewed"
    OVER = "over"


class OwnRecovery(Message):
    """How one's own recovery stands."""

    recovery_id: str
    state: Shown
    expires_at: Moment


def does_not_count() -> StanchError:
    """The one answer to a code that does not count: wrong, late, used, one too many, or of nobody's account."""
    return StanchError(
        ErrorCode.CODE_WRONG,
        "This code does not count: it is wrong, too old, used, or there were too many. Nothing was changed; wait a while "
        "and read the newest message, or call the help line.",
    )


@dataclass
class CredentialRecoveries:
    """What self-service asks for. Nothing here looks at the wallet: what it would find out, nobody can then read off."""

    credentials: Credentials
    challenges: Challenges
    limits: Limits
    pace: Pace
    rules: IdentityRules
    clock: Clock

    async def begin(self, kind: ContactKind, value: str) -> Begun:
        """Commit a recovery; its workflow finds out whose it is. Errors: DATABASE_UNREACHABLE.

        Begun too often for one number or address, it is committed as ended, and nobody sees that from the answer.
        """
        at, rules = self.clock.now(), self.rules.credential
        asked = CredentialAsk(kind=kind, value=normal(kind, value))
        wait = await self.pace.take(
            CONTACT,
            f"{asked.kind}/{asked.value.casefold()}",
            every_seconds=rules.start_every_seconds,
            at_once=rules.starts_in_a_row,
            at=at,
        )
        token = f"stanch_credential_{secrets.token_urlsafe(32)}"
        facts = CredentialFacts(
            recovery_id=new_id(),
            state=CredentialState.ASKED if wait is None else CredentialState.ENDED,
            ending=None if wait is None else CredentialEnding.TOO_OFTEN,
            account_id=None,
            opened_at=at,
            expires_at=at + timedelta(seconds=rules.check_up_seconds),
            help_wanted=False,
        )
        await self.credentials.open(
            facts,
            asked,
            token_digest=token_digest(token),
            trusted_before=at - timedelta(seconds=rules.contact_age_seconds),
        )
        return Begun(recovery_id=facts.recovery_id, token=token, expires_at=facts.expires_at)

    async def enter(self, token: str) -> CredentialFacts:
        """The recovery of a token. Errors: UNAUTHENTICATED, whether it is unknown or too old."""
        found = await self.credentials.by_token(token_digest(token)) if TOKEN.fullmatch(token) else None
        if found is None or found.expires_at <= self.clock.now():
            raise StanchError(
                ErrorCode.UNAUTHENTICATED, "This is nothing that can go on. Nothing was changed; begin again."
            )
        return found

    def shown(self, facts: CredentialFacts) -> OwnRecovery:
        """What whoever began it sees: before the proof the clock alone decides, for everybody alike."""
        state = Shown.BEGUN if self.clock.now() < self._over_at(facts) else Shown.OVER
        if facts.state is CredentialState.RENEWED:
            state = Shown.RENEWED
        elif facts.state is CredentialState.LINK_SENT:
            state = Shown.LINK_SENT
        return OwnRecovery(recovery_id=facts.recovery_id, state=state, expires_at=facts.expires_at)

    async def answer(self, facts: CredentialFacts, challenge_id: str, code: str) -> None:
        """Count the attempt, then judge it; a right one has the workflow look. Errors: CODE_WRONG, whatever it is.

        It counts for this recovery and for the number or address that was asked for, over every recovery of it, and a new code
        resets nothing. Nothing of it counts for the account: a phone number alone must not hold up its owner's proof in an
        incident. What is over by its clock, or was begun too often, is refused uncounted. What ended for a reason that nobody
        may know (nobody's number, an open incident) is counted like the rest: the same statements for everybody, whether or
        not there is an account.
        """
        at = self.clock.now()
        if self._over(facts):
            raise does_not_count()
        subject = await self.credentials.counted_for(facts.recovery_id)
        allowance = await self.limits.reserve(subject, FACTOR, facts.recovery_id, at)
        judged = allowance.allowed and facts.state is not CredentialState.ENDED
        outcome, _left, _whose = await self.challenges.answer(
            challenge_id if judged else NO_CHALLENGE, code, at, recovery_id=facts.recovery_id
        )
        if outcome != "accepted":
            raise does_not_count()
        await self.limits.succeeded(subject, FACTOR, facts.recovery_id)

    def _over(self, facts: CredentialFacts) -> bool:
        """Whether whoever began it can see that it is over: by the clock, by beginning too often, by the new password."""
        return (
            self.clock.now() >= self._over_at(facts)
            or facts.ending is CredentialEnding.TOO_OFTEN
            or facts.state is CredentialState.RENEWED
        )

    def _over_at(self, facts: CredentialFacts) -> datetime:
        return facts.opened_at + timedelta(seconds=self.rules.credential.window_seconds)

    async def ask_help(self, facts: CredentialFacts) -> None:
        """Have people of the house look, where there is anything to look at. No answer tells whether there is."""
        await self.credentials.want_help(facts.recovery_id, self.clock.now())


def normal(kind: ContactKind, value: str) -> str:
    """A number or address as the wallet has it: no spaces or dashes in a number; what an address says is left alone."""
    return re.sub(r"[\s().-]", "", value) if kind is ContactKind.PHONE else value.strip()
