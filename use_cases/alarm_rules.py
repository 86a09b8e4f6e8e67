"""Which alarms are taken at all: from whom."""

from __future__ import annotations

from models.contracts.alarms import Alarm, Sender
from models.errors import ErrorCode, StanchError
from models.names import AlarmKind, Role


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
