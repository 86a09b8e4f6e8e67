"""The messages of a reset: each item, the owner's link, reading back, and the round as a whole."""

from __future__ import annotations

from pydantic import Field

from models.contracts.base import Message, Moment
from models.contracts.security import EntryDone
from models.contracts.steps import StepInput, StepResult
from models.names import SecurityItem


class ResetItemInput(StepInput):
    """Reset one security item to what it was before the compromise time."""

    account_id: str
    item: SecurityItem
    compromised_since: Moment


class ResetItemResult(StepResult):
    """One receipt each, also when there was nothing to change."""

    item: SecurityItem
    receipt_id: str | None
    changes: int
    nothing_to_change: bool
    done: tuple[EntryDone, ...] = Field(default=(), exclude_if=lambda done: not done)
    """What the receipt says of each entry."""


class OwnerLinkInput(StepInput):
    """Have the wallet send its one-use link for new secrets. `asked_at` fixes its lifetime for every attempt."""

    account_id: str
    compromised_since: Moment
    asked_at: Moment
    bound: bool = Field(default=False, exclude_if=lambda bound: not bound)
    """Whether the link is bound to incident and episode at the wallet."""


class LinkAgainInput(StepInput):
    """Send the owner another link, since an agent asked for it. `asked_at` fixes its lifetime for every attempt."""

    account_id: str
    compromised_since: Moment
    asked_at: Moment
    request_id: str


class OwnerLinkResult(StepResult):
    """Where the link went, by the wallet's contact id."""

    contact_id: str | None = None
    receipt_id: str | None = None
    confirmed: bool = Field(default=False, exclude_if=lambda confirmed: not confirmed)
    """Whether it asks for a code besides, which only the proven claimant's session shows."""


class LookAtLinkInput(Message):
    """Ask the wallet what became of the links of this episode."""

    incident_id: str
    episode: int
    account_id: str


class LookAtLinkResult(Message):
    """In words, as people read them who approve the return. Contacts by kind and id."""

    words: str


class ReadBackInput(StepInput):
    """Read the account at the wallet and compare every item with what was asked."""

    account_id: str
    compromised_since: Moment
    receipts: dict[SecurityItem, str]
    failed: dict[SecurityItem, str] = Field(default_factory=dict, exclude_if=lambda failed: not failed)
    """Items that were not reset in this round: what happened, what is safe, what to do."""
    unstopped: dict[str, str] = Field(default_factory=dict, exclude_if=lambda unstopped: not unstopped)
    """Payments in flight that could not be stopped, said in the same way."""


class ReadBackResult(StepResult):
    """`missing` names each item that is not clean, and why; `unstopped` each payment that may still move money."""

    complete: bool
    missing: dict[SecurityItem, str]
    unstopped: dict[str, str] = Field(default_factory=dict, exclude_if=lambda unstopped: not unstopped)


class ResetSecurityInput(Message):
    """Input of ResetSecurity."""

    incident_id: str
    episode: int
    attempt: int
    account_id: str
    compromised_since: Moment
    receipts: dict[SecurityItem, str] = Field(default_factory=dict, exclude_if=lambda receipts: not receipts)
    """Items that an earlier round of this telling reset and read back clean: they are not reset again."""


class ResetSecurityResult(Message):
    """Complete only when every item has its receipt, nothing is in flight, and the read-back found nothing."""

    complete: bool
    receipts: dict[SecurityItem, str]
    missing: dict[SecurityItem, str]
    unstopped: dict[str, str] = Field(default_factory=dict, exclude_if=lambda unstopped: not unstopped)
