"""What alarms and people said of an incident's thefts, and which of those words count by themselves."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from models.contracts.money import TheftWords
from models.names import ADDED_BY_PEOPLE, AlarmKind
from models.tables.incidents import Alarm, Incident, Theft
from models.tables.people import Proof


async def read_theft_words(connection: AsyncConnection, incident_id: str) -> TheftWords:
    """As they stand; an unknown incident has none. Only alarms that were taken up are heard."""
    incident = (await connection.execute(select(Incident).where(Incident.id == incident_id))).one_or_none()
    if incident is None:
        return TheftWords(named=(), claimed=(), added=(), withdrawn=(), since=None)
    alarms = (
        await connection.execute(
            select(Alarm)
            .where(Alarm.incident_id == incident_id, Alarm.acknowledged_at.is_not(None))
            .order_by(Alarm.received_at, Alarm.id)
        )
    ).all()
    proven_at = await connection.scalar(
        select(func.max(Proof.proven_at)).where(Proof.incident_id == incident_id, Proof.voided_at.is_(None))
    )
    # An unproven report that froze the account again takes no word back, nor does it count beside a proven owner's.
    nothing_proven = incident.provisional and proven_at is None
    counting = [alarm for alarm in alarms if nothing_proven or _counts(alarm, proven_at)]
    others = [alarm for alarm in alarms if alarm not in counting]
    former = await _former(connection, incident_id)
    said = (
        await connection.execute(
            select(Theft).where(Theft.incident_id == incident_id).order_by(Theft.found_at, Theft.transfer_id)
        )
    ).all()
    return TheftWords(
        named=tuple(dict.fromkeys([*_named(counting), *former])),
        claimed=_named(others),
        added=tuple(
            row.transfer_id
            for row in said
            if (row.added_by or row.basis == ADDED_BY_PEOPLE) and row.withdrawn_at is None
        ),
        withdrawn=tuple(row.transfer_id for row in said if row.withdrawn_by is not None),
        since=_since(incident, counting),
    )


def _counts(alarm: Row[Any], proven_at: datetime | None) -> bool:
    """A machine's word; or that of a report which was there when the owner was proven, and saw it."""
    return alarm.kind == AlarmKind.TRIGGER.value or (proven_at is not None and alarm.received_at <= proven_at)


async def _former(connection: AsyncConnection, incident_id: str) -> list[str]:
    """What was stolen by the incident that this one goes on with: it was named there, or found; here all of it is named."""
    rows = await connection.scalars(
        select(Theft.transfer_id)
        .join(Incident, Incident.reopens == Theft.incident_id)
        .where(Incident.id == incident_id, Theft.withdrawn_at.is_(None), Theft.basis != ADDED_BY_PEOPLE)
        .order_by(Theft.found_at, Theft.transfer_id)
    )
    return list(rows)


def _named(alarms: list[Row[Any]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(transfer for alarm in alarms for transfer in alarm.stolen_transfers))


def _since(incident: Row[Any], counting: list[Row[Any]]) -> datetime | None:
    """The earliest time that these alarms give, as people have moved it; never before the incident's own."""
    known = incident.compromised_since or incident.opened_at
    later = [
        alarm for alarm in counting if incident.dated_at is None or alarm.acknowledged_at > incident.dated_at
    ]
    # An alarm taken up before its time was kept has that of its incident.
    times = [alarm.dated_since or known for alarm in later]
    if incident.dated_since is not None:
        times.append(incident.dated_since)
    return max(known, min(times)) if times else None
