"""What a workflow's history says, from its events as Temporal writes them in JSON, payloads decrypted.

The events are taken as data: nothing here trusts their order, their ids or that one follows from another.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Any

STARTED = "EVENT_TYPE_WORKFLOW_EXECUTION_STARTED"
SCHEDULED = "EVENT_TYPE_ACTIVITY_TASK_SCHEDULED"
CHILD_STARTED = "EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_STARTED"
CHILD_INITIATED = "EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED"
COMPLETED = "EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED"
CONTINUED = "EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW"
ENDINGS = frozenset(
    {
        COMPLETED,
        CONTINUED,
        "EVENT_TYPE_WORKFLOW_EXECUTION_FAILED",
        "EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT",
        "EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED",
        "EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED",
    }
)
"""After one of these a run has no further event."""

TASK_STARTED = "EVENT_TYPE_WORKFLOW_TASK_STARTED"
AFTER_TASK_STARTED = frozenset(
    {
        "EVENT_TYPE_WORKFLOW_TASK_COMPLETED",
        "EVENT_TYPE_WORKFLOW_TASK_FAILED",
        "EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT",
        "EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED",
        "EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT",
    }
)
"""What Temporal writes next after the start of a workflow task, whatever else happens meanwhile."""


class ActivityEnd(StrEnum):
    """How the workflow saw an activity end. `open`: it has not; `canceled` and `timed_out`: its result never came."""

    OPEN = "open"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELED = "canceled"
    TIMED_OUT = "timed_out"


ACTIVITY_ENDS = {
    "EVENT_TYPE_ACTIVITY_TASK_COMPLETED": ActivityEnd.COMPLETED,
    "EVENT_TYPE_ACTIVITY_TASK_FAILED": ActivityEnd.FAILED,
    "EVENT_TYPE_ACTIVITY_TASK_CANCELED": ActivityEnd.CANCELED,
    "EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT": ActivityEnd.TIMED_OUT,
}


class HistoryUnreadable(ValueError):
    """An event is not what Temporal writes. The text names the event."""


@dataclass(frozen=True)
class Activity:
    """One activity of one run. `input` and `result` are the JSON values as they stand in the history."""

    workflow_id: str
    run_id: str
    activity_id: str
    type: str
    event_id: int
    input: Any
    end: ActivityEnd
    end_event_id: int | None = None
    result: Any = None

    @property
    def place(self) -> str:
        """Where an auditor finds it."""
        return f"{self.workflow_id} activity {self.activity_id} ({self.type})"


@dataclass(frozen=True)
class Child:
    """A child workflow that a run asked for; `run_id` is None when it never started."""

    workflow_id: str
    type: str
    event_id: int
    input: Any
    run_id: str | None


@dataclass(frozen=True)
class Gap:
    """A place where the event ids do not follow each other: `expected` is missing, `found` stands there."""

    expected: int
    found: int


@dataclass(frozen=True)
class History:
    """One run of one workflow."""

    workflow_id: str
    run_id: str
    type: str
    events: int
    activities: tuple[Activity, ...]
    children: tuple[Child, ...]
    gaps: tuple[Gap, ...]
    begins_with_start: bool
    torn: tuple[int, ...]
    """Ids of events after which something else stands than Temporal writes there."""
    ending: str | None
    result: Any
    """The run's result as it stands in the history; None unless it completed."""
    continues_from: str | None
    continued_to: str | None

    @property
    def whole(self) -> bool:
        """Whether it can be replayed at all: from its start, without a gap."""
        return self.begins_with_start and not self.gaps and not self.torn

    @property
    def name(self) -> str:
        """Which run this is, for people."""
        return f"{self.workflow_id} (run {self.run_id})"


def read_history(workflow_id: str, run_id: str, events: Sequence[Mapping[str, Any]]) -> History:
    """Read one run. Errors: HistoryUnreadable."""
    started = _attributes(events[0]) if events and events[0].get("eventType") == STARTED else {}
    last = events[-1] if events else {}
    ending = last.get("eventType") if last.get("eventType") in ENDINGS else None
    return History(
        workflow_id=workflow_id,
        run_id=run_id,
        type=_name(started.get("workflowType")),
        events=len(events),
        activities=_activities(workflow_id, run_id, events),
        children=_children(events),
        gaps=_gaps(events),
        begins_with_start=bool(started),
        torn=tuple(
            _event_id(event)
            for event, following in pairwise(events)
            if event.get("eventType") == TASK_STARTED and following.get("eventType") not in AFTER_TASK_STARTED
        ),
        ending=ending,
        result=_payload(_attributes(last).get("result"), last) if ending == COMPLETED else None,
        continues_from=started.get("continuedExecutionRunId") or None,
        continued_to=(_attributes(last).get("newExecutionRunId") or None) if ending is not None else None,
    )


