"""The Protocols that alerts to staff need from the outside; the others are in activities/ports.py."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple, Protocol

from models.contracts.staff import DueAlert
from models.names import Severity, StaffAlertKind, StaffAlertState


class StaffWords(NamedTuple):
    """An alert in words. Neither names or describes a person."""

    title: str
    body: str


class StaffTargets(Protocol):
    """Where staff are: chats, pagers, mailboxes, each under a name that holds no secret."""

    def wanting(self, kind: StaffAlertKind, severity: Severity) -> tuple[str, ...]:
        """The names of targets that want alerts of this kind and severity."""
        ...

    async def send(self, name: str, severity: Severity, words: StaffWords) -> bool:
        """Whether the target has taken it. None of them knows ids: what it took before a crash, it may be sent again."""
        ...


class RaisesStaffAlerts(Protocol):
    """For what nobody commits: it is found by looking."""

    async def raise_once(
        self, kind: StaffAlertKind, subject: str, *, incident_id: str | None, detail: str
    ) -> bool:
        """Commit an alert, once for each subject of its kind; whether it is new. Ids and codes, nothing about a person."""
        ...


class StaffAlertStore(Protocol):
    """Alerts as the database holds them."""

    async def watch(self, freeze_late: timedelta, *, hold_warning: timedelta, mule_review: timedelta) -> int:
        """Raise what only a clock shows: freezes pending for so long, questions beyond their time, steps without an end.

        Also holds that run out within `hold_warning`, once for those of one incident that end together, and mules' whole
        accounts each time they stood for `mule_review`. How many are new.
        """
        ...

    async def due(self, limit: int, lease: timedelta) -> Sequence[DueAlert]:
        """Lease up to `limit` alerts whose time has come; each is ours alone until the lease ends."""
        ...

    async def reached(self, alert_id: str, name: str) -> None:
        """This target has taken it."""
        ...

    async def again(self, alert_id: str, error: str, after: timedelta) -> None:
        """Try again: `after`, doubled with every attempt, at most a minute."""
        ...

    async def settle(self, alert_id: str, state: StaffAlertState, error: str | None) -> None:
        """It is over."""
        ...
