"""Promised notices: leased, settled, looked at (notice_ports.NoticeStore). A lease is the pushed-back next try."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, bindparam, func, insert, select, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from activities.changes import NoticeReached, NoticeSent, QueueNotice
from adapters.secrets.keys import DataKeys, Sealer, keyed_digest, unseal
from adapters.sql.engine import statement, transaction
from adapters.sql.staff_alerts import raise_alert
from models.contracts.notices import Delivery, DueNotice, NoticeView, UnreachedNotice
from models.contracts.steps import FinishedStep
from models.errors import ErrorCode, StanchError
from models.ids import new_id
from models.names import UNREACHED, DeliveryState, NoticeState, StaffAlertKind
from models.tables.incidents import Incident
from models.tables.steps import NoticeContact, NoticeDelivery, NoticeOutbox

BODY = "notice.body"
CASES = """(SELECT id, account_id, CAST(NULL AS timestamptz) AS trusted_before FROM incident
            UNION ALL SELECT id, NULL, trusted_before FROM credential_recovery) AS incident"""
"""Whatever promises notices: incidents, and recoveries of credentials, which are of no account until one is found."""

DUE = """
incident.trusted_before, notice_outbox.id AS notice_id, notice_outbox.incident_id, step.episode, notice_outbox.template,
    notice_outbox.channel, coalesce(notice_outbox.account_id, incident.account_id) AS account_id,
    coalesce(coalesce(notice_outbox.account_id, incident.account_id) = incident.account_id, false) AS own, notice_outbox.round,
    (SELECT theirs.id FROM incident AS theirs WHERE theirs.account_id = notice_outbox.account_id
     AND theirs.closed_at IS NULL AND theirs.id <> incident.id) AS holder_incident,
    notice_outbox.from_round, notice_outbox.attempts, notice_outbox.created_at AS promised_at,
    coalesce(notice_outbox.asked_at, notice_outbox.created_at) AS asked_at,
    EXISTS (SELECT FROM data_key WHERE data_key.incident_id = notice_outbox.incident_id
            AND data_key.destroyed_at IS NOT NULL) AS erased
"""

# Whoever dies with a lease loses nothing: the row is due again when it ends. No transaction spans a remote call.
LEASE = text(
    f"""
UPDATE notice_outbox SET attempts = attempts + 1,
    next_try_at = clock_timestamp() + interval '1 second' * :lease_seconds
FROM step, {CASES}
WHERE notice_outbox.id IN (
        SELECT id FROM notice_outbox WHERE settled_at IS NULL AND next_try_at <= clock_timestamp()
        ORDER BY next_try_at LIMIT :limit FOR UPDATE SKIP LOCKED)
    AND incident.id = notice_outbox.incident_id AND step.id = notice_outbox.step_id
RETURNING {DUE}
"""  # noqa: S608 - made of our own constants
)

WHOM = text(
    f"""
SELECT {DUE} FROM notice_outbox JOIN {CASES} ON incident.id = notice_outbox.incident_id
JOIN step ON step.id = notice_outbox.step_id WHERE notice_outbox.id = :notice_id
"""  # noqa: S608 - made of our own constants
)

UNTOLD = text(
    """
SELECT notice_outbox.id AS notice_id, notice_outbox.incident_id, template, state, last_error AS why,
    coalesce(notice_outbox.account_id, incident.account_id) AS account_id, notice_outbox.created_at AS promised_at
FROM notice_outbox JOIN incident ON incident.id = notice_outbox.incident_id
WHERE notice_outbox.incident_id = ANY (:incidents) AND state IN ('given_up', 'no_contact')
ORDER BY notice_outbox.created_at, notice_outbox.id
"""
)

BY_HAND = text(
    "UPDATE notice_outbox SET state = 'reached', settled_at = :at "
    "WHERE id = :notice_id AND round = :round AND state IN ('given_up', 'no_contact')"
)

AGAIN = text(
    """
UPDATE notice_outbox SET last_error = :error, next_try_at = clock_timestamp()
    + least(interval '10 minutes', interval '1 second' * :seconds * power(2, least(attempts - 1, 12)))
WHERE id = :notice_id AND round = :round AND settled_at IS NULL
"""
)

SETTLE = text(
    """
UPDATE notice_outbox SET state = CAST(:state AS varchar), settled_at = clock_timestamp(), last_error = :error,
    delivered_at = CASE WHEN CAST(:state AS varchar) = 'sent' THEN clock_timestamp() ELSE delivered_at END
