"""Alerts to staff: raised in the commit of what they are about, leased, settled (staff_ports.StaffAlertStore)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Double, bindparam, select, text
from sqlalchemy.dialects.postgresql import ARRAY, VARCHAR, insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from adapters.sql.engine import statement, transaction
from models.contracts.staff import DueAlert, StaffAlertView
from models.ids import new_id
from models.names import DecisionKind, StaffAlertKind, StaffAlertState
from models.tables.staff import StaffAlert
from use_cases.staff_words import SEVERITIES, sentences

ASKED = {
    DecisionKind.UNPROVEN_OWNER: StaffAlertKind.OWNER_UNPROVEN,
    DecisionKind.IDENTITY_CONTESTED: StaffAlertKind.IDENTITY_CONTESTED,
    DecisionKind.STUCK: StaffAlertKind.STUCK,
    DecisionKind.RECOVERY_STUCK: StaffAlertKind.STUCK,
    DecisionKind.RESET_INCOMPLETE: StaffAlertKind.STUCK,
}
"""Questions that are more than a question; every other one is `decision_asked`."""

REPEATS = 10
"""Attempts at one step within ten minutes without its end: that is no bad moment any more. What has its own alert, or a
pace of its own by design, is left out."""

# now() and not clock_timestamp(): what may change within a statement uses no index.
WATCHED = text(
    """
SELECT 'freeze_pending' AS kind, incident.id || '/' || incident.episode AS subject, incident.id AS incident_id,
       incident.scope AS detail
FROM incident
WHERE incident.closed_at IS NULL AND incident.status = 'opened'
  AND incident.episode_opened_at <= now() - interval '1 second' * :late
  AND EXISTS (SELECT FROM alarm WHERE alarm.incident_id = incident.id AND alarm.episode = incident.episode
              AND NOT alarm.held_back)
  AND NOT EXISTS (SELECT FROM staff_alert WHERE kind = 'freeze_pending'
                  AND subject = incident.id || '/' || incident.episode)
UNION ALL
SELECT 'decision_overdue', task.id, task.incident_id, task.kind FROM decision_task AS task
WHERE task.closed_at IS NULL AND task.expires_at <= now()
  AND NOT EXISTS (SELECT FROM staff_alert WHERE kind = 'decision_overdue' AND subject = task.id)
UNION ALL
SELECT 'break_glass_unreviewed', glass.request_id, glass.incident_id, '' FROM break_glass AS glass
WHERE glass.verdict IS NULL AND glass.review_due_at <= now()
  AND NOT EXISTS (SELECT FROM staff_alert WHERE kind = 'break_glass_unreviewed' AND subject = glass.request_id)
UNION ALL
SELECT 'step_failing', left(tried.incident_id || '/' || tried.episode || '/' || tried.step_key, 160), tried.incident_id,
       tried.kind
FROM (SELECT incident_id, episode, step_key, min(kind) AS kind FROM step_attempt
      WHERE requested_at >= now() - interval '10 minutes' AND kind NOT IN ('freeze', 'notice', 'recall_send')
      GROUP BY incident_id, episode, step_key HAVING count(*) >= :repeats) AS tried
WHERE NOT EXISTS (SELECT FROM step WHERE step.incident_id = tried.incident_id AND step.episode = tried.episode
                  AND step.step_key = tried.step_key AND step.status = 'done')
  AND NOT EXISTS (SELECT FROM staff_alert WHERE kind = 'step_failing'
                  AND subject = left(tried.incident_id || '/' || tried.episode || '/' || tried.step_key, 160))
UNION ALL
SELECT 'hold_ending', soon.id || '/' || soon.periods, soon.incident_id, coalesce((
    SELECT task.kind FROM decision_task AS task
    WHERE task.incident_id = soon.incident_id AND task.closed_at IS NULL AND task.kind = ANY (:about_holds)
    ORDER BY task.created_at, task.id LIMIT 1), 'no_question')
