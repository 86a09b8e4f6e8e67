"""The Protocols around forgotten credentials. `adapters/wiring.py` builds the real ones."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from models.contracts.credential import CredentialAsk, CredentialFacts
from models.contracts.wallet import ContactKind


class Credentials(Protocol):
    """Recoveries of credentials as the database holds them."""

    async def open(
        self,
        facts: CredentialFacts,
        asked: CredentialAsk,
        *,
        token_digest: str,
        trusted_before: datetime,
    ) -> None:
        """Commit a recovery, and the hand-over that has its workflow begin unless it has ended already."""
        ...

    async def by_token(self, token_digest: str) -> CredentialFacts | None:
        """The recovery of a token, also an ended one."""
        ...

    async def facts(self, recovery_id: str) -> CredentialFacts | None:
        """One recovery."""
        ...

    async def counted_for(self, recovery_id: str) -> str:
        """Under what its failures count: a keyed digest of the number or address, the same for everybody who asks for it."""
        ...

    async def asked(self, recovery_id: str) -> tuple[CredentialAsk, datetime]:
        """(what was typed, before when a contact must have been set). Errors: NOT_FOUND, ERASED."""
        ...

    async def listed(self, limit: int) -> list[CredentialFacts]:
        """Those that found an account, newest first."""
        ...

    async def want_help(self, recovery_id: str, at: datetime) -> None:
        """Note that an agent is wished for, and have the workflow look if it still runs."""
        ...

    async def alarmed(self, recovery_id: str, incident_id: str) -> None:
        """Note the incident that its check-up led to."""
        ...

    async def open_incident(self, account_id: str) -> str | None:
        """The account's open incident: protection, or its cool-down, still runs."""
        ...


class Accounts(Protocol):
    """The wallet's list of accounts, by what people know of themselves."""

    async def find_accounts(self, kind: ContactKind, value: str) -> Sequence[str]:
        """Ids of the accounts that have this number or address now. Errors: those of Wallet."""
        ...


class Pace(Protocol):
    """How fast strangers may ask, counted in the database for all processes together."""

    async def take(
        self, scope: str, subject: str, *, every_seconds: float, at_once: int, at: datetime
    ) -> float | None:
        """Count one request, in one atomic statement.

        None when it may go on, otherwise the seconds until it may. A refused one counts nowhere. `subject` may be personal:
        only its keyed digest is kept.
        """
        ...