WHERE id = :notice_id AND round = :round AND settled_at IS NULL
"""
)

HURRY = text(
    "UPDATE notice_outbox SET next_try_at = clock_timestamp() "
    "WHERE settled_at IS NULL AND last_error = :error AND next_try_at > clock_timestamp()"
)

REFUSED = text("UPDATE notice_outbox SET refused = :refused WHERE id = :notice_id").bindparams(
    bindparam("refused", type_=JSONB)
)

LOOKS = text(
    """
UPDATE notice_delivery SET looks = looks + 1,
    next_look_at = clock_timestamp() + least(interval '1 hour', interval '2 seconds' * power(2, least(looks, 12)))
WHERE step_id IN (
    SELECT step_id FROM notice_delivery WHERE next_look_at <= clock_timestamp()
    ORDER BY next_look_at LIMIT :limit FOR UPDATE SKIP LOCKED)
RETURNING notice_id, contact_id, channel, round, template, version, language, message_id, state, sent_at, told_at, looks
"""
)

TOLD = text(
    """
UPDATE notice_delivery SET state = :state, told_at = clock_timestamp(), next_look_at = NULL
WHERE notice_id = :notice_id AND contact_id = :contact_id AND round = :round AND state = 'sent'
"""
)

ANOTHER_ROUND = text(
    """
UPDATE notice_outbox SET round = round + 1, state = 'waiting', settled_at = NULL, attempts = 0,
    next_try_at = clock_timestamp(), last_error = :error,
    from_round = CASE WHEN :from_now THEN round + 1 ELSE from_round END,
    asked_at = CASE WHEN :from_now THEN clock_timestamp() ELSE asked_at END
WHERE id = :notice_id
"""
)

COUNTS = text(
    "SELECT state, count(*) AS notices FROM notice_outbox "
    "WHERE settled_at IS NULL OR state IN ('given_up', 'no_contact') GROUP BY state"
)


async def promise(change: QueueNotice, step: FinishedStep, sealer: Sealer) -> dict[str, Any]:
    """The values of the row that promises a notice."""
    incident_id = step.attempt.incident_id
    body = json.dumps(change.fields, sort_keys=True, ensure_ascii=False).encode()
    return {
        "id": new_id(),
        "incident_id": incident_id,
        "step_id": step.step_id,
        "template": change.template,
        "channel": change.channel,
        "account_id": change.account_id,
        "body": await sealer.seal(incident_id, BODY, body),
        "created_at": step.completed_at,
        "next_try_at": step.completed_at,
    }


async def note_sent(change: NoticeSent, connection: AsyncConnection, step: FinishedStep) -> None:
    """Write the delivery in its step's transaction."""
    await connection.execute(
        insert(NoticeDelivery).values(
            step_id=step.step_id,
            notice_id=change.notice_id,
            contact_id=change.contact_id,
            channel=change.channel,
            round=change.round,
            template=change.template,
            version=change.version,
            language=change.language,
            message_id=change.message_id,
            state=DeliveryState.SENT.value,
            sent_at=change.at,
            next_look_at=change.look_at,
        )
    )


async def note_reached(change: NoticeReached, connection: AsyncConnection, step: FinishedStep) -> None:
    """Close a notice that reached nobody. Errors: REFUSED_BY_RULE, when it was told again meanwhile."""
    del step
    values = {"notice_id": change.notice_id, "round": change.round, "at": change.at}
    if (await connection.execute(BY_HAND, values)).rowcount != 1:
        raise StanchError(
            ErrorCode.REFUSED_BY_RULE,
            "This notice is being told again, or was closed meanwhile. Nothing was recorded; look at it again.",
        )


async def unreached(
    connection: AsyncConnection, incidents: Sequence[str]
) -> dict[str, list[UnreachedNotice]]:
    """By incident: notices that reached nobody, oldest first."""
    found: dict[str, list[UnreachedNotice]] = {}
    for row in (await connection.execute(UNTOLD, {"incidents": list(incidents)})).mappings():
        values = dict(row)
        found.setdefault(values.pop("incident_id"), []).append(UnreachedNotice.model_validate(values))
    return found