FROM (SELECT DISTINCT ON (incident_id) id, incident_id, periods, expires_at FROM hold_claim
      WHERE state = 'placed' AND expires_at <= now() + interval '1 second' * :hold_warning
      ORDER BY incident_id, expires_at, id) AS soon
WHERE NOT EXISTS (SELECT FROM staff_alert AS told WHERE told.kind = 'hold_ending' AND told.incident_id = soon.incident_id
                  AND told.raised_at >= soon.expires_at - interval '1 second' * :hold_warning * 1.25)
UNION ALL
SELECT 'mule_freeze_long', mule.id || '/' || floor(extract(epoch FROM now() - mule.placed_at) / :mule_review)::int,
       mule.incident_id, ''
FROM mule_freeze AS mule
WHERE mule.ended_at IS NULL AND mule.placed_at <= now() - interval '1 second' * :mule_review
  AND NOT EXISTS (SELECT FROM staff_alert WHERE kind = 'mule_freeze_long' AND subject = mule.id || '/'
                  || floor(extract(epoch FROM now() - mule.placed_at) / :mule_review)::int)
LIMIT 100
"""
).bindparams(
    bindparam("about_holds", type_=ARRAY(VARCHAR)),
    bindparam("hold_warning", type_=Double),
    bindparam("mule_review", type_=Double),
)
"""Holds of one incident that end about together are one alert: whoever decides about one sees the others."""

ABOUT_HOLDS = [
    DecisionKind.RENEW_HOLD.value,
    DecisionKind.RELEASE_HOLD.value,
    DecisionKind.HOLD_OBJECTION.value,
    DecisionKind.RESTITUTE.value,
    DecisionKind.COMPETING_CLAIMS.value,
]

# Whoever dies with a lease loses nothing: the row is due again when it ends. No transaction spans a remote call.
LEASE = text(
    """
UPDATE staff_alert SET attempts = attempts + 1, next_try_at = clock_timestamp() + interval '1 second' * :lease_seconds
WHERE id IN (SELECT id FROM staff_alert WHERE settled_at IS NULL AND next_try_at <= clock_timestamp()
             ORDER BY next_try_at LIMIT :limit FOR UPDATE SKIP LOCKED)
RETURNING id AS alert_id, kind, severity, subject, incident_id, detail, raised_at, attempts, reached
"""
)

REACHED = text(
    "UPDATE staff_alert SET reached = reached || to_jsonb(CAST(:name AS text)) "
    "WHERE id = :alert_id AND NOT reached ? CAST(:name AS text)"
)

AGAIN = text(
    """
UPDATE staff_alert SET last_error = :error, next_try_at = clock_timestamp()
    + least(interval '1 minute', interval '1 second' * :seconds * power(2, least(attempts - 1, 12)))
