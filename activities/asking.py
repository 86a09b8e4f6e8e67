"""Whom to ask for a code: a contact whose answer counts is left in peace for as long as it does."""

from __future__ import annotations

from dataclasses import dataclass

from temporalio import activity

from activities.identity_ports import Challenges
from activities.ports import Clock
from models.contracts.claims import LookAtCodesInput, LookAtCodesResult
from models.registered import Activity


@dataclass
class LookAtCodes:
    """A look, not a step."""

    challenges: Challenges
    clock: Clock

    @activity.defn(name=Activity.LOOK_AT_CODES)
    async def run(self, request: LookAtCodesInput) -> LookAtCodesResult:
        """Which contacts have answered, and until when that counts."""
        standing = await self.challenges.standing(request.incident_id, request.episode, self.clock.now())
        return LookAtCodesResult(answered=standing)
