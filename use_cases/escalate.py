"""Questions that nobody decided in their time go to the supervisors: recorded, shown red, said in the log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from activities.ports import Clock
from use_cases.ports import DecisionDesk


@dataclass
class Escalate:
    """Only the time decides; whoever repeats it changes nothing."""

    desk: DecisionDesk
    clock: Clock

    async def run(self) -> Sequence[tuple[str, str]]:
        """Escalate what is overdue now; (task id, kind) of each. Errors: DATABASE_UNREACHABLE."""
        return await self.desk.escalate(self.clock.now())
