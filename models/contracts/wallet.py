"""What the wallet's contract says about an account (docs/wallet-contract.yaml), as the engine reads it."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from pydantic import ConfigDict

from models.contracts.base import Currency, Message, Moment
from models.names import Scope, SecurityItem


class WalletMessage(Message):
    """A message that the wallet writes: fields we do not know are left aside, so the contract can grow."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class ContactKind(StrEnum):
    """Where a one-time code can go."""

    PHONE = "phone"
    EMAIL = "email"


class ContactPoint(WalletMessage):
    """One way to reach somebody. `value` is personal data. A removed one stays listed with `removed_at`."""

    id: str
    kind: ContactKind
    value: str
    set_at: Moment
    removed_at: Moment | None = None
    previous_value: str | None = None
    previous_set_at: Moment | None = None


class SecurityEntry(WalletMessage):
    """One device, session, payee ... with the time it was set."""

    id: str
    label: str
    set_at: Moment
    last_used_at: Moment | None = None
    active: bool
    ended_at: Moment | None = None
    previous: dict[str, Any] | None = None


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
    language: str | None = None
    """BCP 47, where the wallet tells which language the owner reads."""


class StageLimits(Message):
    """What the wallet allows during one stage; None means no limit of ours."""

    stage_id: str
    outgoing_per_day: dict[Currency, int]
    outgoing_total_blocked: bool
    new_payees_allowed: bool
    withdrawals_allowed: bool
