"""Small histories and step rows that belong together, for forging one detail at a time."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from ledger.histories import History, read_history
from models.contracts.steps import RecordedStep
from models.digests import digest
from models.ids import incident_workflow_id, new_id
from models.names import Actor, StepKind, StepStatus

AT = datetime(2026, 5, 4, 10, 0, tzinfo=UTC)
Event = dict[str, Any]


@dataclass
class Told:
    """One run's events and the rows it left, grown together."""

    incident_id: str = field(default_factory=new_id)
    run_id: str = "run-1"
    events: list[Event] = field(default_factory=list)
    steps: list[RecordedStep] = field(default_factory=list)
    _activities: int = 0

    def __post_init__(self) -> None:
        self._event("WORKFLOW_EXECUTION_STARTED", workflowType={"name": "StolenAccountIncident"})

    @property
    def workflow_id(self) -> str:
        return incident_workflow_id(self.incident_id)

    @property
    def history(self) -> History:
        return read_history(self.workflow_id, self.run_id, self.events)

    def asked(self, step_key: str, episode: int = 1) -> dict[str, Any]:
        return {
            "incident_id": self.incident_id,
            "episode": episode,
            "step_key": step_key,
            "account_id": "a-1",
        }

    def activity(
        self, type_: str, argument: Any, result: Any = None, *, end: str | None = "COMPLETED"
    ) -> str:
        """One activity; returns its id."""
        self._activities += 1
        activity_id = str(self._activities)
        scheduled = self._event(
            "ACTIVITY_TASK_SCHEDULED",
            activityId=activity_id,
            activityType={"name": type_},
            input=payloads(argument),
        )
        if end is not None:
            more = {"result": payloads(result)} if end == "COMPLETED" else {}
            self._event(f"ACTIVITY_TASK_{end}", scheduledEventId=str(scheduled), **more)
        return activity_id

    def step(
        self,
        step_key: str,
        *,
        kind: StepKind = StepKind.RESET_ITEM,
        refusal: dict[str, str] | None = None,
        by_gateway: bool = False,
        end: str | None = "COMPLETED",
    ) -> RecordedStep:
        """An activity that performed a step (or adopted the gateway's), and the row."""
        asked, result = self.asked(step_key), {"step_key": step_key, "refusal": refusal, "receipt_id": "r-1"}
        activity_id = self.activity(kind.value, asked, result, end=end)
        row = RecordedStep(
            step_id=new_id(),
            incident_id=self.incident_id,
            episode=1,
            step_key=step_key,
            kind=kind,
            status=StepStatus.DONE if refusal is None else StepStatus.REFUSED,
            actor=Actor.SYSTEM,
            role="engine",
            reason=None,
            requested_at=AT,
            started_at=AT,
            completed_at=AT,
            receipt_id="r-1",
            effective_seq=None,
            input_digest=digest(asked),
            result_digest=digest(result),
            result=result,
            workflow_id=None if by_gateway else self.workflow_id,
            run_id=None if by_gateway else self.run_id,
            activity_id=None if by_gateway else activity_id,
            gateway_attempt="attempt-1" if by_gateway else None,
        )
        self.steps.append(row)
        return row

    def child(self, type_: str, workflow_id: str, run_id: str, argument: Any = None) -> None:
        """A child that was asked for and started."""
        initiated = self._event(
            "START_CHILD_WORKFLOW_EXECUTION_INITIATED",
            workflowId=workflow_id,
            workflowType={"name": type_},
            input=payloads(argument),
        )
        self._event(
            "CHILD_WORKFLOW_EXECUTION_STARTED",
            initiatedEventId=str(initiated),
            workflowExecution={"workflowId": workflow_id, "runId": run_id},
        )

    def end(self, result: Any = None) -> None:
        self._event("WORKFLOW_EXECUTION_COMPLETED", result=payloads(result))

    def _event(self, type_: str, **attributes: Any) -> int:
        event_id = len(self.events) + 1
        name = "".join(part.capitalize() for part in type_.split("_"))
        name = name[0].lower() + name[1:] + "EventAttributes"
        self.events.append({"eventId": str(event_id), "eventType": f"EVENT_TYPE_{type_}", name: attributes})
        return event_id


def payloads(value: Any) -> dict[str, Any]:
    return {
        "payloads": [
            {"metadata": {"encoding": _base64(b"json/plain")}, "data": _base64(json.dumps(value).encode())}
        ]
    }


def story() -> Told:
    """The freeze of the gateway adopted, a look, a refused step, three done ones, and the end."""
    told = Told()
    told.activity("load_incident", {"incident_id": told.incident_id}, {"status": "frozen"})
    told.step("freeze/full", kind=StepKind.FREEZE, by_gateway=True)
    told.activity("check_proof", told.asked("identity/proof/1"), {"step_key": "", "proven": False})
    told.step("hold/1", kind=StepKind.HOLD, refusal={"code": "wallet_refused", "message": "No."})
    for item in ("password", "sessions"):
        told.step(f"reset/{item}")
    told.step("close", kind=StepKind.CLOSE)
    told.end({"incident_id": told.incident_id, "outcome": "restored", "joined": None})
    return told


def forged(steps: Sequence[RecordedStep], which: RecordedStep, **changes: Any) -> list[RecordedStep]:
    """The same rows with one changed."""
    return [step.model_copy(update=changes) if step.step_id == which.step_id else step for step in steps]


def _base64(text: bytes) -> str:
    return base64.b64encode(text).decode()
