"""Targets of alerts to staff (staff_ports.StaffTargets), by Apprise: some hundred chats, pagers and mailers by one address each."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from activities.staff_ports import StaffWords
from models.errors import ErrorCode, StanchError
from models.names import Severity, StaffAlertKind

if TYPE_CHECKING:
    from apprise import Apprise

SECONDS = 20.0
"""For one target, however slow: beyond Apprise's own limits for a call (4 s to connect, 4 s to answer) and its throttle."""

RANK = {severity: number for number, severity in enumerate(Severity)}
TYPES = {Severity.INFO: "info", Severity.WARNING: "warning", Severity.CRITICAL: "failure"}


@dataclass(frozen=True)
class Target:
    """One target. `url` is a secret; `kinds` empty: every kind."""

    name: str
    url: str = field(repr=False)
    kinds: frozenset[StaffAlertKind]
    least: Severity


class AppriseTargets:
    """Errors: INVALID, when an address is none that Apprise knows, or two targets have one name."""

    def __init__(self, targets: Sequence[Target]) -> None:
        self._targets = {target.name: target for target in targets}
        if len(self._targets) != len(targets):
            raise StanchError(
                ErrorCode.INVALID,
                "Two targets of STANCH_STAFF_ALERTS have one name. Nothing was started; name each its own way.",
            )
        self._services = {target.name: _service(target) for target in targets}

    def wanting(self, kind: StaffAlertKind, severity: Severity) -> tuple[str, ...]:
        """See staff_ports.StaffTargets."""
        return tuple(
            target.name
            for target in self._targets.values()
            if (not target.kinds or kind in target.kinds) and RANK[severity] >= RANK[target.least]
        )

    async def send(self, name: str, severity: Severity, words: StaffWords) -> bool:
        """See staff_ports.StaffTargets."""
        from apprise import NotifyFormat, NotifyType  # noqa: PLC0415 - as in _service

        try:
            async with asyncio.timeout(SECONDS):
                return bool(
                    await self._services[name].async_notify(
                        title=words.title,
                        body=words.body,
                        notify_type=NotifyType(TYPES[severity]),
                        body_format=NotifyFormat.TEXT,
                    )
                )
        except TimeoutError:
            return False


def _service(target: Target) -> Apprise:
    from apprise import Apprise  # noqa: PLC0415 - takes a third of a second, and only a worker with targets needs it

    # Its log lines name hosts and paths, and a path may be the secret. What matters of them is in ours.
    logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)
    service = Apprise()
    if not service.add(target.url) or len(service) != 1:
        raise StanchError(
            ErrorCode.INVALID,
            f"The address of the staff alert target {target.name} cannot be used. Nothing was started; write one that "
            "Apprise knows.",
        )
    return service
