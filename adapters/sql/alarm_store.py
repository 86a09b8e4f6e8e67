"""Intake: the one commit in which the database decides which incident an alarm belongs to (DESIGN 4). The hot path.

The usual alarm, a trigger on an account without an open incident, is one statement. Everything else (a repeated alarm, one
that joins an open incident, an account with too many unproven freezes) takes the careful way under the incident's row lock.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from adapters.secrets.keys import DataKeys, seal
from adapters.sql.engine import transaction
from adapters.sql.joining import join_open_incident, repeated_alarm
from adapters.sql.unproven import held_back_reports
from models.contracts.alarms import LATE_AFTER_HOURS, AcceptedAlarm, Alarm, Sender
from models.contracts.policy import Policy
from models.contracts.steps import StepAttempt
from models.digests import digest
from models.ids import incident_workflow_id, new_id
from models.lifecycle import Status
from models.names import AlarmKind

OPEN_NEW = text(
    """
WITH known AS (SELECT 1 FROM alarm WHERE source = :source AND source_id = :source_id),
opened AS (
    INSERT INTO incident (id, account_id, status, episode, scope, provisional, opened_at, episode_opened_at, renewals,
                          workflow_id)
    SELECT :incident_id, :account_id, :status, 1, :scope, :provisional, :received_at, :received_at, 0, :story
    WHERE NOT EXISTS (SELECT FROM known)
    ON CONFLICT (account_id) WHERE closed_at IS NULL DO NOTHING
    RETURNING id
), alarmed AS (
    INSERT INTO alarm (id, source, source_id, content_digest, incident_id, episode, account_id, kind, scope, occurred_at,
                       compromised_since, stolen_transfers, detail, late, held_back, sender, sender_role, received_at)
    SELECT :alarm_id, :source, :source_id, :content_digest, opened.id, 1, :account_id, :kind, :scope, :occurred_at,
           :compromised_since, :stolen_transfers, :detail, :late, :held_back, :sender, :sender_role, :received_at
    FROM opened
    ON CONFLICT (source, source_id) DO NOTHING
    RETURNING id, incident_id
), keyed AS (
    INSERT INTO data_key (incident_id, wrapped, created_at)
    SELECT incident_id, :wrapped, :received_at FROM alarmed ON CONFLICT DO NOTHING RETURNING incident_id
), attempted AS (
    INSERT INTO step_attempt (id, incident_id, episode, step_key, kind, actor, role, requested_at, workflow_id, run_id,
                              activity_id, attempt, gateway_attempt, input_digest)
    SELECT :attempt_id, incident_id, 1, :step_key, :step_kind, :actor, :role, :received_at, :workflow_id, :run_id,
           :activity_id, :attempt, :gateway_attempt, :input_digest
    FROM alarmed WHERE NOT :held_back
), asked AS (
    INSERT INTO hand_over (incident_id, generation, requested_at, next_try_at, attempts)
    SELECT incident_id, 1, :received_at, CAST(:received_at AS timestamptz) + interval '2 seconds', 0 FROM alarmed
)
SELECT (SELECT count(*) FROM opened) AS opened, (SELECT count(*) FROM alarmed) AS alarmed,
       (SELECT count(*) FROM keyed) AS keyed
"""
).bindparams(bindparam("stolen_transfers", type_=JSONB))


class SqlAlarmStore:
    """Port `AlarmStore`."""

    def __init__(self, engine: AsyncEngine, keys: DataKeys) -> None:
        self._engine = engine
        self._keys = keys

    async def accept(
        self, alarm: Alarm, *, sender: Sender, attempt: StepAttempt, incident_id: str, policy: Policy
    ) -> AcceptedAlarm:
        """See ports.AlarmStore."""
        content = digest(alarm.model_dump(mode="json"))
        while True:
            opened = await self._open(
                alarm, sender=sender, attempt=attempt, incident_id=incident_id, policy=policy, content=content
            )
            if opened is not None:
                return opened
            async with transaction(self._engine) as connection:
                known = await repeated_alarm(connection, alarm, attempt, content)
                if known is not None:
                    return known
                joined = await join_open_incident(
                    connection,
                    alarm,
                    sender=sender,
                    attempt=attempt,
                    content=content,
                    policy=policy,
                    keys=self._keys,
                    alarm_id=new_id(),
                )
                if joined is not None:
                    return joined
            # The open incident closed between the two statements: this alarm opens the next one.

    async def _open(
        self,
        alarm: Alarm,
        *,
        sender: Sender,
        attempt: StepAttempt,
        incident_id: str,
        policy: Policy,
        content: str,
    ) -> AcceptedAlarm | None:
        """Open an incident of its own; None (and nothing committed) when the account has one, or the alarm is known."""
        received = attempt.requested_at
        late = alarm.occurred_at < received - timedelta(hours=LATE_AFTER_HOURS)
        key, wrapped = self._keys.master.new_data_key()
        values: dict[str, Any] = {
            "incident_id": incident_id,
            "account_id": alarm.account_id,
            "status": Status.OPENED.value,
            "scope": alarm.scope.value,
            "provisional": alarm.kind is AlarmKind.REPORT,
            "story": incident_workflow_id(incident_id),
            "received_at": received,
            "alarm_id": new_id(),
            "source": alarm.source,
            "source_id": alarm.id,
            "content_digest": content,
            "kind": alarm.kind.value,
            "occurred_at": alarm.occurred_at,
            "compromised_since": alarm.compromised_since,
            "stolen_transfers": list(alarm.stolen_transfers),
            "detail": None
            if alarm.detail is None
            else seal(key, incident_id, "alarm.detail", alarm.detail.encode()),
            "late": late,
            "sender": sender.name,
            "sender_role": sender.role.value,
            "wrapped": wrapped,
            "attempt_id": attempt.attempt_id,
            "step_key": attempt.step_key,
            "step_kind": attempt.kind.value,
            "actor": attempt.actor.value,
            "role": attempt.role,
            "workflow_id": attempt.origin.workflow_id,
            "run_id": attempt.origin.run_id,
            "activity_id": attempt.origin.activity_id,
            "attempt": attempt.origin.attempt,
            "gateway_attempt": attempt.origin.gateway_attempt,
            "input_digest": attempt.input_digest,
        }
        async with transaction(self._engine) as connection:
            held_back = alarm.kind is AlarmKind.REPORT and await held_back_reports(
                connection, alarm.account_id, received, policy.freeze
            )
            row = (await connection.execute(OPEN_NEW, values | {"held_back": held_back})).one()
            if not row.alarmed:
                await _undo(connection)
                return None
        if row.keyed:
            self._keys.remember(incident_id, key)
        return AcceptedAlarm(
            alarm_id=values["alarm_id"],
            incident_id=incident_id,
            episode=1,
            scope=alarm.scope,
            account_id=alarm.account_id,
            received_at=received,
            repeated=False,
            frozen_before=False,
            late=late,
            held_back=held_back,
        )


async def _undo(connection: AsyncConnection) -> None:
    """An incident without its alarm must not be committed."""
    transaction_now = connection.get_transaction()
    if transaction_now is not None:
        await transaction_now.rollback()
