"""An alarm that came before: the same answer, and another attempt at its freeze unless that is done."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from activities.freeze import freeze_step_key
from adapters.secrets.keys import DataKeys
from adapters.sql.engine import statement
from adapters.sql.incoming import Incoming
from models.contracts.alarms import AcceptedAlarm
from models.errors import ErrorCode, StanchError
from models.lifecycle import LIFTED, Status
from models.names import Scope

KNOWN = text(
    """
SELECT alarm.id, alarm.incident_id, alarm.episode, alarm.account_id, alarm.scope, alarm.content_digest,
       alarm.received_at, alarm.late, alarm.held_back, incident.closed_at, incident.status,
       incident.episode AS current_episode, incident.scope AS current_scope, data_key.wrapped,
       ARRAY(SELECT step_key FROM step WHERE step.incident_id = alarm.incident_id AND step.episode = alarm.episode
             AND step.kind = 'freeze' AND step.status = 'done') AS frozen
FROM alarm JOIN incident ON incident.id = alarm.incident_id JOIN data_key ON data_key.incident_id = alarm.incident_id
WHERE alarm.source = :source AND alarm.source_id = :source_id
"""
)

# Only while the episode stands: what is being lifted has an ended name at the wallet, and is not frozen under it again.
TRY_AGAIN = text(
    """
WITH stands AS (
    SELECT id, episode FROM incident
    WHERE id = :incident_id AND episode = :episode
      AND status NOT IN ('returning', 'releasing', 'closing', 'return_closing', 'closed')
), tried AS (
    INSERT INTO step_attempt (id, incident_id, episode, step_key, kind, actor, role, requested_at, workflow_id, run_id,
                              activity_id, attempt, gateway_attempt, input_digest)
    SELECT :attempt_id, id, episode, :step_key, :step_kind, :actor, :role, :received_at, :workflow_id, :run_id,
           :activity_id, :attempt, :gateway_attempt, :input_digest
    FROM stands ON CONFLICT (id) DO NOTHING
)
SELECT EXISTS (SELECT FROM stands)
"""
)


async def repeated(engine: AsyncEngine, keys: DataKeys, incoming: Incoming) -> AcceptedAlarm | None:
    """The answer to an alarm that came before; None when it did not, or its incident changed meanwhile: decide again.

    Errors: ALARM_CONFLICT, when the same id came with other content. Nothing is changed then.
    """
    async with statement(engine) as connection:
        which = {"source": incoming.alarm.source, "source_id": incoming.alarm.id}
        known = (await connection.execute(KNOWN, which)).one_or_none()
        if known is None:
            return None
        _refuse_other_content(known, keys, incoming)
        over = (
            known.closed_at is not None
            or known.current_episode != known.episode
            or Status(known.status) in LIFTED
        )
        scope = _scope(known, over=over)
        frozen = freeze_step_key(scope) in known.frozen
        if not (frozen or over or known.held_back) and not await _try_again(
            connection, incoming, known, scope
        ):
            return None
    return AcceptedAlarm(
        alarm_id=known.id,
        incident_id=known.incident_id,
        episode=known.episode,
        scope=scope,
        account_id=known.account_id,
        received_at=known.received_at,
        repeated=True,
        frozen_before=frozen,
        late=known.late,
        held_back=known.held_back,
        closed=over,
    )


def _refuse_other_content(known: Row[Any], keys: DataKeys, incoming: Incoming) -> None:
    if known.wrapped is None:
        return  # erased: what it said cannot be compared any more, and its incident is closed
    key = keys.remember(known.incident_id, keys.master.unwrap(known.wrapped))
    if incoming.content_digest(key) != known.content_digest:
        raise StanchError(
            ErrorCode.ALARM_CONFLICT,
            "An alarm with this source and id was accepted with other content. Nothing was changed; send the new content "
            "under a new id.",
        )


def _scope(known: Row[Any], *, over: bool) -> Scope:
    """Which freeze answers for the alarm: the widest that was done or, while its episode stands, is asked for."""
    if freeze_step_key(Scope.FULL) in known.frozen:
        return Scope.FULL
    if not over:
        return Scope(known.current_scope)
    return Scope.OUTGOING if freeze_step_key(Scope.OUTGOING) in known.frozen else Scope(known.scope)


async def _try_again(connection: AsyncConnection, incoming: Incoming, known: Row[Any], scope: Scope) -> bool:
    values = incoming.attempt_values(known.incident_id, known.episode, scope)
    return bool(await connection.scalar(TRY_AGAIN, values))
