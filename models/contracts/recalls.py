"""Recalls: asking another institution for stolen money that has left the wallet, and what it answers."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field, model_validator

from models.contracts.base import Amount, Currency, Message, Moment, Total
from models.contracts.failures import OpenFailure, TryAgain
from models.contracts.policy import RecallPolicy
from models.contracts.steps import StepInput, StepResult
from models.contracts.transfers import AccountKind, BankDetails, KindOfAccount, TransferStatus
from models.digests import digest


class RecallState(StrEnum):
    """Where a recall stands. `opened`: committed, not sent yet. `promised`: money was promised, it is not here yet."""

    OPENED = "opened"
    SENT = "sent"
    PENDING = "pending"
    PROMISED = "promised"
    CLOSED = "closed"


class RecallEnding(StrEnum):
    """Why a recall is closed.

    `unanswered`: no answer, or no money after a promise, within the time of the rules. `withdrawn`: nothing was stolen
    after all. `cancelled`: never sent, since the wallet itself could still stop the payout.
    """

    RETURNED = "returned"
    RETURNED_IN_PART = "returned_in_part"
    REFUSED = "refused"
    UNANSWERED = "unanswered"
    WITHDRAWN = "withdrawn"
    CANCELLED = "cancelled"


class AnswerStatus(StrEnum):
    """What an institution says to a recall."""

    ACCEPTED = "accepted"
    IN_PART = "in_part"
    PENDING = "pending"
    REFUSED = "refused"


class RefusalReason(StrEnum):
    """Why an institution does not give money back. `other` is everything this list does not know."""

    CUSTOMER = "customer"
    """The payee does not agree (CUST)."""
    NO_MONEY = "no_money"
    """Nothing is left on the account (AM04)."""
    ACCOUNT_CLOSED = "account_closed"
    """AC04."""
    ALREADY_RETURNED = "already_returned"
    """ARDT."""
    LEGAL = "legal"
    """LEGL."""
    AGENT = "agent"
    """The institution decided so (AGNT)."""
    NO_ANSWER_OF_CUSTOMER = "no_answer_of_customer"
    """NOAS."""
    NEVER_RECEIVED = "never_received"
    """NOOR."""
    OTHER = "other"


class Quarantine(StrEnum):
    """Why an answer was put aside for people instead of being acted on. It stays, whole, and is shown."""

    MALFORMED = "malformed"
    UNMATCHED = "unmatched"
    NOT_THEIRS = "not_theirs"
    WRONG_AMOUNT = "wrong_amount"
    WRONG_CURRENCY = "wrong_currency"
    MORE_THAN_ASKED = "more_than_asked"
    CONFLICT = "conflict"
    """Another answer with this id was taken already, and it said something else."""
    RECALL_CLOSED = "recall_closed"


class MessageKind(StrEnum):
    """What a message to an institution is for."""

    RECALL = "recall"
    CHASE = "chase"
    WITHDRAWAL = "withdrawal"


class RecalledTransfer(Message):
    """A transfer by which stolen money left, and how much of it was stolen: what is asked for, never more.

    `transfer_seq` is its posting number, `amount` what it moved in all, `stolen` the traced part; minor units. No message
    changes the amount of a recall, so what turns out to be stolen later is asked for by a request of its own: number `part`.
    """

    transfer_seq: int
    transfer_id: str
    payer: str
    exit_account: str
    exit_kind: KindOfAccount
    currency: Currency
    amount: Amount
    stolen: Amount
    posted_at: Moment
    status: TransferStatus
    bank: BankDetails | None = None
    part: int = Field(default=0, ge=0, exclude_if=lambda part: not part)

    @model_validator(mode="after")
    def _stolen_is_a_part(self) -> RecalledTransfer:
        if self.stolen > self.amount:
            raise ValueError("stolen: more than the transfer moved")
        if not self.exit_kind.is_exit:
            raise ValueError("exit_kind: money that stays in the wallet is held, not recalled")
        return self


def recall_id_of(incident_id: str, transfer_seq: int, part: int = 0) -> str:
    """The case id at both sides: the same for the same request of the same incident, 26 characters, says nothing."""
    names: list[object] = ["recall", incident_id, transfer_seq, *([part] if part else [])]
    return digest(names)[:26].upper()


class RecallTransferInput(Message):
    """Input of RecallTransfer, id `recall:{incident_id}:{transfer_seq}[:{part}]` (models.ids.recall_workflow_id).

    `asked_at` is the caller's workflow.now(): it stands in the message, so that a repeated attempt says the same.
    `chased`, `tried` and `failure` are carried from one run to the next; a caller leaves them alone.
    """

    incident_id: str
    episode: int
    transfer: RecalledTransfer
    asked_at: Moment
    policy: RecallPolicy
    chased: int = 0
    tried: int = 0
    failure: OpenFailure | None = Field(default=None, exclude_if=lambda failure: failure is None)
    """Left out where there is none, so that older histories replay to the byte."""


class RecallMessage(Message):
    """What is to be said to an institution. `number` counts from 0 (the recall itself); ids are opaque.

    `recall_id` is the case at both sides. `message_id` is the same for every attempt at the same message.
    """

    kind: MessageKind
    recall_id: str
    message_id: str
    number: int
    transfer: RecalledTransfer
    asked: Amount
    made_at: Moment


class SentMessage(Message):
    """What was handed over, to whom and how. `content` is exactly what was sent."""

    institution: str
    format: str
    channel: str
    content: bytes


class ParsedAnswer(Message):
    """An institution's answer, whatever its form. Amounts in minor units; references as the institution repeats them.

    `original_amount` is what it says the original payment was, `promised` what it says it gives back in all. `whole`: it
    is about the whole payment, as a camt.029 is, and not only about the stolen part.
    """

    answer_id: str
    status: AnswerStatus
    reason: RefusalReason | None = None
    recall_id: str | None = None
    uetr: str | None = None
    end_to_end_id: str | None = None
    original_amount: Amount | None = None
    promised: Total | None = None
    currency: Currency | None = None
    whole: bool = False


class RecallReference(Message):
    """What an answer is compared with."""

    recall_id: str
    institution: str | None
    currency: Currency
    amount: Amount
    asked: Amount
    uetr: str | None
    end_to_end_id: str | None


class Judged(Message):
    """What was made of an answer. `detail` is for people and holds no personal data."""

    recall_id: str | None = None
    answer: ParsedAnswer | None = None
    quarantine: Quarantine | None = None
    detail: str | None = None


class AnswerView(Message):
    """An answer as people see it. `verdict`: received, matched, duplicate, quarantined; `taken_at`: acted on."""

    answer_id: str
    received_at: Moment
    sender: str
    size: int
    verdict: str
    quarantine: Quarantine | None = None
    detail: str | None = None
    recall_id: str | None = None
    taken_at: Moment | None = None


class MessageView(Message):
    """A message that was sent."""

    message_id: str
    kind: MessageKind
    institution: str
    format: str
    channel: str
    sent_at: Moment


class RecallView(Message):
    """A recall as people see it; the three sums stand beside each other."""

    recall_id: str
    incident_id: str
    episode: int
    transfer_seq: int
    part: int
    transfer_id: str
    exit_account: str
    exit_kind: AccountKind
    institution: str | None
    currency: Currency
    amount: Amount
    asked: Amount
    promised: Total
    received: Total
    state: RecallState
    answer: AnswerStatus | None
    refusal: RefusalReason | None
    ending: RecallEnding | None
    chases: int
    opened_at: Moment
    sent_at: Moment | None
    closed_at: Moment | None


class RecallFacts(Message):
    """A recall as the database holds it, and what waits to be taken up. `arrived` is money in the transfer index."""

    recall_id: str
    incident_id: str
    episode: int
    transfer_seq: int
    institution: str | None
    currency: Currency
    asked: Amount
    promised: Total
    received: Total
    state: RecallState
    ending: RecallEnding | None
    sent_at: Moment | None
    answer: AnswerStatus | None = None
    waiting_answers: tuple[str, ...] = ()
    arrived: Total = 0
    withdraw: bool = False
    try_again: TryAgain | None = Field(default=None, exclude_if=lambda said: said is None)
    """What somebody chose on the question about this recall's failure, and nobody has taken up."""


