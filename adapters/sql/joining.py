"""The careful ways of intake: a repeated alarm, and one that joins the account's open incident under its row lock."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import insert, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.freeze import freeze_step_key
from adapters.secrets.keys import DataKeys, seal
from adapters.sql.hand_over import ask
from adapters.sql.unproven import held_back_reports
from models.contracts.alarms import LATE_AFTER_HOURS, AcceptedAlarm, Alarm, Sender
from models.contracts.incidents import FreezeInput
from models.contracts.policy import Policy
from models.contracts.steps import StepAttempt
from models.digests import message_digest
from models.errors import ErrorCode, StanchError
from models.lifecycle import LIFTED, Event, Status, move
from models.names import AlarmKind, Scope
from models.tables.incidents import Alarm as AlarmRow
from models.tables.incidents import Incident
from models.tables.steps import StepAttempt as StepAttemptRow

FROZEN = text(
    "SELECT step_key FROM step WHERE incident_id = :incident_id AND episode = :episode AND status = 'done' "
    "AND step_key IN ('freeze/full', 'freeze/outgoing')"
)


async def repeated_alarm(
    connection: AsyncConnection, alarm: Alarm, attempt: StepAttempt, content: str
) -> AcceptedAlarm | None:
    """The answer to an alarm that came before; a new attempt row when its freeze must be run again.

    Errors: ALARM_CONFLICT, when the same id came with other content. Nothing is changed then.
    """
    known = (
        await connection.execute(
            select(
                AlarmRow, Incident.closed_at, Incident.episode.label("current"), Incident.scope.label("wide")
            )
            .join(Incident, Incident.id == AlarmRow.incident_id)
            .where(AlarmRow.source == alarm.source, AlarmRow.source_id == alarm.id)
        )
    ).one_or_none()
    if known is None:
        return None
    if known.content_digest != content:
        raise StanchError(
            ErrorCode.ALARM_CONFLICT,
            "An alarm with this source and id was accepted with other content. Nothing was changed; send the new content "
            "under a new id.",
        )
    scope, frozen = await _frozen(connection, known.incident_id, known.episode, Scope(known.scope))
    # A repeat of an alarm whose episode is over must not freeze again: that episode's restriction has ended.
    over = known.closed_at is not None or known.current != known.episode
    if not (frozen or over or known.held_back):
        await _attempt(
            connection,
            attempt,
            incident_id=known.incident_id,
            episode=known.episode,
            account_id=known.account_id,
            scope=scope,
        )
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


async def join_open_incident(
    connection: AsyncConnection,
    alarm: Alarm,
    *,
    sender: Sender,
    attempt: StepAttempt,
    content: str,
    policy: Policy,
    keys: DataKeys,
    alarm_id: str,
) -> AcceptedAlarm | None:
    """Put the alarm to the account's open incident; None when there is none (any more), or the alarm just came in.

    While protection is being lifted or has been, the alarm begins the next episode, whose restriction has another id.
    Joining never extends a provisional freeze's clock.
    """
    open_incident = (
        await connection.execute(
            select(Incident)
            .where(Incident.account_id == alarm.account_id, Incident.closed_at.is_(None))
            .with_for_update()
        )
    ).one_or_none()
    if open_incident is None:
        return None
    received = attempt.requested_at
    report = alarm.kind is AlarmKind.REPORT
    relapse = Status(open_incident.status) in LIFTED
    held_back = (
        report and relapse and await held_back_reports(connection, alarm.account_id, received, policy.freeze)
    )
    changes: dict[str, Any] = {}
    if relapse and not held_back:
        changes = {
            "status": move(Status(open_incident.status), Event.RELAPSED).value,
            "episode": open_incident.episode + 1,
            "episode_opened_at": received,
            "frozen_at": None,
            "renewals": 0,
            "scope": alarm.scope.value,
            "provisional": report,
        }
    elif not report:
        changes = {"provisional": False, "scope": Scope.FULL.value}
    episode = changes.get("episode", open_incident.episode)
    wide = Scope(changes.get("scope", open_incident.scope))
    # A narrower alarm is answered by the wider freeze that stands or is being placed.
    scope = Scope.FULL if wide is Scope.FULL else alarm.scope
    late = alarm.occurred_at < received - timedelta(hours=LATE_AFTER_HOURS)
    detail = None
    if alarm.detail is not None:
        key = await keys.key_for(open_incident.id)
        detail = seal(key, open_incident.id, "alarm.detail", alarm.detail.encode())
    written = await connection.execute(
        upsert(AlarmRow)
        .values(
            id=alarm_id,
            source=alarm.source,
            source_id=alarm.id,
            content_digest=content,
            incident_id=open_incident.id,
            episode=episode,
            account_id=alarm.account_id,
            kind=alarm.kind.value,
            scope=alarm.scope.value,
            occurred_at=alarm.occurred_at,
            compromised_since=alarm.compromised_since,
            stolen_transfers=list(alarm.stolen_transfers),
            detail=detail,
            late=late,
            held_back=held_back,
            sender=sender.name,
            sender_role=sender.role.value,
            received_at=received,
        )
        .on_conflict_do_nothing(index_elements=["source", "source_id"])
        .returning(AlarmRow.id)
    )
    if written.one_or_none() is None:
        return None
    if changes:
        await connection.execute(update(Incident).where(Incident.id == open_incident.id).values(**changes))
    scope, frozen = await _frozen(connection, open_incident.id, episode, scope)
    if not (frozen or held_back):
        await _attempt(
            connection,
            attempt,
            incident_id=open_incident.id,
            episode=episode,
            account_id=alarm.account_id,
            scope=scope,
        )
    await ask(connection, open_incident.id, received)
    return AcceptedAlarm(
        alarm_id=alarm_id,
        incident_id=open_incident.id,
        episode=episode,
        scope=scope,
        account_id=alarm.account_id,
        received_at=received,
        repeated=False,
        frozen_before=frozen,
        late=late,
        held_back=held_back,
    )


async def _frozen(
    connection: AsyncConnection, incident_id: str, episode: int, scope: Scope
) -> tuple[Scope, bool]:
    """The scope that answers for this one in this episode, and whether its freeze is done."""
    rows = await connection.execute(FROZEN, {"incident_id": incident_id, "episode": episode})
    done = {row.step_key for row in rows}
    if freeze_step_key(Scope.FULL) in done:
        return Scope.FULL, True
    return scope, freeze_step_key(scope) in done


async def _attempt(
    connection: AsyncConnection,
    attempt: StepAttempt,
    *,
    incident_id: str,
    episode: int,
    account_id: str,
    scope: Scope,
) -> None:
    step = FreezeInput(
        incident_id=incident_id,
        episode=episode,
        step_key=freeze_step_key(scope),
        account_id=account_id,
        scope=scope,
    )
    await connection.execute(
        insert(StepAttemptRow).values(
            id=attempt.attempt_id,
            incident_id=incident_id,
            episode=episode,
            step_key=step.step_key,
            kind=attempt.kind.value,
            actor=attempt.actor.value,
            role=attempt.role,
            requested_at=attempt.requested_at,
            workflow_id=attempt.origin.workflow_id,
            run_id=attempt.origin.run_id,
            activity_id=attempt.origin.activity_id,
            attempt=attempt.origin.attempt,
            gateway_attempt=attempt.origin.gateway_attempt,
            input_digest=message_digest(step),
        )
    )
