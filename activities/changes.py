"""What a finished step changes in the database, as data: the store applies it in the step's own transaction."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from activities.ending_changes import (
    AskRating,
    EndRecoveryQuestions,
    RecordClosure,
    RecordDestination,
    UseBreakGlass,
)
from activities.identity_changes import AlertAgainst, KeepFreeze, WithdrawClaim
from activities.payment_changes import PaymentSettled, PaymentsFound
from activities.recall_changes import RecallAnswered, RecallEnded, RecallOpened, RecallReceived, RecallSaid
from models.contracts.credential import CredentialEnding, CredentialState
from models.contracts.identity import Presented
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
    dated_since: datetime | None = None
    """Since when the account is not trusted by this alarm alone."""


@dataclass(frozen=True)
class SetCompromisedSince:
    """Set the compromise time. `voids`: it moved earlier, so proofs and receipts that relied on later things fall.

    `by_people`: a decision, which every alarm taken up before it yields to.
    """

    at: datetime
    voids: bool
    by_people: bool = False


@dataclass(frozen=True)
class RecordThefts:
    """Count these transfers as stolen: (transfer id, basis). One that was withdrawn stays so unless a person adds it.

    `added_by`: the decision by which people add them.
    """

    thefts: tuple[tuple[str, str], ...]
    at: datetime
    added_by: str | None = None


@dataclass(frozen=True)
class TheftsFound:
    """All that counts as stolen up to posting `upto_seq`, by currency in posting order; what is not named counts no more.

    `claimed`: what only unproven reports say. `since`: the compromise time by which they were found.
    """

    stolen: dict[str, tuple[str, ...]]
    claimed: dict[str, tuple[str, ...]]
    since: datetime
    upto_seq: int
    at: datetime


@dataclass(frozen=True)
class TraceStands:
    """This trace follows these thefts now. Nothing happens when others count meanwhile, or a longer trace of them stands."""

    currency: str
    claimed: bool
    trace_id: str
    thefts: tuple[str, ...]
    upto_seq: int
    at: datetime


@dataclass(frozen=True)
class RecordProof:
    """The owner is proven by these factors; `newest_contact_set_at` is the latest thing the proof relies on."""

    factors: tuple[str, ...]
    newest_contact_set_at: datetime
    at: datetime
    claim_id: str | None = None


@dataclass(frozen=True)
class RecordEvidence:
    """A claimant presented this rightly; Temporal looks at the incident. Refused when the claim has ended meanwhile.

    `uses`: the sha256 of what was asked for it, used up in the same commit; refused when it was used before.
    """

    claim_id: str
    presented: Presented
    at: datetime
    uses: str | None = None


@dataclass(frozen=True)
class EndClaimOfImpostor:
    """The claimant is not the owner: their claim ends as its own record, and nothing they showed counts any more.

    UNCLAIMED for whoever answered codes without a claim: one is opened and ended as their record.

    The incident is protected from now on (IMPOSTOR_FOUND, no freeze that ends by its clock), unless another claimant is
    the proven owner or protection is being lifted already: then only the claim ends.
    """

    claim_id: str
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
    requester_role: str = "agent"
    """The least role that may choose: where it is supervisor, two supervisors decide."""


def whole_action(kind: DecisionKind, incident_id: str, details: dict[str, str]) -> dict[str, str]:
    """What people say yes to, and what the digest of a question is made of."""
    return {"kind": kind.value, "incident_id": incident_id, **details}


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
class HoldsContested:
    """A trace of this incident also finds its stolen units in these holds of other incidents."""

    hold_ids: tuple[str, ...]
    at: datetime


@dataclass(frozen=True)
class HoldRenewed:
    """The hold stands for one more period."""

    hold_id: str
    expires_at: datetime
    periods: int


@dataclass(frozen=True)
class HolderTold:
    """What was said to the holder of held money: `told`, or `withheld`."""

    hold_id: str
    said: str


@dataclass(frozen=True)
class MuleFrozen:
    """A mule's whole account stands restricted under this id."""

    restriction: str
    account_id: str
    request_id: str
    at: datetime


@dataclass(frozen=True)
class MuleReleased:
    """A mule's account is free again."""

    restriction: str
    at: datetime


@dataclass(frozen=True)
class WithdrawThefts:
    """These transfers are not counted as stolen any more; their rows stay."""

    transfer_ids: tuple[str, ...]
    request_id: str
    at: datetime


@dataclass(frozen=True)
class HoldPaid:
    """Held units were paid on by the wallet: one transfer. The claim ends when nothing of it is left."""

    request_id: str
    number: int
    hold_id: str
    for_incident_id: str
    to_account_id: str
    currency: str
    amount: int
    transfer_id: str
    transfer_seq: int
    at: datetime


@dataclass(frozen=True)
class CloseQuestion:
    """Close this one question."""

    task_id: str
    at: datetime


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
class MoveCredential:
    """A credential recovery (the step's `incident_id` is its id) goes on; one that is over stays as it is."""

    state: CredentialState
    at: datetime
    account_id: str | None = None
    ending: CredentialEnding | None = None


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


@dataclass(frozen=True)
class NoticeReached:
    """One of our people told the person whom this notice did not reach in this round."""

    notice_id: str
    round: int
    at: datetime


Change = (
    MoveIncident
    | FrozenNow
    | CloseIncident
    | AcknowledgeAlarm
    | SetCompromisedSince
    | RecordThefts
    | TheftsFound
    | TraceStands
    | RecordProof
    | RecordEvidence
    | EndClaimOfImpostor
    | RecordReset
    | OpenDecisionTask
    | CloseDecisionTasks
    | RenewFreeze
    | HoldPlaced
    | HoldEnded
    | HoldsContested
    | HoldRenewed
    | HolderTold
    | MuleFrozen
    | MuleReleased
    | WithdrawThefts
    | HoldPaid
    | CloseQuestion
    | QueueNotice
    | RecallOpened
    | RecallSaid
    | RecallAnswered
    | RecallReceived
    | RecallEnded
    | NoticeSent
    | NoticeReached
    | MoveCredential
    | PaymentsFound
    | PaymentSettled
    | RecordDestination
    | RecordClosure
    | AskRating
    | EndRecoveryQuestions
    | UseBreakGlass
    | KeepFreeze
    | WithdrawClaim
    | AlertAgainst
)
