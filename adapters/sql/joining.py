"""An alarm that joins the account's open incident, under its row lock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, VARCHAR
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.secrets.keys import DataKeys
from adapters.sql.incoming import Incoming
from adapters.sql.unproven import had_its_share, nothing_but_held_back
from models.contracts.alarms import AcceptedAlarm
from models.errors import ErrorCode, StanchError
from models.lifecycle import LIFTED, Event, Status, move
from models.names import RECOVERY_QUESTIONS, AlarmKind, Outcome, Scope

LOCK = text(
    """
SELECT incident.id, incident.status, incident.episode, incident.scope, incident.provisional, incident.episode_opened_at,
       incident.frozen_at, incident.renewals, data_key.wrapped
FROM incident JOIN data_key ON data_key.incident_id = incident.id
WHERE incident.account_id = :account_id AND incident.closed_at IS NULL
FOR NO KEY UPDATE OF incident
"""
)

# A question about the episode before must not be answered any more. One about the money outlives it, as its recovery does:
# whoever objected, or renewed a hold, did so whatever becomes of the freeze.
CLOSE_QUESTIONS = text(
    "UPDATE decision_task SET closed_at = :received_at "
    "WHERE incident_id = :incident_id AND closed_at IS NULL AND kind <> ALL (:of_recovery)"
).bindparams(bindparam("of_recovery", type_=ARRAY(VARCHAR)))

# What people chose before a machine spoke again they chose without knowing of it. The question stays, and is decided anew. A
# report has no such power: whoever repeats one could keep an owner out for ever.
TAKE_BACK = text(
    """
UPDATE decision_request SET withdrawn_at = :received_at
FROM decision_task
WHERE decision_task.id = decision_request.task_id AND decision_task.incident_id = :incident_id
  AND decision_task.closed_at IS NULL AND choice = ANY (:lifting)
  AND decision_request.withdrawn_at IS NULL AND decision_request.declined_at IS NULL
"""
).bindparams(bindparam("lifting", type_=ARRAY(VARCHAR)))

OF_RECOVERY = [kind.value for kind in RECOVERY_QUESTIONS]

LIFTING = [
    each.value for each in (Outcome.RESTORED, Outcome.FALSE_ALARM, Outcome.RELEASED, Outcome.ACCOUNT_CLOSED)
]
"""Choices that end a freeze."""

JOIN = text(
    """
WITH alarmed AS (
    INSERT INTO alarm (id, source, source_id, content_digest, incident_id, episode, account_id, kind, scope, occurred_at,
                       compromised_since, stolen_transfers, detail, late, held_back, sender, sender_role, received_at)
    VALUES (:alarm_id, :source, :source_id, :content_digest, :incident_id, :episode, :account_id, :kind, :alarm_scope,
            :occurred_at, :compromised_since, :stolen_transfers, :detail, :late, :held_back, :sender, :sender_role,
            :received_at)
    ON CONFLICT (source, source_id) DO NOTHING
    RETURNING incident_id
), frozen AS (
    SELECT FROM step WHERE incident_id = CAST(:incident_id AS varchar) AND episode = :episode
                       AND step_key = CAST(:step_key AS varchar) AND status = 'done'
), attempted AS (
    INSERT INTO step_attempt (id, incident_id, episode, step_key, kind, actor, role, requested_at, workflow_id, run_id,
                              activity_id, attempt, gateway_attempt, input_digest)
    SELECT :attempt_id, incident_id, :episode, :step_key, :step_kind, :actor, :role, :received_at, :workflow_id, :run_id,
           :activity_id, :attempt, :gateway_attempt, :input_digest
    FROM alarmed WHERE NOT :held_back AND NOT EXISTS (SELECT FROM frozen)
), changed AS (
    UPDATE incident SET status = :status, episode = :episode, scope = :scope, provisional = :provisional,
                        episode_opened_at = :episode_opened_at, frozen_at = :frozen_at, renewals = :renewals
    FROM alarmed WHERE incident.id = alarmed.incident_id AND :changed
), asked AS (
    INSERT INTO hand_over (incident_id, generation, requested_at, next_try_at, attempts)
    SELECT incident_id, 1, :received_at, clock_timestamp() + interval '2 seconds', 0 FROM alarmed
    ON CONFLICT (incident_id) DO UPDATE SET generation = hand_over.generation + 1, requested_at = excluded.requested_at,
        next_try_at = excluded.next_try_at, attempts = 0, done_at = NULL, last_error = NULL
)
SELECT EXISTS (SELECT FROM alarmed) AS joined, EXISTS (SELECT FROM frozen) AS frozen
"""
).bindparams(bindparam("stolen_transfers", type_=JSONB))


@dataclass(frozen=True)
class Joining:
    """What the alarm makes of the incident. Joining never extends a provisional freeze's clock."""

    values: dict[str, Any]
    changed: bool
    held_back: bool

    @property
    def episode(self) -> int:
        """The episode the alarm belongs to."""
        return int(self.values["episode"])

    @property
    def scope(self) -> Scope:
        """The freeze that answers for the alarm; a narrower alarm is answered by the wider one."""
        return Scope(self.values["scope"])


