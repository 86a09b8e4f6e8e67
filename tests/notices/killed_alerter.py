"""An alerter that dies the moment a target has taken an alert: run as a process of its own, with settings in its environment."""

from __future__ import annotations

import asyncio
import os
import signal
from dataclasses import dataclass, replace
from datetime import timedelta

from activities.staff_ports import StaffTargets, StaffWords
from adapters.staff.alerter import Alerter
from adapters.wiring import Wiring
from models.names import Severity, StaffAlertKind
from settings import Settings


@dataclass
class Dying:
    """The real targets; whoever used them is killed before a word of it is recorded."""

    targets: StaffTargets

    def wanting(self, kind: StaffAlertKind, severity: Severity) -> tuple[str, ...]:
        return self.targets.wanting(kind, severity)

    async def send(self, name: str, severity: Severity, words: StaffWords) -> bool:
        assert await self.targets.send(name, severity, words)
        os.kill(os.getpid(), signal.SIGKILL)
        return True


async def main() -> None:
    wiring = Wiring(Settings())
    alert = replace(wiring.alert_staff, targets=Dying(wiring.alert_staff.targets))
    await Alerter(store=wiring.staff_alerts, alert=alert, lease=timedelta(0)).run(asyncio.Event())


if __name__ == "__main__":
    asyncio.run(main())
