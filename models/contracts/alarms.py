"""An alarm as it comes in, and what accepting it decided."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from models.contracts.base import Message, Moment, OpaqueId
from models.names import AlarmKind, Role, Scope

LATE_AFTER_HOURS = 24
"""An alarm about something older than this is accepted, freezes, and is flagged `late`."""


class Alarm(Message):
    """What asks for a freeze: the body of `POST /v1/alarms`.

    (`source`, `id`) names the alarm once and for all. `detail` is free text and may hold personal data: it is stored
    encrypted and never logged.
    """

    source: OpaqueId
    id: OpaqueId
    account_id: OpaqueId
    occurred_at: Moment
    compromised_since: Moment | None = None
    stolen_transfers: Annotated[tuple[OpaqueId, ...], Field(max_length=1000)] = ()
    kind: AlarmKind
    detail: Annotated[str, StringConstraints(max_length=4000)] | None = None

    @property
    def scope(self) -> Scope:
        """How wide this alarm freezes: a machine's trigger fully, an unproven person's report only what goes out."""
        return Scope.FULL if self.kind is AlarmKind.TRIGGER else Scope.OUTGOING


class Sender(Message):
    """Who brought an alarm or a decision: an operator by name and role."""

    operator_id: str
    name: str
    role: Role


class AcceptedAlarm(Message):
    """What the one commit of intake decided (DESIGN 4).

    `repeated`: the same alarm came before with the same content. `frozen_before`: the freeze step of this scope is
    already done, so there is nothing left to call. `held_back`: an unproven report on an account that had its share of
    unproven freezes; it goes to an agent and freezes nothing. `closed`: what a repeated alarm asked for is over: its incident
    has ended, its episode has, or protection is being lifted; nothing may freeze by it again.
    """

    alarm_id: str
    incident_id: str
    episode: int
    scope: Scope
    account_id: str
    received_at: Moment
    repeated: bool
    frozen_before: bool
    late: bool
    held_back: bool = False
    closed: bool = False


class FreezeTimes(Message):
    """Whole milliseconds from receipt to the wallet's acknowledgement, and to the committed step."""

    wallet_ack: int
    committed: int
