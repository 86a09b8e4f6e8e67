"""Alert staff to what a person must see: to every target that wants it, at least once each, and loudly given up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import structlog

from activities.ports import Clock, Policies
from activities.staff_ports import StaffAlertStore, StaffTargets
from models.contracts.policy import RECOVERY_DEFAULTS
from models.contracts.staff import DueAlert
from models.names import StaffAlertState
from use_cases.staff_words import words

RETRY = timedelta(seconds=2)
"""After the first failure; doubled with every further one, to a minute."""

PATIENCE = timedelta(hours=24)
"""How long a target may be away before its alerts are shown as given up."""

FREEZE_LATE = timedelta(seconds=5)
"""A freeze that is still pending then is nothing that the next attempt of the same second settles."""

NOT_TAKEN = "not_taken"

_log = structlog.get_logger(__name__)


@dataclass
class AlertStaff:
    """Takes one leased alert as far as it goes now. Many may run: what a target has taken is noted at once."""

    store: StaffAlertStore
    targets: StaffTargets
    policies: Policies
    clock: Clock
    language: str
    """In which staff read: `en`, `zh-Hans` or `en+zh-Hans`."""
    patience: timedelta = PATIENCE
    retry: timedelta = RETRY
    freeze_late: timedelta = FREEZE_LATE

    async def watch(self) -> None:
        """Raise what only a clock shows. Errors: DATABASE_UNREACHABLE."""
        rules = self.policies.current().recovery or RECOVERY_DEFAULTS
        await self.store.watch(
            self.freeze_late,
            hold_warning=timedelta(seconds=rules.hold_warning_seconds),
            mule_review=timedelta(seconds=rules.mule_review_seconds),
        )

    async def run(self, alert: DueAlert) -> None:
        """Send it to every target that has not taken it, or say when to try again. Errors: DATABASE_UNREACHABLE."""
        wanting = self.targets.wanting(alert.kind, alert.severity)
        if not wanting:
            await self.store.settle(alert.alert_id, StaffAlertState.NOBODY, None)
            return
        said, missing = words(alert, self.language), []
        for name in wanting:
            if name in alert.reached:
                continue
            if await self.targets.send(name, alert.severity, said):
                await self.store.reached(alert.alert_id, name)
            else:
                missing.append(name)
        if not missing:
            await self.store.settle(alert.alert_id, StaffAlertState.SENT, None)
        elif self.clock.now() - alert.raised_at >= self.patience:
            _log.error("staff_alert_given_up", alert_id=alert.alert_id, kind=alert.kind, targets=missing)
            await self.store.settle(alert.alert_id, StaffAlertState.GIVEN_UP, NOT_TAKEN)
        else:
            _log.warning("staff_alert_waits", alert_id=alert.alert_id, targets=missing)
            await self.store.again(alert.alert_id, NOT_TAKEN, self.retry)