class SqlNotices:
    """Port `NoticeStore`, and what people see of notices."""

    def __init__(self, engine: AsyncEngine, keys: DataKeys) -> None:
        self._engine = engine
        self._keys = keys

    async def due(self, limit: int, lease: timedelta) -> list[DueNotice]:
        """See notice_ports.NoticeStore."""
        async with statement(self._engine) as connection:
            rows = await connection.execute(LEASE, {"limit": limit, "lease_seconds": lease.total_seconds()})
            return [DueNotice.model_validate(dict(row)) for row in rows.mappings()]

    async def fields(self, notice: DueNotice) -> dict[str, str]:
        """See notice_ports.NoticeStore. Errors: ERASED."""
        async with statement(self._engine) as connection:
            body = await connection.scalar(
                select(NoticeOutbox.body).where(NoticeOutbox.id == notice.notice_id)
            )
        key = await self._keys.key_for(notice.incident_id)
        fields: dict[str, str] = json.loads(unseal(key, notice.incident_id, BODY, body or b""))
        return fields

    async def deliveries(self, notice_id: str) -> list[Delivery]:
        """See notice_ports.NoticeStore."""
        async with statement(self._engine) as connection:
            return await _deliveries(connection, [notice_id])

    async def first_look(self, incident_id: str, values: Mapping[str, str], at: datetime) -> frozenset[str]:
        """See notice_ports.NoticeStore."""
        key = await self._keys.key_for(incident_id)
        now = {name: keyed_digest(key, value.encode()) for name, value in values.items()}
        seen = select(NoticeContact.contact_id, NoticeContact.value_digest).where(
            NoticeContact.incident_id == incident_id
        )
        async with transaction(self._engine) as connection:
            known = (await connection.execute(seen)).all()
            if not known and now:
                # Two lookers at once: the second waits here, and then finds what the first wrote.
                await connection.execute(
                    select(Incident.id).where(Incident.id == incident_id).with_for_update(key_share=True)
                )
                known = (await connection.execute(seen)).all()
            if not known and now:
                rows = [
                    {"incident_id": incident_id, "contact_id": name, "value_digest": value, "seen_at": at}
                    for name, value in now.items()
                ]
                await connection.execute(upsert(NoticeContact).on_conflict_do_nothing(), rows)
                return frozenset(now)
        return frozenset(row.contact_id for row in known if now.get(row.contact_id) == row.value_digest)

    async def left_out(self, notice_id: str, contacts: Sequence[str]) -> None:
        """See notice_ports.NoticeStore."""
        async with statement(self._engine) as connection:
            await connection.execute(REFUSED, {"notice_id": notice_id, "refused": sorted(contacts)})

    async def again(self, notice: DueNotice, error: str, after: timedelta) -> None:
        """See notice_ports.NoticeStore."""
        values = {"notice_id": notice.notice_id, "round": notice.round, "error": error}
        async with statement(self._engine) as connection:
            await connection.execute(AGAIN, values | {"seconds": after.total_seconds()})

    async def hurry(self, error: str) -> None:
        """See notice_ports.NoticeStore."""
        async with statement(self._engine) as connection:
            await connection.execute(HURRY, {"error": error})

    async def settle(self, notice: DueNotice, state: NoticeState, error: str | None) -> None:
        """See notice_ports.NoticeStore."""
        values = {"notice_id": notice.notice_id, "round": notice.round, "state": state.value, "error": error}
        async with transaction(self._engine) as connection:
            settled = (await connection.execute(SETTLE, values)).rowcount
            if settled and state in UNREACHED:
                await raise_alert(
                    connection,
                    StaffAlertKind.NOTICE_UNREACHED,
                    f"{notice.notice_id}/{notice.round}",
                    incident_id=notice.incident_id,
                    detail=notice.template,
                )

    async def to_look_at(self, limit: int) -> list[Delivery]:
        """See notice_ports.NoticeStore."""
        async with statement(self._engine) as connection:
            rows = await connection.execute(LOOKS, {"limit": limit})
            return [Delivery.model_validate(dict(row)) for row in rows.mappings()]

    async def told(self, delivery: Delivery, state: DeliveryState) -> None:
        """See notice_ports.NoticeStore."""
        which = {"notice_id": delivery.notice_id}
        values = which | {"contact_id": delivery.contact_id, "round": delivery.round, "state": state.value}
        async with transaction(self._engine) as connection:
            changed = (await connection.execute(TOLD, values)).rowcount
            if changed and state is DeliveryState.LOST:
                again = which | {"error": DeliveryState.LOST.value, "from_now": False}
                await connection.execute(ANOTHER_ROUND, again)

    async def whom(self, notice_id: str) -> DueNotice:
        """See use_cases.ports.NoticeDesk."""
        async with statement(self._engine) as connection:
            row = (await connection.execute(WHOM, {"notice_id": notice_id})).mappings().one()
            return DueNotice.model_validate(dict(row))

    async def resend(self, notice_id: str) -> NoticeView:
        """See use_cases.ports.NoticeDesk."""
        async with transaction(self._engine) as connection:
            state = await connection.scalar(
                select(NoticeOutbox.state).where(NoticeOutbox.id == notice_id).with_for_update()
            )
            if state is None:
                raise StanchError(
                    ErrorCode.NOT_FOUND, "There is no notice with this id. Nothing was sent; check the id."
                )
            if state in {NoticeState.WAITING, NoticeState.ERASED}:
                raise StanchError(
                    ErrorCode.REFUSED_BY_RULE,
                    f"This notice is {state}: what waits is sent anyway, and what is erased cannot be. Nothing was changed.",
                )
            await connection.execute(ANOTHER_ROUND, {"notice_id": notice_id, "error": None, "from_now": True})
            (view,) = await _views(connection, _notices().where(NoticeOutbox.id == notice_id))
            return view

    async def notices(
        self, *, incident_id: str | None, state: NoticeState | None, unreached: bool, limit: int
    ) -> list[NoticeView]:
        """See use_cases.ports.NoticeDesk."""
        query = _notices().order_by(NoticeOutbox.created_at.desc(), NoticeOutbox.id.desc()).limit(limit)
        if incident_id is not None:
            query = query.where(NoticeOutbox.incident_id == incident_id)
        if state is not None:
            query = query.where(NoticeOutbox.state == state.value)
        if unreached:
            query = query.where(NoticeOutbox.state.in_([each.value for each in UNREACHED]))
        async with transaction(self._engine) as connection:
            return await _views(connection, query)

    async def notice(self, notice_id: str) -> NoticeView | None:
        """See use_cases.ports.NoticeDesk."""
        async with transaction(self._engine) as connection:
            found = await _views(connection, _notices().where(NoticeOutbox.id == notice_id))
            return found[0] if found else None

    async def counts(self) -> dict[NoticeState, int]:
        """How many wait, and how many reached nobody."""
        async with statement(self._engine) as connection:
            rows = await connection.execute(COUNTS)
            found = {row.state: row.notices for row in rows}
        return {state: found.get(state.value, 0) for state in (NoticeState.WAITING, *UNREACHED)}


