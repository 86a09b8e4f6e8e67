"""Which times an alarm may state, whatever road it comes by."""

from __future__ import annotations

from datetime import datetime, timedelta

from models.contracts.alarms import Alarm
from models.errors import ErrorCode, StanchError

EARLIEST_YEAR = 1990
"""Before any wallet. It also keeps every time far from where calendars end."""

AHEAD = timedelta(days=1)
"""How far ahead of ours a source's clock may be. Beyond it the alarm is a mistake; within it a freeze matters more."""


def plausible(alarm: Alarm, received_at: datetime) -> None:
    """Refuse times that cannot be meant. Errors: INVALID, naming the field."""
    for name, at in (("occurred_at", alarm.occurred_at), ("compromised_since", alarm.compromised_since)):
        if at is not None and (at.year < EARLIEST_YEAR or at > received_at + AHEAD):
            raise StanchError(
                ErrorCode.INVALID,
                f"{name}: no time at which this can have happened. Nothing was done; send the alarm with its right time.",
            )
