"""Which alarms are taken at all: from whom, and about which times."""

from __future__ import annotations

from datetime import datetime, timedelta

from models.contracts.alarms import Alarm, Sender
from models.errors import ErrorCode, StanchError
from models.names import AlarmKind, Role

EARLIEST_YEAR = 1990
"""Before any wallet. It also keeps every time far from where calendars end."""

AHEAD = timedelta(days=1)
"""How far ahead of ours a source's clock may be. Beyond it the alarm is a mistake; within it a freeze matters more."""


def allowed(alarm: Alarm, sender: Sender) -> None:
    """A machine sends triggers under its own name; a person sends reports. Errors: FORBIDDEN."""
    if sender.role is Role.TRIGGER:
        if alarm.kind is not AlarmKind.TRIGGER or alarm.source != sender.name:
            raise StanchError(
                ErrorCode.FORBIDDEN,
                "This credential may only send triggers under its own name as source. Nothing was done.",
            )
    elif sender.role not in (Role.AGENT, Role.SUPERVISOR) or alarm.kind is not AlarmKind.REPORT:
        raise StanchError(
            ErrorCode.FORBIDDEN,
            "People report (kind report); triggers are sent by machines with a credential of their own. Nothing was done.",
        )


def plausible(alarm: Alarm, received_at: datetime) -> None:
    """Refuse times that cannot be meant. Errors: INVALID, naming the field."""
    for name, at in (("occurred_at", alarm.occurred_at), ("compromised_since", alarm.compromised_since)):
        if at is not None and (at.year < EARLIEST_YEAR or at > received_at + AHEAD):
            raise StanchError(
                ErrorCode.INVALID,
                f"{name}: no time at which this can have happened. Nothing was done; send the alarm with its right time.",
            )
