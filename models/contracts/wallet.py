"""What the wallet's contract says about an account (docs/wallet-contract.yaml), as the engine reads it."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from pydantic import ConfigDict, field_validator

from models.contracts.base import Amount, Currency, Message, Moment
from models.names import PaymentKind, Scope, SecurityItem


class WalletMessage(Message):
    """A message that the wallet writes: fields we do not know are left aside, so the contract can grow."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class ContactKind(StrEnum):
    """Where a one-time code can go."""

    PHONE = "phone"
    EMAIL = "email"


class SignalKind(StrEnum):
    """What a carrier, a mail host or the wallet itself noticed about an identifier."""

    SIM_SWAP = "sim_swap"
    PORTED = "ported"
    IDENTIFIER_RECYCLED = "identifier_recycled"


class Signal(WalletMessage):
    """A sign that a number or address is in other hands. A kind we do not know reads as the worst we know."""

    kind: SignalKind
    at: Moment

    @field_validator("kind", mode="before")
    @classmethod
    def _known(cls, value: object) -> object:
        return value if value in set(SignalKind) else SignalKind.IDENTIFIER_RECYCLED


class ContactPoint(WalletMessage):
    """One way to reach somebody. `value` is personal data. A removed one stays listed with `removed_at`.

    `changed_at`: when the wallet last wrote this record, by its own audit; `set_at` may have been rewritten since.
    """

    id: str
    kind: ContactKind
    value: str
    set_at: Moment
    removed_at: Moment | None = None
    previous_value: str | None = None
    previous_set_at: Moment | None = None
    changed_at: Moment | None = None
    signals: tuple[Signal, ...] = ()


class TrustedContact(ContactPoint):
    """Somebody the owner chose to vouch for them. Not the owner's own contact: no code that proves alone goes there."""


class EnrolledKind(StrEnum):
    """What kind of authenticator an entry under `factors` is."""

    TOTP = "totp"
    PASSKEY = "passkey"
    RECOVERY_CODES = "recovery_codes"


class Passkey(WalletMessage):
    """The public half of a passkey: nothing here is a secret. Both in base64url without padding."""

    credential_id: str
    public_key: str
    """COSE."""
    sign_count: int = 0


class SecurityEntry(WalletMessage):
    """One device, session, payee ... with the time it was set."""

    id: str
    label: str
    set_at: Moment
    last_used_at: Moment | None = None
    active: bool
    ended_at: Moment | None = None
    ended_by: str | None = None
    """customer, replaced, restriction, reset, expired; None where the wallet does not say."""
    previous: dict[str, Any] | None = None
    changed_at: Moment | None = None
    factor: EnrolledKind | None = None
    """Only under `factors`; None where the wallet does not say or we do not know it: such a one proves nothing."""
    passkey: Passkey | None = None

    @field_validator("factor", mode="before")
    @classmethod
    def _known(cls, value: object) -> object:
        return value if value in set(EnrolledKind) else None


class Balance(WalletMessage):
    """Minor units; available = balance - held."""

    currency: Currency
    balance: int
    held: int
    available: int


class StandingRestriction(WalletMessage):
    """A restriction that stands at the wallet."""

    restriction_id: str
    scope: Scope
    placed_at: Moment
    expires_at: Moment | None = None
    account_id: str | None = None


class StandingHold(WalletMessage):
    """A hold that stands at the wallet."""

    hold_id: str
    account_id: str
    currency: Currency
    amount: int
    placed_at: Moment
    expires_at: Moment | None = None


class OwnerLinkState(WalletMessage):
    """A link of one use that the wallet made. What it opens with is told to nobody."""

    link_id: str
    purpose: str
    reference: str | None = None
    contact_point_id: str | None = None
    created_at: Moment
    used_at: Moment | None = None
    ended_at: Moment | None = None
    """It was overtaken by another one or by a reset, or guessed at."""
    authenticator_id: str | None = None
    """The authenticator that was set by it, where one was."""


class AccountState(WalletMessage):
    """Everything the wallet tells about one account at `read_at`."""

    account_id: str
    status: str
    real_name_state: str
    read_at: Moment
    balances: tuple[Balance, ...]
    restrictions: tuple[StandingRestriction, ...]
    contact_points: tuple[ContactPoint, ...]
    security: dict[SecurityItem, tuple[SecurityEntry, ...]]
    trusted_contacts: tuple[TrustedContact, ...] = ()
    real_name_set_at: Moment | None = None
    """When the wallet last took the owner's real name from a document: what a new look is compared with."""
    language: str | None = None
    """BCP 47, where the wallet tells which language the owner reads."""
    owner_links: tuple[OwnerLinkState, ...] | None = None
    """Links made lately; None where the wallet does not tell (contract before 1.2)."""


class FoundAccount(WalletMessage):
    """One account that a search found. What the wallet shows masked beside its id is not read."""

    account_id: str


class InFlightState(StrEnum):
    """What the wallet says of a payment in flight. A state we do not know counts as pending: it may still move money."""

    PENDING = "pending"
    CAPTURED = "captured"
    STOPPED = "stopped"
    LAPSED = "lapsed"


class InFlightPayment(WalletMessage):
    """A payment that somebody allowed and that moved no money at first. `label` is masked by contract."""

    payment_id: str
    kind: PaymentKind
    label: str
    to: str
    to_kind: str
    amount: Amount
    currency: Currency
    authorised_at: Moment
    """For a collection: when its mandate was set or last changed."""
    due_at: Moment
    state: InFlightState
    transfer_id: str | None = None

    @field_validator("kind", mode="before")
    @classmethod
    def _kind(cls, value: object) -> object:
        return value if value in set(PaymentKind) else PaymentKind.OTHER

    @field_validator("state", mode="before")
    @classmethod
    def _state(cls, value: object) -> object:
        return value if value in set(InFlightState) else InFlightState.PENDING


class StageLimits(Message):
    """What the wallet allows during one stage; None means no limit of ours."""

    stage_id: str
    outgoing_per_day: dict[Currency, int]
    outgoing_total_blocked: bool
    new_payees_allowed: bool
    withdrawals_allowed: bool