WHERE id = :alert_id AND settled_at IS NULL
"""
)

SETTLE = text(
    "UPDATE staff_alert SET state = :state, settled_at = clock_timestamp(), last_error = :error "
    "WHERE id = :alert_id AND settled_at IS NULL"
)


async def raise_alert(
    connection: AsyncConnection,
    kind: StaffAlertKind,
    subject: str,
    *,
    incident_id: str | None = None,
    detail: str = "",
    at: datetime | None = None,
) -> bool:
    """Raise an alert in the caller's transaction, once for each subject of its kind; whether it is new.

    `subject`, `detail`: ids and codes, never anything about a person.
    """
    at = at or datetime.now(UTC)
    written = await connection.execute(
        insert(StaffAlert)
        .values(
            id=new_id(),
            kind=kind.value,
            severity=SEVERITIES[kind].value,
            subject=subject,
            incident_id=incident_id,
            detail=detail[:64],
            raised_at=at,
            next_try_at=at,
        )
        .on_conflict_do_nothing(index_elements=["kind", "subject"])
    )
    return written.rowcount == 1


async def raise_question(
    connection: AsyncConnection, kind: DecisionKind, task_id: str, incident_id: str, at: datetime
) -> None:
    """That a question was put to people, in the commit that puts it."""
    what = ASKED.get(kind, StaffAlertKind.DECISION_ASKED)
    await raise_alert(connection, what, task_id, incident_id=incident_id, detail=kind.value, at=at)


class SqlStaffAlerts:
    """Port `StaffAlertStore`, and what people see of alerts."""

    def __init__(self, engine: AsyncEngine, language: str) -> None:
        self._engine = engine
        self._language = language

    async def raise_once(
        self, kind: StaffAlertKind, subject: str, *, incident_id: str | None, detail: str
    ) -> bool:
        """See staff_ports.RaisesStaffAlerts."""
        async with transaction(self._engine) as connection:
            return await raise_alert(connection, kind, subject, incident_id=incident_id, detail=detail)

    async def watch(self, freeze_late: timedelta, *, hold_warning: timedelta, mule_review: timedelta) -> int:
        """See staff_ports.StaffAlertStore."""
        spans = {
            "late": freeze_late.total_seconds(),
            "repeats": REPEATS,
            "about_holds": ABOUT_HOLDS,
            "hold_warning": hold_warning.total_seconds(),
            "mule_review": mule_review.total_seconds(),
        }
        async with transaction(self._engine) as connection:
            rows = (await connection.execute(WATCHED, spans)).all()
            raised = [
                await raise_alert(
                    connection,
                    StaffAlertKind(row.kind),
                    row.subject,
                    incident_id=row.incident_id,
                    detail=row.detail,
                )
                for row in rows
            ]
        return sum(raised)

    async def due(self, limit: int, lease: timedelta) -> list[DueAlert]:
        """See staff_ports.StaffAlertStore."""
        async with statement(self._engine) as connection:
            rows = await connection.execute(LEASE, {"limit": limit, "lease_seconds": lease.total_seconds()})
            return [
                DueAlert.model_validate(dict(row) | {"reached": tuple(row["reached"])})
                for row in rows.mappings()
            ]

    async def reached(self, alert_id: str, name: str) -> None:
        """See staff_ports.StaffAlertStore."""
        async with statement(self._engine) as connection:
            await connection.execute(REACHED, {"alert_id": alert_id, "name": name})

    async def again(self, alert_id: str, error: str, after: timedelta) -> None:
        """See staff_ports.StaffAlertStore."""
        values = {"alert_id": alert_id, "error": error, "seconds": after.total_seconds()}
        async with statement(self._engine) as connection:
            await connection.execute(AGAIN, values)

    async def settle(self, alert_id: str, state: StaffAlertState, error: str | None) -> None:
        """See staff_ports.StaffAlertStore."""
        async with statement(self._engine) as connection:
            await connection.execute(SETTLE, {"alert_id": alert_id, "state": state.value, "error": error})

    async def alerts(
        self, *, state: StaffAlertState | None, incident_id: str | None, limit: int
    ) -> list[StaffAlertView]:
        """See use_cases.ports.StaffAlertDesk."""
        query = select(StaffAlert).order_by(StaffAlert.raised_at.desc(), StaffAlert.id.desc()).limit(limit)
        if state is not None:
            query = query.where(StaffAlert.state == state.value)
        if incident_id is not None:
            query = query.where(StaffAlert.incident_id == incident_id)
        async with statement(self._engine) as connection:
            return [_view(row, self._language) for row in (await connection.execute(query)).all()]


def _view(row: Any, language: str) -> StaffAlertView:
    values = row._asdict()
    shown = {name: values[name] for name in StaffAlertView.model_fields if name in values}
    return StaffAlertView.model_validate(
        shown
        | {
            "alert_id": row.id,
            "sentence": " ".join(sentences(StaffAlertKind(row.kind), language)),
            "reached": tuple(row.reached),
        }
    )