def _notices() -> Select[Any]:
    columns = ("step_id", "incident_id", "template", "channel", "state", "settled_at", "attempts", "round")
    return select(
        NoticeOutbox.id.label("notice_id"),
        *(getattr(NoticeOutbox, name) for name in columns),
        func.coalesce(NoticeOutbox.account_id, Incident.account_id).label("account_id"),
        NoticeOutbox.created_at.label("promised_at"),
        NoticeOutbox.next_try_at,
        NoticeOutbox.last_error,
        NoticeOutbox.refused.label("refused_contacts"),
    ).outerjoin(Incident, Incident.id == NoticeOutbox.incident_id)


async def _views(connection: AsyncConnection, query: Select[Any]) -> list[NoticeView]:
    rows = (await connection.execute(query)).mappings().all()
    by_notice: dict[str, list[Delivery]] = {row["notice_id"]: [] for row in rows}
    for delivery in await _deliveries(connection, list(by_notice)):
        by_notice[delivery.notice_id].append(delivery)
    return [
        NoticeView.model_validate(
            dict(row)
            | {
                "next_try_at": row["next_try_at"] if row["settled_at"] is None else None,
                "refused_contacts": tuple(row["refused_contacts"]),
                "deliveries": tuple(by_notice[row["notice_id"]]),
            }
        )
        for row in rows
    ]


async def _deliveries(connection: AsyncConnection, notices: list[str]) -> list[Delivery]:
    columns = [getattr(NoticeDelivery, name) for name in Delivery.model_fields]
    rows = await connection.execute(
        select(*columns)
        .where(NoticeDelivery.notice_id.in_(notices))
        .order_by(NoticeDelivery.sent_at, NoticeDelivery.step_id)
    )
    return [Delivery.model_validate(dict(row)) for row in rows.mappings()]
