"""What people of the house see of forgotten passwords."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from activities.credential_ports import Credentials
from models.contracts.credential import CredentialFacts
from models.contracts.steps import RecordedStep
from models.errors import ErrorCode, StanchError
from use_cases.ports import DecisionView, Overview


@dataclass(frozen=True)
class Found:
    """One recovery with all that was recorded."""

    facts: CredentialFacts
    steps: Sequence[RecordedStep]
    decisions: Sequence[DecisionView]


@dataclass
class LookAtCredentials:
    """Reads, records nothing."""

    credentials: Credentials
    overview: Overview

    async def listed(self, limit: int) -> Sequence[CredentialFacts]:
        """Those that found an account, newest first."""
        return await self.credentials.listed(limit)

    async def one(self, recovery_id: str) -> Found:
        """Errors: NOT_FOUND."""
        facts = await self.credentials.facts(recovery_id)
        if facts is None:
            raise StanchError(
                ErrorCode.NOT_FOUND, "There is no credential recovery with this id. Nothing was changed."
            )
        return Found(
            facts,
            await self.overview.steps(recovery_id),
            await self.overview.decisions(state=None, incident_id=recovery_id),
        )
