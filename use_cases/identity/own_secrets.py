"""Present what only the owner has: a code of the authenticator app, a saved recovery code, a passkey."""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from activities.identity_ports import Passkeys
from activities.proving import ENROLLED, enrolled, presented_entry
from activities.steps import Running
from models.contracts.base import Message, Moment
from models.contracts.identity import Claim, FactorKind, Presented
from models.contracts.steps import Receipt
from models.contracts.wallet import AccountState, SecurityEntry
from models.errors import ErrorCode, StanchError
from models.ids import new_id
from use_cases.identity.presenting import Presenting, active_at, not_right

MOST_TRIED = 3
"""Authenticators of one kind that a code is tried on. More would make one attempt many."""

CHALLENGE_BYTES = 32

Coded = Literal[FactorKind.TOTP, FactorKind.RECOVERY_CODE]


class PasskeyChallenge(Message):
    """For navigator.credentials.get(). No credential is named: which exist is nobody's business before the proof."""

    challenge: str
    rp_id: str
    user_verification: Literal["required"] = "required"
    expires_at: Moment


@dataclass
class PresentSecret:
    """Checks secrets where they are: codes at the wallet, passkeys by their public keys."""

    presenting: Presenting
    passkeys: Passkeys

    async def code(self, claim: Claim, kind: Coded, code: str) -> None:
        """A code of an authenticator app or of the saved ones. Errors: those of Presenting.run."""

        async def check(account: AccountState, since: datetime, running: Running) -> Presented | None:
            # Each attempt its own key: one and the same would give the first answer for ever.
            attempt = new_id()
            for entry in self._standing(account, kind, since)[:MOST_TRIED]:
                receipt = await self._verify(
                    account, entry, kind, code, key=f"{running.key}/{attempt}/{entry.id}"
                )
                if receipt.result.get("accepted") is True:
                    return presented_entry(entry, kind)
            return None

        await self.presenting.run(claim, kind, check)

    async def challenge(self, claim: Claim) -> PasskeyChallenge:
        """Something to sign, once, for this claim only: whoever signs it signs for this incident."""
        await self.presenting.claims.live(claim)
        rules, at = self.presenting.rules.passkey, self.presenting.clock.now()
        challenge = secrets.token_bytes(CHALLENGE_BYTES)
        expires_at = at + timedelta(seconds=rules.challenge_seconds)
        await self.presenting.claims.claims.ask(
            _digest(challenge), claim.claim_id, FactorKind.PASSKEY, asked_at=at, expires_at=expires_at
        )
        return PasskeyChallenge(challenge=_base64url(challenge), rp_id=rules.rp_id, expires_at=expires_at)

    async def passkey(self, claim: Claim, assertion: Mapping[str, Any]) -> None:
        """An assertion over this claim's challenge, which is used up whatever comes of it. Errors: those of Presenting.run."""
        facts, _ = await self.presenting.claims.live(claim)
        challenge = self.passkeys.challenge_of(assertion)
        at = self.presenting.clock.now()
        claims = self.presenting.claims.claims
        if challenge is None or not await claims.use(
            _digest(challenge), FactorKind.PASSKEY, at, claim_id=claim.claim_id
        ):
            # Replayed, another claimant's, too late, or made up: counted like any wrong answer.
            await self.presenting.count(claim, facts.account_id, FactorKind.PASSKEY)
            raise not_right()

        async def check(account: AccountState, since: datetime, running: Running) -> Presented | None:
            del running
            entry = self.passkeys.verify(
                assertion, challenge, self._standing(account, FactorKind.PASSKEY, since)
            )
            return None if entry is None else presented_entry(entry, FactorKind.PASSKEY)

        await self.presenting.run(claim, FactorKind.PASSKEY, check)

    async def _verify(
        self, account: AccountState, entry: SecurityEntry, kind: FactorKind, code: str, *, key: str
    ) -> Receipt:
        """Ask the wallet, and once more under the same key when the answer was lost: a code may be used up by then."""
        call = self.presenting.wallet.verify_factor
        try:
            return await call(account.account_id, entry.id, ENROLLED[kind], code, key=key)
        except StanchError as error:
            if not error.matches(ErrorCode.WALLET_UNREACHABLE):
                raise
            return await call(account.account_id, entry.id, ENROLLED[kind], code, key=key)

    def _standing(self, account: AccountState, kind: FactorKind, since: datetime) -> list[SecurityEntry]:
        return [
            entry
            for entry in enrolled(account, kind)
            if active_at(entry, since) and self.presenting.stood_before(presented_entry(entry, kind), since)
        ]


def _digest(challenge: bytes) -> str:
    return hashlib.sha256(challenge).hexdigest()


def _base64url(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
