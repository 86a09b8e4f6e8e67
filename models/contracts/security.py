"""What changed on an account since the compromise time, what a reset does about it, and what was in flight."""

from __future__ import annotations

from pydantic import Field

from models.contracts.base import Amount, Currency, Message, Moment
from models.contracts.steps import StepInput, StepResult
from models.lifecycle import Status
from models.names import Happened, PaymentKind, PaymentState, SecurityItem, Treatment


class EntryChange(Message):
    """One security entry. `label` and `before` are masked."""

    entry_id: str
    label: str
    happened: Happened
    at: Moment | None
    """When it was set, changed or removed; of an unchanged one: when it was set. None where the wallet cannot tell any more."""
    before_id: str | None = None
    before: str | None = None
    """What a changed one replaced, where the wallet tells."""
    treatment: Treatment
    done: bool = False
    """Whether the reset has done it; before, `treatment` is what it would do."""


class ItemDifference(Message):
    """One security item: what was touched since, then what was not (not more than a page of each; `more` says how many)."""

    item: SecurityItem
    changes: tuple[EntryChange, ...]
    added: int
    changed: int
    removed: int
    unchanged: int

    @property
    def more(self) -> int:
        """How many entries are counted and not listed."""
        return self.added + self.changed + self.removed + self.unchanged - len(self.changes)


class CompareSecurityInput(StepInput):
    """Compare the account with its state before the compromise time."""

    account_id: str
    compromised_since: Moment


class CompareSecurityResult(StepResult):
    """The difference as it stood at `read_at`, before the resets of this round began."""

    read_at: Moment
    compromised_since: Moment
    items: tuple[ItemDifference, ...]


class EntryDone(Message):
    """What the wallet's receipt says it did with one entry: ended, removed, restored, renewed or must_renew."""

    entry_id: str
    change: str


class FindPaymentsInput(StepInput):
    """Look for payments in flight."""

    account_id: str
    compromised_since: Moment


class FoundPayment(Message):
    """A payment in flight, and what is to be done with it. `label` is masked."""

    payment_id: str
    kind: PaymentKind
    label: str
    to: str
    to_kind: str
    amount: Amount
    currency: Currency
    authorised_at: Moment
    due_at: Moment
    state: PaymentState
    transfer_id: str | None = None
    """The transfer that a captured one became: an exit or a theft like any other, for the trace."""


class FindPaymentsResult(StepResult):
    """What is in flight, soonest due first, and what was captured since: a page of each. `more`: how many are left to stop."""

    payments: tuple[FoundPayment, ...]
    more: int = Field(default=0, exclude_if=lambda more: more == 0)


class StopPaymentInput(StepInput):
    """Stop one payment in flight."""

    account_id: str
    payment_id: str
    compromised_since: Moment


class StopPaymentResult(StepResult):
    """Stopped with the wallet's receipt; or captured, since its money moved first."""

    payment_id: str
    state: PaymentState
    receipt_id: str | None = None
    transfer_id: str | None = None


class ShownChange(EntryChange):
    """A change as people see it, with its reason in a sentence."""

    reason: str


class ShownItem(Message):
    """One security item as people see it. `receipt_id`: it was reset in this episode."""

    item: SecurityItem
    receipt_id: str | None
    added: int
    changed: int
    removed: int
    unchanged: int
    not_listed: int
    changes: tuple[ShownChange, ...]


class ShownPayment(FoundPayment):
    """A payment in flight as people see it, with its reason in a sentence."""

    receipt_id: str | None = None
    reason: str


class SecurityView(Message):
    """What changed since the compromise time and what was, or would be, done about it (GET /v1/incidents/{id}/security).

    `compared`: `stored`, as recorded before the reset of this episode; `live`, read at the wallet just now; or `none`, where
    nothing was compared and the account is not frozen any more.
    """

    incident_id: str
    account_id: str
    episode: int
    status: Status
    compromised_since: Moment | None
    compared: str
    read_at: Moment | None
    items: tuple[ShownItem, ...]
    payments: tuple[ShownPayment, ...]
    missing: dict[str, str] = Field(default_factory=dict)
    """What the last read-back found wanting, each with what happened, what is safe and what to do."""
