"""Alerts to staff: ids, codes and one sentence; nothing about a person."""

from __future__ import annotations

from models.contracts.base import Message, Moment
from models.names import Severity, StaffAlertKind, StaffAlertState


class StaffAlertRow(Message):
    """What was raised. `subject` is what it is about (a question, a notice, a feed); `detail` a code of it."""

    alert_id: str
    kind: StaffAlertKind
    severity: Severity
    subject: str
    incident_id: str | None
    detail: str
    raised_at: Moment


class DueAlert(StaffAlertRow):
    """An alert that is leased to us. `reached`: the names of targets that have taken it."""

    attempts: int
    reached: tuple[str, ...]


class StaffAlertView(StaffAlertRow):
    """An alert as people see it. `sentence`: in the language of the house's staff, or in both."""

    sentence: str
    state: StaffAlertState
    settled_at: Moment | None
    attempts: int
    reached: tuple[str, ...]
    last_error: str | None
