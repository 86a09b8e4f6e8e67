"""What today's code asked for in a replay, against what the history says was asked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from ledger.findings import Finding, Kind
from ledger.histories import COMPLETED, History

NOTHING: Final = object()
"""No result: the run did not come to its end."""


@dataclass
class Asked:
    """What the code asked for in one replay, in the order of asking. Inputs and result are JSON values."""

    activities: list[tuple[str, Any]] = field(default_factory=list)
    """(type, input); the first one's activity id is 1."""
    children: list[tuple[str, str, Any]] = field(default_factory=list)
    """(type, workflow id, input)"""
    result: Any = NOTHING


def compare_asked(asked: Asked, history: History) -> list[Finding]:
    """Every activity and child of the history, and its result, as the code has them.

    Beyond the history the code may have asked for more: for a run that is still open, or for what it cancelled in the same
    breath. What is missing there is found by the replay itself.
    """
    return [*_activities(asked, history), *_children(asked, history), *_result(asked, history)]


def _activities(asked: Asked, history: History) -> Iterator[Finding]:
    for activity in history.activities:
        # The SDK numbers a run's activities in the order in which the code asks for them.
        number = int(activity.activity_id) - 1 if activity.activity_id.isdecimal() else -1
        if not 0 <= number < len(asked.activities):
            yield Finding(Kind.REPLAY_ARGUMENTS, activity.place, "today's code does not ask for it")
            continue
        type_, argument = asked.activities[number]
        if (type_, argument) != (activity.type, activity.input):
            yield Finding(
                Kind.REPLAY_ARGUMENTS,
                activity.place,
                "today's code asks for it with another input than the history has",
            )


def _children(asked: Asked, history: History) -> Iterator[Finding]:
    by_id: dict[str, list[tuple[str, Any]]] = defaultdict(list)
    for type_, workflow_id, argument in asked.children:
        by_id[workflow_id].append((type_, argument))
    for child in history.children:
        place = f"{history.workflow_id} child {child.workflow_id} ({child.type})"
        asked_for = by_id[child.workflow_id].pop(0) if by_id[child.workflow_id] else None
        if asked_for != (child.type, child.input):
            yield Finding(
                Kind.REPLAY_ARGUMENTS,
                place,
                "today's code starts it otherwise than the history has it, or not at all",
            )


def _result(asked: Asked, history: History) -> Iterator[Finding]:
    if history.ending != COMPLETED:
        return
    if asked.result is NOTHING or asked.result != history.result:
        yield Finding(
            Kind.REPLAY_RESULT, history.name, "today's code ends with another result than the history has"
        )
