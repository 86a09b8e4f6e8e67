"""The rules as data: what `policies/*.toml` holds, read once per incident and kept in its history."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from models.contracts.base import Message, Total

Seconds = Annotated[int, Field(ge=0)]


class StagePolicy(Message):
    """One stage of the cool-down: its length and what the wallet allows meanwhile (minor units per day)."""

    name: str
    seconds: Annotated[int, Field(ge=1)]
    outgoing_blocked: bool
    outgoing_per_day: Total | None
    new_payees_allowed: bool
    withdrawals_allowed: bool


class IdentityPolicy(Message):
    """The one-time codes: lifetimes and lengths after NIST SP 800-63B-4, 4.2.1.2. What proves the owner is identity.toml's."""

    code_digits: Annotated[int, Field(ge=6, le=10)]
    phone_code_seconds: Seconds
    email_code_seconds: Seconds
    attempts_per_contact: Annotated[int, Field(ge=1, le=100)]
    contacts_required: Annotated[int, Field(ge=2)] = 2
    """Kept for incidents that began under it: their histories carry the whole policy. Nothing reads it any more."""
    codes_per_contact: Annotated[int, Field(ge=1)]


class FreezePolicy(Message):
    """The clocks of a freeze (DESIGN 3)."""

    provisional_seconds: Seconds
    renewals: int
    escalate_seconds: Seconds
    unproven_window_days: int
    unproven_freezes: int
    refreezes: int


class TracePolicy(Message):
    """How the money is followed and how long a hold stands."""

    rule: str
    rounds: Annotated[int, Field(ge=1)]
    round_pause_seconds: Seconds
    catch_up_budget_seconds: Annotated[int, Field(ge=1)]
    hold_seconds: Annotated[int, Field(ge=1)]
    holds_in_parallel: Annotated[int, Field(ge=1)]


class ApprovalPolicy(Message):
    """How long a decision stays open before it is shown as escalated, and before it ends."""

    decision_seconds: Annotated[int, Field(ge=1)]
    request_seconds: Annotated[int, Field(ge=1)]


class Policy(Message):
    """One named set of rules. `clock` is printed wherever durations are shown: `demo` seconds are not for accounts."""

    name: str
    clock: str
    identity: IdentityPolicy
    freeze: FreezePolicy
    trace: TracePolicy
    approval: ApprovalPolicy
    stages: Annotated[tuple[StagePolicy, ...], Field(min_length=3)]
    compromise_margin_seconds: Seconds
    compromise_window_seconds: Seconds