async def join(connection: AsyncConnection, keys: DataKeys, incoming: Incoming) -> AcceptedAlarm | None:
    """Put the alarm to the account's open incident; None when there is none (any more), or the alarm just came in."""
    row = (await connection.execute(LOCK, {"account_id": incoming.alarm.account_id})).one_or_none()
    if row is None:
        return None
    if row.wrapped is None:
        raise StanchError(
            ErrorCode.ERASED, "The open incident's key is destroyed. Nothing was accepted; close it first."
        )
    key = keys.remember(row.id, keys.master.unwrap(row.wrapped))
    joining = await decide(connection, row, incoming)
    values = {
        **incoming.alarm_values(row.id, key),
        **incoming.attempt_values(row.id, joining.episode, joining.scope),
        **joining.values,
        "changed": joining.changed,
        "held_back": joining.held_back,
    }
    of_incident = {"incident_id": row.id, "received_at": values["received_at"]}
    if joining.episode != row.episode:
        await connection.execute(CLOSE_QUESTIONS, of_incident | {"of_recovery": OF_RECOVERY})
    elif incoming.alarm.kind is AlarmKind.TRIGGER:
        await connection.execute(TAKE_BACK, of_incident | {"lifting": LIFTING})
    done = (await connection.execute(JOIN, values)).one()
    if not done.joined:
        await connection.rollback()
        return None
    return incoming.accepted(
        row.id, joining.episode, joining.scope, held_back=joining.held_back, frozen_before=done.frozen
    )


async def decide(connection: AsyncConnection, row: Row[Any], incoming: Incoming) -> Joining:
    """While protection is being lifted or has been, the next episode, whose restriction has another id; else this one.

    A report on an account that had its share of them freezes nothing: it lets a lifting go on, and an agent sees it.
    """
    report = incoming.alarm.kind is AlarmKind.REPORT
    status = Status(row.status)
    as_it_is = {
        "status": row.status,
        "episode": row.episode,
        "scope": row.scope,
        "provisional": row.provisional,
        "episode_opened_at": row.episode_opened_at,
        "frozen_at": row.frozen_at,
        "renewals": row.renewals,
    }
    if status in LIFTED:
        if report and await had_its_share(connection, incoming):
            return Joining(as_it_is, changed=False, held_back=True)
        relapsed = {
            "status": move(status, Event.RELAPSED).value,
            "episode": row.episode + 1,
            "scope": incoming.alarm.scope.value,
            "provisional": report,
            "episode_opened_at": incoming.attempt.requested_at,
            "frozen_at": None,
            "renewals": 0,
        }
        return Joining(relapsed, changed=True, held_back=False)
    if report:
        held_back = status is Status.OPENED and await nothing_but_held_back(connection, row.id, row.episode)
        return Joining(as_it_is, changed=False, held_back=held_back)
    widened = as_it_is | {"scope": Scope.FULL.value, "provisional": False}
    return Joining(widened, changed=widened != as_it_is, held_back=False)
