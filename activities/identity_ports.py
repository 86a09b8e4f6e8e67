"""The Protocols around a claimant's factors. `adapters/wiring.py` builds the real ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from models.contracts.identity import (
    AgainstClaim,
    Allowance,
    AnsweredCode,
    Claim,
    DocumentVerdict,
    Evidence,
    FactorKind,
    NewClaim,
)
from models.contracts.wallet import SecurityEntry


class Challenges(Protocol):
    """One-time codes. The count of attempts lives in one atomic UPDATE."""

    async def prepare(
        self,
        *,
        challenge_id: str,
        incident_id: str,
        episode: int,
        contact_id: str,
        channel: str,
        contact_set_at: datetime,
        round_number: int,
        code: str,
        sent_at: datetime,
        expires_at: datetime,
        attempts_allowed: int,
    ) -> bool:
        """Commit the hash of a code before it is sent; a later round replaces the hash and keeps the count of failures.

        False when another code than this one counts, so it is not to be sent: the contact has answered that, or a later round is
        under way. An answer that is void, or whose claim has ended or expired, is none, unless the owner is proven by it.
        """
        ...

    async def whose(self, challenge_id: str) -> tuple[str, str] | None:
        """(account id, contact id) of a challenge; None when unknown."""
        ...

    async def answer(
        self,
        challenge_id: str,
        code: str,
        at: datetime,
        *,
        claim_id: str | None = None,
        recovery_id: str | None = None,
        opens: NewClaim | None = None,
    ) -> tuple[str, int, str | None]:
        """(`accepted` | `wrong` | `late` | `used` | `too_many` | `unknown`, attempts left, incident id).

        An accepted answer asks for the incident's hand-over in the same commit. With `claim_id` it is that claimant's,
        and a challenge of another incident is `unknown`. With `recovery_id` only a code of that credential recovery
        counts, without it only one of an incident: each has its own door, with its own limits. `opens`: without `claim_id`
        an accepted answer opens this claim in the same commit, and is that claimant's.
        """
        ...

    async def answered(self, incident_id: str, episode: int) -> list[AnsweredCode]:
        """Each contact that answered in this episode and is not voided."""
        ...

    async def standing(self, incident_id: str, episode: int, at: datetime) -> dict[str, datetime | None]:
        """Contacts that have answered so that it counts `at`, with the time at which the answer's claim expires.

        None where no claim can expire: it was answered without one, or the owner is proven by it.
        """
        ...

    async def run_out(self, incident_id: str, episode: int, at: datetime) -> dict[str, int]:
        """Contacts of the owner that were sent a code which is no good any more `at`, and whose answer does not count: with the
        round of that code.
        """
        ...

    async def exhausted(self, incident_id: str, episode: int) -> bool:
        """Whether challenges of this episode exist and none has an attempt left."""
        ...


class IdentityClaims(Protocol):
    """Who says they are the owner, and what they presented."""

    async def open(self, claim: Claim, token_digest: str) -> None:
        """Commit a claim."""
        ...

    async def by_token(self, token_digest: str) -> Claim | None:
        """The claim of a token, also an ended one."""
        ...

    async def find(self, claim_id: str) -> Claim | None:
        """One claim."""
        ...

    async def listed(self, incident_id: str) -> list[Claim]:
        """All claims of an incident, oldest first."""
        ...

    async def against(self, incident_id: str) -> list[AgainstClaim]:
        """What speaks against claimants of an incident, oldest first."""
        ...

    async def shown(self, claim_id: str) -> bool:
        """Whether anything was shown in this claim that is not voided: a code, or any other factor."""
        ...

    async def unclaimed(self, incident_id: str, episode: int) -> bool:
        """Whether codes of this episode were answered without a claim, before every such answer opened one."""
        ...

    async def evidence(self, incident_id: str, episode: int) -> list[Evidence]:
        """What claimants presented in this episode and is not voided, one-time codes left aside."""
        ...

    async def ask(
        self, digest: str, claim_id: str, kind: FactorKind, *, asked_at: datetime, expires_at: datetime
    ) -> None:
        """Commit the sha256 of something that will be answered once."""
        ...

    async def asked(self, digest: str, kind: FactorKind, at: datetime) -> str | None:
        """The claim it was asked of, while it can still be answered; nothing is used up."""
        ...

    async def use(
        self, digest: str, kind: FactorKind, at: datetime, *, claim_id: str | None = None
    ) -> str | None:
        """Use it up, in one atomic UPDATE: the claim it was asked of, or None when unknown, used, late or another's."""
        ...


class Limits(Protocol):
    """How often somebody failed (SP 800-63B-4 3.2.2): per factor, per claimant, per account, across channels."""

    async def reserve(self, account_id: str, part: str, claimant: str, at: datetime) -> Allowance:
        """Count an attempt as a failure before it is judged; a refused one counts nowhere. One atomic UPDATE."""
        ...

    async def succeeded(self, account_id: str, part: str, claimant: str) -> None:
        """The attempt was right: the factor's failures are consecutive no more, the others lose this one."""
        ...


class Passkeys(Protocol):
    """Passkey assertions. A wrong one is no error, whatever is wrong with it."""

    def challenge_of(self, assertion: Mapping[str, Any]) -> bytes | None:
        """The challenge that an assertion says it answers; None when there is none."""
        ...

    def verify(
        self, assertion: Mapping[str, Any], challenge: bytes, entries: Sequence[SecurityEntry]
    ) -> SecurityEntry | None:
        """Which of these passkeys signed this challenge, its user verified, on our own page; None when none did."""
        ...


class Documents(Protocol):
    """Document and liveness at an outside provider."""

    async def begin(self, reference: str, expected: str, expires_at: datetime) -> str:
        """The address to send the claimant to. The same reference gives the same session.

        `expected` is the wallet's opaque id of the owner's enrolment. Errors: WALLET_UNREACHABLE when the provider gives
        no usable answer, REFUSED_BY_RULE when this house has none.
        """
        ...

    def read_callback(self, headers: Mapping[str, str], body: bytes, at: datetime) -> DocumentVerdict:
        """A signed callback. Errors: UNAUTHENTICATED when the signature or its time is not right; INVALID."""
        ...
