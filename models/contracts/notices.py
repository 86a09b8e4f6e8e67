"""Notices: what people are told of their account, and how far it got."""

from __future__ import annotations

from models.contracts.base import Message, Moment
from models.contracts.steps import StepInput, StepResult
from models.names import DeliveryState, NoticeState, ReachedBy


class DueNotice(Message):
    """A promised notice that is leased to us. `erased`: the incident's key is destroyed, nothing can be told any more."""

    notice_id: str
    incident_id: str
    episode: int
    template: str
    channel: str
    account_id: str
    own: bool
    """Whether the account is the incident's own: then only contacts older than the compromise time count."""
    holder_incident: str | None
    """An open incident of the holder's own account: that was taken over, too. None where there is none."""
    trusted_before: Moment | None = None
    """Of a credential recovery: a contact must have been set before this. None where the promise's own time counts."""
    round: int
    from_round: int
    attempts: int
    promised_at: Moment
    asked_at: Moment
    """When it was promised, or asked for again."""
    erased: bool


class Delivery(Message):
    """One notice at one contact point, by the wallet's contact id."""

    notice_id: str
    contact_id: str
    channel: str
    round: int
    template: str
    version: int
    language: str
    message_id: str
    state: DeliveryState
    sent_at: Moment
    told_at: Moment | None
    looks: int = 0


class NoticeInput(StepInput):
    """Tell one contact point. Its value never enters a step."""

    notice_id: str
    template: str
    version: int
    language: str
    contact_id: str
    channel: str
    round: int


class NoticeResult(StepResult):
    """What went where, and in what state the provider took it."""

    notice_id: str
    template: str
    version: int
    language: str
    contact_id: str
    channel: str
    message_id: str
    state: DeliveryState | None
    """None when the provider refused it for good."""


class NoticeView(Message):
    """A promised notice as people see it: no text, no address."""

    notice_id: str
    incident_id: str
    step_id: str
    template: str
    channel: str
    account_id: str
    state: NoticeState
    promised_at: Moment
    settled_at: Moment | None
    next_try_at: Moment | None
    attempts: int
    round: int
    last_error: str | None
    refused_contacts: tuple[str, ...]
    """Contact ids that were left out: set or changed since the compromise time."""
    deliveries: tuple[Delivery, ...]


class PersonReachedInput(StepInput):
    """One of our people told somebody whom no notice had reached. `note`: in their own words, sealed like every input."""

    notice_id: str
    round: int
    how: ReachedBy
    note: str


class PersonReachedResult(StepResult):
    """How it was done."""

    notice_id: str
    how: ReachedBy


class UnreachedNotice(Message):
    """Somebody must call: what an incident shows of a notice that reached nobody."""

    notice_id: str
    template: str
    account_id: str
    state: NoticeState
    why: str | None
    promised_at: Moment
