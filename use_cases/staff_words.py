"""What staff read of an alert: one sentence for each kind, then codes and ids, and the command that shows more."""

from __future__ import annotations

from typing import Final

from activities.staff_ports import StaffWords
from models.contracts.staff import StaffAlertRow
from models.names import Severity, StaffAlertKind

SENTENCES: Final[dict[StaffAlertKind, str]] = {
    StaffAlertKind.FREEZE_PENDING: "An account is not frozen yet: the wallet does not answer, and money may be leaving.",
    StaffAlertKind.NOT_FROZEN: "The wallet refused to freeze an account for good: nothing protects it.",
    StaffAlertKind.OWNER_UNPROVEN: "Nobody proved to be the owner in time: two people must decide about the freeze.",
    StaffAlertKind.DECISION_ASKED: "A question waits for a person.",
    StaffAlertKind.DECISION_OVERDUE: "A question has waited beyond its time, and nobody has decided.",
    StaffAlertKind.STUCK: "A part of an incident has failed for good and waits for a person.",
    StaffAlertKind.STEP_FAILING: "A step keeps failing, and is tried again and again without an end.",
    StaffAlertKind.ANSWER_QUARANTINED: "An institution's answer to a recall cannot be used and was set aside.",
    StaffAlertKind.FEED_STOPPED: "The feed of transfers has stopped: no money is followed beyond this posting.",
    StaffAlertKind.NOTICE_UNREACHED: "A notice reached nobody: somebody must call the person.",
    StaffAlertKind.DIFFERENCE: "What stands at the wallet differs from our records.",
    StaffAlertKind.BREAK_GLASS_USED: "A supervisor has acted alone: another one must judge it.",
    StaffAlertKind.BREAK_GLASS_UNREVIEWED: "A supervisor has acted alone, and nobody has judged it in time.",
    StaffAlertKind.HOLD_ENDING: "A hold runs out soon and its money goes back to the holder: nothing was decided about it yet.",
    StaffAlertKind.MULE_FREEZE_LONG: "A mule's whole account has been restricted for long: two people must say whether it stays so.",
    StaffAlertKind.LATE_MONEY: "Money came back for a recall that was closed: its recovery begins again, and holds it.",
}

SEVERITIES: Final[dict[StaffAlertKind, Severity]] = {
    StaffAlertKind.FREEZE_PENDING: Severity.CRITICAL,
    StaffAlertKind.NOT_FROZEN: Severity.CRITICAL,
    StaffAlertKind.OWNER_UNPROVEN: Severity.WARNING,
    StaffAlertKind.DECISION_ASKED: Severity.INFO,
    StaffAlertKind.DECISION_OVERDUE: Severity.WARNING,
    StaffAlertKind.STUCK: Severity.CRITICAL,
    StaffAlertKind.STEP_FAILING: Severity.CRITICAL,
    StaffAlertKind.ANSWER_QUARANTINED: Severity.WARNING,
    StaffAlertKind.FEED_STOPPED: Severity.CRITICAL,
    StaffAlertKind.NOTICE_UNREACHED: Severity.WARNING,
    StaffAlertKind.DIFFERENCE: Severity.WARNING,
    StaffAlertKind.BREAK_GLASS_USED: Severity.CRITICAL,
    StaffAlertKind.BREAK_GLASS_UNREVIEWED: Severity.CRITICAL,
    StaffAlertKind.LATE_MONEY: Severity.WARNING,
    StaffAlertKind.HOLD_ENDING: Severity.WARNING,
    StaffAlertKind.MULE_FREEZE_LONG: Severity.WARNING,
}

LOOK: Final[dict[StaffAlertKind, str]] = {
    StaffAlertKind.ANSWER_QUARANTINED: "stanch recall answers --verdict quarantined",
    StaffAlertKind.FEED_STOPPED: "stanch doctor",
    StaffAlertKind.DIFFERENCE: "stanch doctor",
    StaffAlertKind.NOTICE_UNREACHED: "stanch notice show {subject}",
    StaffAlertKind.LATE_MONEY: "stanch recall show {subject}",
    StaffAlertKind.HOLD_ENDING: "stanch hold show {subject}",
    StaffAlertKind.MULE_FREEZE_LONG: "stanch hold mules",
    StaffAlertKind.BREAK_GLASS_USED: "stanch incident break-glass list",
    StaffAlertKind.BREAK_GLASS_UNREVIEWED: "stanch incident break-glass list",
}
"""Where more is to be seen, when it is not in the incident."""


def words(alert: StaffAlertRow) -> StaffWords:
    """The alert in words. The same alert always reads the same, its id included: a second one is seen to be the same."""
    sentence = SENTENCES[alert.kind]
    shown = LOOK.get(alert.kind, "stanch incident show {incident_id}")
    lines = [
        sentence,
        f"What: {alert.kind.value} {alert.detail} {alert.subject}",
        *([f"Incident: {alert.incident_id}"] if alert.incident_id is not None else []),
        f"Since: {alert.raised_at.isoformat(timespec='seconds')}",
        f"Look: {shown.format(subject=alert.subject.partition('/')[0], incident_id=alert.incident_id)}",
        f"Alert: {alert.alert_id}",
    ]
    return StaffWords(title=f"Stanch, {alert.severity.value}: {alert.kind.value}", body="\n".join(lines))
