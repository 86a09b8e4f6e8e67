"""What a finished step changes in the database, as data: the store applies it in the step's own transaction."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from models.lifecycle import Event
from models.names import DecisionKind, Outcome, SecurityItem


@dataclass(frozen=True)
class MoveIncident:
    """Take `event` in the lifecycle table, under a lock on the incident row."""

    event: Event


@dataclass(frozen=True)
class FrozenNow:
    """The freeze stands: FREEZE_DONE, and `frozen_at` if it was not set in this episode."""

    at: datetime


@dataclass(frozen=True)
class CloseIncident:
    """FREEZE_REFUSED or CLOSE with the outcome and a summary; refused while an alarm is unacknowledged.

    `forced` closes in spite of open alarms and acknowledges them: only for `not_frozen`, where none can be acted on.
    """

    outcome: Outcome
    at: datetime
    summary: dict[str, Any]
    forced: bool = False


@dataclass(frozen=True)
class AcknowledgeAlarm:
    """The alarm's effect is in this commit."""

    alarm_id: str
    at: datetime


@dataclass(frozen=True)
class SetCompromisedSince:
    """Set the compromise time. `voids`: it moved earlier, so proofs and receipts that relied on later things fall."""

    at: datetime
    voids: bool


@dataclass(frozen=True)
class RecordThefts:
    """Count these transfers as stolen: (transfer id, basis)."""

    thefts: tuple[tuple[str, str], ...]
    at: datetime


@dataclass(frozen=True)
class RecordProof:
    """The owner is proven by these factors; `newest_contact_set_at` is the latest thing the proof relies on."""

    factors: tuple[str, ...]
    newest_contact_set_at: datetime
    at: datetime


@dataclass(frozen=True)
class RecordReset:
    """A security item was reset back to `set_since`, with the wallet's receipt."""

    item: SecurityItem
    receipt_id: str
    set_since: datetime
    at: datetime


@dataclass(frozen=True)
class OpenDecisionTask:
    """Put a question to people."""

    task_id: str
    task_key: str
    kind: DecisionKind
    action: dict[str, str]
    choices: tuple[str, ...]
    four_eyes: bool
    approver_role: str
    at: datetime
    expires_at: datetime


@dataclass(frozen=True)
class CloseDecisionTasks:
    """Close open questions of these kinds in this episode: they were carried out or have no object any more.

    `part`: only those about this part of the incident; a story that is stuck says nothing of the money that is, too.
    """

    kinds: tuple[DecisionKind, ...]
    at: datetime
    part: str | None = None


@dataclass(frozen=True)
class RenewFreeze:
    """Count one renewal of a provisional freeze."""


@dataclass(frozen=True)
class HoldPlaced:
    """The claim is checked against its receipt: units [lo, hi) stand held at the wallet."""

    hold_id: str
    lo: int
    hi: int
    effective_seq: int
    at: datetime


@dataclass(frozen=True)
class HoldEnded:
    """The claim no longer stands."""

    hold_id: str
    at: datetime
    reason: str


@dataclass(frozen=True)
class QueueNotice:
    """Promise a notice in the step's transaction; who gets it is decided at delivery (use_cases/deliver_notice.py).

    `channel`: `all`, `sms` or `email`. `fields` fill the template, and are stored sealed. `account_id`: whom to tell when
    it is not the incident's own account (a holder of held money); a contact that was set since the promise is refused then.
    """

    template: str
    channel: str = "all"
    fields: dict[str, str] = field(default_factory=dict)
    account_id: str | None = None


@dataclass(frozen=True)
class NoticeSent:
    """A provider has taken one notice for one contact point."""

    notice_id: str
    contact_id: str
    channel: str
    round: int
    template: str
    version: int
    language: str
    message_id: str
    at: datetime
    look_at: datetime | None
    """When to ask for the provider's receipt; None where it gives none."""


Change = (
    MoveIncident
    | FrozenNow
    | CloseIncident
    | AcknowledgeAlarm
    | SetCompromisedSince
    | RecordThefts
    | RecordProof
    | RecordReset
    | OpenDecisionTask
    | CloseDecisionTasks
    | RenewFreeze
    | HoldPlaced
    | HoldEnded
    | QueueNotice
    | NoticeSent
)