class LateMoney(Message):
    """Money that came for a recall after it was closed: `arrived` in all, minor units."""

    recall_id: str
    transfer_seq: int
    part: int
    currency: Currency
    arrived: Total


class RecallTransferResult(Message):
    """How a recall ended, minor units. `promised` is what was said, `received` what came: never added up."""

    recall_id: str
    ending: RecallEnding
    currency: Currency
    asked: Total
    promised: Total
    received: Total


class RecallTotals(Message):
    """All recalls of an incident in one currency, for the account by remedy (DESIGN 8); minor units.

    pending = asked and open, less what has come; recalled = what has come; lost = closed without it. Recalls that were
    cancelled at the wallet or withdrawn are in none of them: that money is in the trace, or was not stolen.
    `promised` is told beside them and counts nowhere.
    """

    currency: Currency
    pending: Total
    recalled: Total
    lost: Total
    promised: Total


class OpenRecallInput(StepInput):
    """Commit a recall."""

    transfer: RecalledTransfer


class OpenRecallResult(StepResult):
    """The recall's id, and who is to be asked; None while nobody is set up for the exit."""

    recall_id: str
    institution: str | None


class CancelPayoutInput(StepInput):
    """Stop a payout at the wallet."""

    transfer_id: str


class CancelPayoutResult(StepResult):
    """The reversing transfer; a refusal when the money has left."""

    reversal_transfer_id: str | None


class SendRecallInput(StepInput):
    """Hand one message to the institution."""

    message: RecallMessage


class SendRecallResult(StepResult):
    """Who has it. A refusal when nobody is set up for this exit, or the institution does not take the message."""

    message_id: str
    institution: str | None


class LookAtRecallInput(Message):
    """Read a recall."""

    recall_id: str


class TakeRecallAnswerInput(StepInput):
    """Act on one matched answer."""

    recall_id: str
    answer_id: str


class TakeRecallAnswerResult(StepResult):
    """What it said."""

    status: AnswerStatus
    promised: Total | None
    reason: RefusalReason | None


class CountRecalledMoneyInput(StepInput):
    """Record what has come for a recall in all."""

    recall_id: str
    received: Amount


class CloseRecallInput(StepInput):
    """Close a recall."""

    recall_id: str
    ending: RecallEnding
