"""The incident row and what hangs on it, as the workflow may read it (port `Incidents`)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row, Select, and_, exists, func, not_, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.orm import aliased

from adapters.sql.dropped_claims import ever_proven
from adapters.sql.engine import statement, transaction
from adapters.sql.hand_over import ask
from adapters.sql.lifting import limits_left
from adapters.sql.standing_traces import read_money
from adapters.sql.theft_words import read_theft_words
from models.contracts.alarms import Alarm
from models.contracts.identity import StandingProof
from models.contracts.incidents import IncidentFacts
from models.contracts.money import TheftWords
from models.contracts.transfers import Flow
from models.errors import ErrorCode, StanchError
from models.lifecycle import Status
from models.names import SecurityItem
from models.tables.identity import IdentityClaim
from models.tables.incidents import Alarm as AlarmRow
from models.tables.incidents import Incident
from models.tables.people import Proof, ResetReceipt


class SqlIncidents:
    """Port `Incidents`."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def facts(self, incident_id: str) -> IncidentFacts | None:
        """See ports.Incidents."""
        async with statement(self._engine) as connection:
            return await read_facts(connection, incident_id)

    async def alarm(self, alarm_id: str) -> Alarm:
        """See ports.Incidents."""
        async with statement(self._engine) as connection:
            row = (await connection.execute(select(AlarmRow).where(AlarmRow.id == alarm_id))).one_or_none()
        if row is None:
            raise StanchError(ErrorCode.NOT_FOUND, "There is no alarm with this id. Nothing was done.")
        return Alarm.model_validate(
            {
                "source": row.source,
                "id": row.source_id,
                "account_id": row.account_id,
                "occurred_at": row.occurred_at,
                "compromised_since": row.compromised_since,
                "stolen_transfers": tuple(row.stolen_transfers),
                "kind": row.kind,
            }
        )

    async def ask_again(self, incident_id: str) -> None:
        """See ports.Incidents."""
        async with statement(self._engine) as connection:
            await ask(connection, incident_id, datetime.now(UTC))

    async def money(self, incident_id: str) -> dict[str, Flow]:
        """See ports.Incidents."""
        async with statement(self._engine) as connection:
            return await read_money(connection, incident_id)

    async def theft_words(self, incident_id: str) -> TheftWords:
        """See ports.Incidents."""
        async with transaction(self._engine) as connection:
            return await read_theft_words(connection, incident_id)

    async def receipts(
        self, incident_id: str, episode: int, compromised_since: datetime
    ) -> dict[SecurityItem, str]:
        """See ports.Incidents."""
        async with statement(self._engine) as connection:
            rows = await connection.execute(
                select(ResetReceipt.item, ResetReceipt.receipt_id)
                .where(
                    ResetReceipt.incident_id == incident_id,
                    ResetReceipt.episode == episode,
                    ResetReceipt.set_since <= compromised_since,
                )
                .order_by(ResetReceipt.reset_at)
            )
            return {SecurityItem(row.item): row.receipt_id for row in rows}

    async def standing_proof(self, incident_id: str, episode: int) -> StandingProof | None:
        """See ports.Incidents."""
        query = select(Proof.step_id, Proof.claim_id).where(
            Proof.incident_id == incident_id, Proof.episode == episode, Proof.voided_at.is_(None)
        )
        async with statement(self._engine) as connection:
            row = (await connection.execute(query.order_by(Proof.proven_at.desc()).limit(1))).one_or_none()
        return None if row is None else StandingProof(step_id=row.step_id, claim_id=row.claim_id)

    async def stolen(self, incident_id: str) -> dict[str, int]:
        """See ports.Incidents."""
        sums: dict[str, int] = {}
        async with statement(self._engine) as connection:
            for claimed in (False, True):
                money = await read_money(connection, incident_id, claimed=claimed)
                for currency, flow in money.items():
                    sums[currency] = sums.get(currency, 0) + flow.stolen
        return sums

    async def impostor_found(self, incident_id: str) -> bool:
        """See ports.Incidents."""
        found = exists().where(IdentityClaim.incident_id == incident_id, IdentityClaim.ending == "impostor")
        async with statement(self._engine) as connection:
            return bool(await connection.scalar(select(found)))

    async def proven(self, incident_id: str, episode: int) -> bool:
        """See ports.Incidents."""
        async with statement(self._engine) as connection:
            count = await connection.scalar(
                select(func.count())
                .select_from(Proof)
                .where(Proof.incident_id == incident_id, Proof.episode == episode, Proof.voided_at.is_(None))
            )
            return bool(count)

    async def ever_proven(self, incident_id: str) -> bool:
        """See ports.Incidents."""
        async with statement(self._engine) as connection:
            return await ever_proven(connection, incident_id)


def facts_query() -> Select[Any]:
    """Incident rows with what their alarms say, as of one moment: an alarm and the episode it began are seen together."""
    of_incident = AlarmRow.incident_id == Incident.id
    waiting = (
        select(AlarmRow.id)
        .where(of_incident, AlarmRow.acknowledged_at.is_(None))
        .order_by(AlarmRow.received_at, AlarmRow.id)
    )
    later = aliased(Incident)
    asking = exists().where(of_incident, AlarmRow.episode == Incident.episode, AlarmRow.held_back.is_(False))
    return select(
        Incident,
        func.array(waiting.scalar_subquery()).label("unacknowledged"),
        and_(Incident.status == Status.OPENED.value, not_(asking)).label("held_back"),
        and_(Incident.status == Status.OPENED.value, limits_left()).label("limits_left"),
        select(later.id).where(later.reopens == Incident.id).scalar_subquery().label("reopened_as"),
    )


async def read_facts(connection: AsyncConnection, incident_id: str) -> IncidentFacts | None:
    """The facts of one incident, alarms included; None when unknown."""
    row = (await connection.execute(facts_query().where(Incident.id == incident_id))).one_or_none()
    return None if row is None else facts_of(row)


def facts_of(row: Row[Any]) -> IncidentFacts:
    """The facts in a row of `facts_query`."""
    return IncidentFacts(
        incident_id=row.id,
        account_id=row.account_id,
        status=row.status,
        episode=row.episode,
        scope=row.scope,
        provisional=row.provisional,
        opened_at=row.opened_at,
        episode_opened_at=row.episode_opened_at,
        compromised_since=row.compromised_since,
        frozen_at=row.frozen_at,
        renewals=row.renewals,
        closed_at=row.closed_at,
        outcome=row.outcome,
        unacknowledged=tuple(row.unacknowledged),
        held_back=row.held_back,
        limits_left=row.limits_left,
        reopens=row.reopens,
        reopened_as=row.reopened_as,
    )
