"""Intake: the one commit in which the database decides which incident an alarm belongs to (DESIGN 4). The hot path.

An alarm on an account without an open incident is one statement, so one round trip and one commit. Only when that opens
nothing, because the alarm came before or the account has an open incident, are the careful ways taken.
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.secrets.keys import DataKeys
from adapters.sql.engine import statement, transaction, was_cut
from adapters.sql.incoming import Incoming
from adapters.sql.joining import join
from adapters.sql.opening import OPEN_AGAIN, OPEN_NEW, opening_values
from adapters.sql.repeating import repeated
from adapters.sql.unproven import had_its_share
from models.contracts.alarms import LATE_AFTER_HOURS, AcceptedAlarm, Alarm, Sender
from models.contracts.policy import Policy
from models.contracts.steps import StepAttempt
from models.errors import ErrorCode, StanchError
from models.ids import new_id
from models.names import AlarmKind

ROUNDS = 100
"""Every round but the last lost a race that somebody else won, so so many in a row mean that something is wrong."""


class SqlAlarmStore:
    """Port `AlarmStore`."""

    def __init__(self, engine: AsyncEngine, keys: DataKeys) -> None:
        self._engine = engine
        self._keys = keys

    async def accept(
        self,
        alarm: Alarm,
        *,
        sender: Sender,
        attempt: StepAttempt,
        incident_id: str,
        policy: Policy,
        reopens: str | None = None,
    ) -> AcceptedAlarm:
        """See ports.AlarmStore."""
        late = alarm.occurred_at < attempt.requested_at - timedelta(hours=LATE_AFTER_HOURS)
        incoming = Incoming(alarm, sender, attempt, policy, alarm_id=new_id(), late=late, reopens=reopens)
        try:
            return await self._decide(incoming, incident_id)
        except StanchError as error:
            if not was_cut(error):
                raise
        # The pool held connections of a database that was restarted. Deciding again is safe: an alarm is known by its id.
        return await self._decide(incoming, incident_id)

    async def _decide(self, incoming: Incoming, incident_id: str) -> AcceptedAlarm:
        for _ in range(ROUNDS):
            accepted = (
                await self._open(incoming, incident_id)
                or await repeated(self._engine, self._keys, incoming)
                or await self._join(incoming)
            )
            if accepted is not None:
                return accepted
        raise StanchError(
            ErrorCode.DATABASE_UNREACHABLE,
            "The alarm could not be placed in any incident. It was not accepted; repeat it with the same id.",
        )

    async def _open(self, incoming: Incoming, incident_id: str) -> AcceptedAlarm | None:
        """Open an incident of its own; None, and nothing committed, when the account has one or the alarm is known."""
        wrapped: bytes | None = None
        if incoming.attempt.origin.workflow_id is None:
            key, wrapped = self._keys.master.new_data_key()
        else:
            # Started straight at Temporal: its payloads were sealed before the incident was registered.
            key = await self._keys.key_for(incident_id)
        async with statement(self._engine) as connection:
            # Who reopens an incident is a person who has looked: that is what a report is held back for.
            held_back = (
                incoming.alarm.kind is AlarmKind.REPORT
                and incoming.reopens is None
                and await had_its_share(connection, incoming)
            )
            values = opening_values(incoming, incident_id, key, wrapped, held_back=held_back)
            opening = OPEN_NEW if incoming.reopens is None else OPEN_AGAIN
            try:
                opened = (await connection.execute(opening, values)).scalar_one()
            except IntegrityError:
                # The same alarm was committed by somebody else while this statement ran, and took all of it back.
                return None
        if not opened:
            return None
        self._keys.remember(incident_id, key)
        return incoming.accepted(incident_id, 1, incoming.alarm.scope, held_back=held_back)

    async def _join(self, incoming: Incoming) -> AcceptedAlarm | None:
        async with transaction(self._engine) as connection:
            return await join(connection, self._keys, incoming)