def _activities(workflow_id: str, run_id: str, events: Sequence[Mapping[str, Any]]) -> tuple[Activity, ...]:
    ends: dict[int, tuple[ActivityEnd, int | None, Any]] = {}
    for event in events:
        end = ACTIVITY_ENDS.get(str(event.get("eventType")))
        if end is not None:
            attributes = _attributes(event)
            scheduled = _number(attributes.get("scheduledEventId"), event)
            result = _payload(attributes.get("result"), event) if end is ActivityEnd.COMPLETED else None
            ends[scheduled] = (end, _event_id(event), result)
    found: list[Activity] = []
    for event in events:
        if event.get("eventType") != SCHEDULED:
            continue
        attributes, event_id = _attributes(event), _event_id(event)
        end, end_event_id, result = ends.get(event_id, (ActivityEnd.OPEN, None, None))
        found.append(
            Activity(
                workflow_id=workflow_id,
                run_id=run_id,
                activity_id=str(attributes.get("activityId", "")),
                type=_name(attributes.get("activityType")),
                event_id=event_id,
                input=_payload(attributes.get("input"), event),
                end=end,
                end_event_id=end_event_id,
                result=result,
            )
        )
    return tuple(found)


def _children(events: Sequence[Mapping[str, Any]]) -> tuple[Child, ...]:
    runs: dict[int, str] = {}
    for event in events:
        if event.get("eventType") == CHILD_STARTED:
            attributes = _attributes(event)
            execution = attributes.get("workflowExecution") or {}
            runs[_number(attributes.get("initiatedEventId"), event)] = str(execution.get("runId", ""))
    return tuple(
        Child(
            workflow_id=str(_attributes(event).get("workflowId", "")),
            type=_name(_attributes(event).get("workflowType")),
            event_id=_event_id(event),
            input=_payload(_attributes(event).get("input"), event),
            run_id=runs.get(_event_id(event)),
        )
        for event in events
        if event.get("eventType") == CHILD_INITIATED
    )


def _gaps(events: Sequence[Mapping[str, Any]]) -> tuple[Gap, ...]:
    gaps: list[Gap] = []
    expected = 1
    for event in events:
        found = _event_id(event)
        if found != expected:
            gaps.append(Gap(expected, found))
        expected = found + 1
    return tuple(gaps)


def _attributes(event: Mapping[str, Any]) -> Mapping[str, Any]:
    """The one `...EventAttributes` of an event."""
    for name, value in event.items():
        if name.endswith("EventAttributes") and isinstance(value, Mapping):
            return value
    return {}


def _payload(payloads: Any, event: Mapping[str, Any]) -> Any:
    """The first payload as a JSON value; None when there is none."""
    if not isinstance(payloads, Mapping) or not payloads.get("payloads"):
        return None
    payload = payloads["payloads"][0]
    try:
        encoding = base64.b64decode(payload["metadata"]["encoding"]).decode()
        text = base64.b64decode(payload.get("data", ""))
        value = json.loads(text) if encoding == "json/plain" else None
    except (KeyError, TypeError, ValueError, binascii.Error) as error:
        raise HistoryUnreadable(f"event {event.get('eventId')}: a payload is not readable") from error
    if encoding not in ("json/plain", "binary/null"):
        raise HistoryUnreadable(f"event {event.get('eventId')}: a payload is {encoding}, not JSON")
    return value


def _event_id(event: Mapping[str, Any]) -> int:
    return _number(event.get("eventId"), event)


def _number(value: Any, event: Mapping[str, Any]) -> int:
    try:
        return int(value)
    except (TypeError, ValueError) as error:
        raise HistoryUnreadable(f"event {event.get('eventId')!r}: a number is missing") from error


def _name(value: Any) -> str:
    return str(value.get("name", "")) if isinstance(value, Mapping) else ""
