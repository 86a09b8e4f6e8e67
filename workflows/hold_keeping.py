"""The clocks of holds: an unchecked one ends, one that ran out is ended here, too, and holders are told."""

from __future__ import annotations

import asyncio
from datetime import datetime

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.hold_life import EndHold, TellHolder
    from activities.holds import UNCHECKED_ENDS
    from models.contracts.policy import RecoveryPolicy
    from models.contracts.recovery import (
        EndHoldInput,
        RecoverFundsInput,
        RecoveryHold,
        RecoveryLook,
        TellHolderInput,
    )
    from models.names import HoldEnding
    from workflows.policies import STEP


class HoldKeeping:
    """Keeps the holds of one incident."""

    def __init__(self, request: RecoverFundsInput, rules: RecoveryPolicy) -> None:
        self._request = request
        self._rules = rules

    async def keep(self, look: RecoveryLook) -> bool:
        """End what has had its time; whether anything ended."""
        now = workflow.now()
        due = [hold for hold in look.holds if ends_at(hold) <= now]
        await asyncio.gather(
            *(
                self._end(hold, HoldEnding.EXPIRED if hold.state == "placed" else HoldEnding.UNCHECKED)
                for hold in due
            )
        )
        return bool(due)

    async def let_all_go(self, look: RecoveryLook) -> None:
        """Nothing was stolen, as far as anybody proved. What the incident itself has let go of is ended already."""
        await asyncio.gather(*(self._end(hold, HoldEnding.INCIDENT_ENDED) for hold in look.holds))

    async def tell(self, look: RecoveryLook) -> None:
        """Tell each holder once of a hold that stands, or withhold it until the hold has ended."""
        untold = [hold for hold in look.holds if hold.state == "placed" and hold.told is None]
        withhold = self._rules.tipping_off_forbidden
        await asyncio.gather(
            *(self._tell(hold, "held", withhold=withhold) for hold in untold),
            *(self._tell(hold, "ended", withhold=False) for hold in look.untold),
        )

    def next_clock(self, look: RecoveryLook) -> datetime | None:
        """When the next hold has had its time."""
        return min((ends_at(hold) for hold in look.holds), default=None)

    async def _end(self, hold: RecoveryHold, ending: HoldEnding) -> None:
        await workflow.execute_activity_method(
            EndHold.run,
            EndHoldInput(
                incident_id=self._request.incident_id,
                episode=self._request.episode,
                step_key=f"end-hold/{hold.hold_id}/{ending.value.replace(' ', '-')}",
                hold_id=hold.hold_id,
                ending=ending,
            ),
            summary=f"end a hold: {ending}",
            **STEP,
        )

    async def _tell(self, hold: RecoveryHold, when: str, *, withhold: bool) -> None:
        await workflow.execute_activity_method(
            TellHolder.run,
            TellHolderInput(
                incident_id=self._request.incident_id,
                episode=self._request.episode,
                step_key=f"tell/{hold.hold_id}/{when}",
                hold_id=hold.hold_id,
                withhold=withhold,
            ),
            **STEP,
        )


def ends_at(hold: RecoveryHold) -> datetime:
    """When its time is over, unless it is checked or renewed."""
    return hold.expires_at if hold.state == "placed" else hold.created_at + UNCHECKED_ENDS
