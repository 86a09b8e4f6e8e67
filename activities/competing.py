"""Who claims the units of one hold, where more than one victim does."""

from __future__ import annotations

from dataclasses import dataclass

from activities.recovery_ports import Recoveries
from tracing.shares import Claimant


@dataclass(frozen=True)
class Competition:
    """The claimants of one hold, two at least."""

    claimants: tuple[Claimant, ...]

    @property
    def incidents(self) -> tuple[str, ...]:
        """Which incidents compete, in order."""
        return tuple(sorted(each.incident_id for each in self.claimants))


async def competition(
    recoveries: Recoveries, incident_id: str, hold_id: str, currency: str
) -> Competition | None:
    """None where nobody but the hold's own incident has anything stolen there (any more)."""
    others = await recoveries.contests(hold_id)
    if not others:
        return None
    claimants: list[Claimant] = []
    for each in (incident_id, *others):
        traced = await recoveries.traced(each)
        money = next((one for one in traced if one.currency == currency), None)
        if money is not None and money.flow.stolen:
            claimants.append(Claimant(each, money.theft_seq, money.flow.stolen))
    return None if len(claimants) < 2 else Competition(tuple(claimants))
