"""What each role may do: one table, read by the gateway and by its description alike."""

from __future__ import annotations

from enum import StrEnum

from models.names import Role


class Operation(StrEnum):
    """What a request is for."""

    RAISE_ALARM = "raise_alarm"
    LOOK = "look"
    LOOK_AT_TOTALS = "look_at_totals"
    CHOOSE = "choose"
    APPROVE = "approve"
    ANSWER_RECALL = "answer_recall"


PERMISSIONS: dict[Operation, frozenset[Role]] = {
    Operation.RAISE_ALARM: frozenset({Role.TRIGGER, Role.AGENT, Role.SUPERVISOR}),
    Operation.LOOK: frozenset({Role.AGENT, Role.SUPERVISOR, Role.AUDITOR}),
    Operation.LOOK_AT_TOTALS: frozenset({Role.SUPERVISOR, Role.AUDITOR}),
    Operation.CHOOSE: frozenset({Role.AGENT, Role.SUPERVISOR}),
    Operation.APPROVE: frozenset({Role.SUPERVISOR}),
    Operation.ANSWER_RECALL: frozenset({Role.INSTITUTION, Role.AGENT, Role.SUPERVISOR}),
}
"""Auditors read everything and change nothing; triggers only raise alarms, institutions only answer recalls (DESIGN 7)."""
