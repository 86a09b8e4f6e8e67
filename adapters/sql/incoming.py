"""An alarm on its way in, and the columns that every way of accepting it writes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from typing import Any

from activities.freeze import freeze_step_key
from adapters.secrets.keys import keyed_digest, seal
from models.contracts.alarms import AcceptedAlarm, Alarm, Sender
from models.contracts.incidents import FreezeInput
from models.contracts.policy import Policy
from models.contracts.steps import StepAttempt
from models.digests import canonical, message_digest
from models.names import Scope

DETAIL = "alarm.detail"


@dataclass(frozen=True)
class Incoming:
    """What `accept` was given, and what does not depend on the incident."""

    alarm: Alarm
    sender: Sender
    attempt: StepAttempt
    policy: Policy
    alarm_id: str
    late: bool
    reopens: str | None = None

    def content_digest(self, key: bytes) -> str:
        """What tells a repeated alarm from another one under its id.

        Keyed by the incident, since `detail` is personal: a plain hash of few words could be guessed after erasure.
        """
        alarm = self.alarm
        since = alarm.compromised_since
        in_utc = {
            "occurred_at": alarm.occurred_at.astimezone(UTC),
            "compromised_since": None if since is None else since.astimezone(UTC),
        }
        return keyed_digest(key, canonical(alarm.model_copy(update=in_utc).model_dump(mode="json")))

    def alarm_values(self, incident_id: str, key: bytes) -> dict[str, Any]:
        """Columns of `alarm` that its content and the incident's key decide."""
        alarm = self.alarm
        detail = None if alarm.detail is None else seal(key, incident_id, DETAIL, alarm.detail.encode())
        return {
            "alarm_id": self.alarm_id,
            "source": alarm.source,
            "source_id": alarm.id,
            "content_digest": self.content_digest(key),
            "incident_id": incident_id,
            "account_id": alarm.account_id,
            "kind": alarm.kind.value,
            "alarm_scope": alarm.scope.value,
            "occurred_at": alarm.occurred_at,
            "compromised_since": alarm.compromised_since,
            "stolen_transfers": list(alarm.stolen_transfers),
            "detail": detail,
            "late": self.late,
            "sender": self.sender.name,
            "sender_role": self.sender.role.value,
            "received_at": self.attempt.requested_at,
        }

    def attempt_values(self, incident_id: str, episode: int, scope: Scope) -> dict[str, Any]:
        """Columns of `step_attempt`: the freeze that the commit decided on."""
        attempt, origin = self.attempt, self.attempt.origin
        step = FreezeInput(
            incident_id=incident_id,
            episode=episode,
            step_key=freeze_step_key(scope),
            account_id=self.alarm.account_id,
            scope=scope,
        )
        return {
            "attempt_id": attempt.attempt_id,
            "incident_id": incident_id,
            "episode": episode,
            "step_key": step.step_key,
            "step_kind": attempt.kind.value,
            "actor": attempt.actor.value,
            "role": attempt.role,
            "received_at": attempt.requested_at,
            "workflow_id": origin.workflow_id,
            "run_id": origin.run_id,
            "activity_id": origin.activity_id,
            "attempt": origin.attempt,
            "gateway_attempt": origin.gateway_attempt,
            "input_digest": message_digest(step),
        }

    def accepted(
        self, incident_id: str, episode: int, scope: Scope, *, held_back: bool, frozen_before: bool = False
    ) -> AcceptedAlarm:
        """What a first acceptance decided."""
        return AcceptedAlarm(
            alarm_id=self.alarm_id,
            incident_id=incident_id,
            episode=episode,
            scope=scope,
            account_id=self.alarm.account_id,
            received_at=self.attempt.requested_at,
            repeated=False,
            frozen_before=frozen_before,
            late=self.late,
            held_back=held_back,
        )
