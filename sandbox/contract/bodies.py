"""Bodies of the contract's writes. Unknown fields and wrong types are refused, as the contract says."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
)

LARGEST = 2**63 - 1
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")


def _moment(value: object) -> object:
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str) or not _RFC3339.fullmatch(value):
        message = "must be an RFC 3339 date-time with an offset"
        raise ValueError(message)
    try:
        return datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", value.upper())).astimezone(UTC)
    except OverflowError as error:
        message = "is out of range"
        raise ValueError(message) from error


def _whole(value: object) -> object:
    """5.0 is an integer to JSON Schema, so it is one here."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Moment = Annotated[AwareDatetime, BeforeValidator(_moment)]
CallerId = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:/\-]*$", max_length=200, strict=True)
]
PlacerName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_\-]{0,31}$", strict=True)]
Reason = Annotated[str, StringConstraints(min_length=1, max_length=500, pattern=r"^[^\x00]*$", strict=True)]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$", strict=True)]
AnyAccountId = Annotated[
    str, StringConstraints(min_length=1, max_length=128, pattern=r"^[^/\x00-\x1f]+$", strict=True)
]
Whole = BeforeValidator(_whole)
Amount = Annotated[int, Field(strict=True, ge=1, le=LARGEST), Whole]
AmountOrNone = Annotated[int, Field(strict=True, ge=0, le=LARGEST), Whole]
Flag = Annotated[bool, Field(strict=True)]
Item = Literal[
    "password",
    "sessions",
    "refresh_tokens",
    "devices",
    "factors",
    "contacts",
    "api_keys",
    "payees",
    "mandates",
    "cards",
    "limits",
    "forwarding",
]


class Body(BaseModel):
    """The base of every body."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class PlaceRestriction(Body):
    """What restricts an account."""

    restriction_id: CallerId
    scope: Literal["full", "outgoing"]
    placer: PlacerName
    reason: Reason
    expires_at: Moment | None = None


class ReleaseRestrictions(Body):
    """Which restrictions end."""

    restriction_ids: Annotated[list[CallerId], Field(min_length=1, max_length=100)]
    reason: Reason


class PlaceHold(Body):
    """What keeps an amount in place."""

    hold_id: CallerId
    placer: PlacerName
    currency: Currency
    amount: Amount
    reason: Reason
    expires_at: Moment


class ShrinkHold(Body):
    """What stays held."""

    amount: AmountOrNone


class RenewHold(Body):
    """The new end."""

    expires_at: Moment


class ReleaseHold(Body):
    """Why."""

    reason: Reason


class WalletDestination(Body):
    """Another account of this wallet."""

    kind: Literal["wallet"]
    account_id: AnyAccountId


class BankDestination(Body):
    """An account at a bank: the bank's BIC, the account's number there, whose it is."""

    kind: Literal["bank"]
    bic: Annotated[
        str, StringConstraints(pattern=r"^[A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}([A-Z0-9]{3})?$", strict=True)
    ]
    account: Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{4,34}$", strict=True)]
    holder: Annotated[
        str, StringConstraints(min_length=1, max_length=140, pattern=r"^[^\x00-\x1f]+$", strict=True)
    ]


Destination = Annotated[WalletDestination | BankDestination, Field(discriminator="kind")]


class CloseAccount(Body):
    """What the account has, by the caller's knowledge, and where all of it goes."""

    destination: Destination
    balances: dict[Currency, AmountOrNone]
    restriction_ids: Annotated[list[CallerId], Field(max_length=100)]
    reason: Reason


class ReturnHold(Body):
    """Where held money goes."""

    to_account_id: AnyAccountId
    amount: Amount
    reason: Reason


class CancelTransfer(Body):
    """Why."""

    reason: Reason


class StopPayment(Body):
    """Why."""

    reason: Reason


class ResetItem(Body):
    """Since when the account cannot be trusted."""

    set_since: Moment
    reason: Reason


class CreateOwnerLink(Body):
    """What the owner is to do, and where the link goes."""

    purpose: Literal["renew_credentials", "recover_password"]
    contact_point_id: Annotated[
        str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f]+$", strict=True)
    ]
    expires_at: Moment
    reference: CallerId | None = None
    confirmation_code: Annotated[str, StringConstraints(pattern=r"^[0-9]{6,12}$", strict=True)] | None = None


class SetStageLimits(Body):
    """What a returned account may do."""

    stage_id: CallerId
    outgoing_per_day: dict[Currency, AmountOrNone]
    outgoing_total_blocked: Flag
    new_payees_allowed: Flag
    withdrawals_allowed: Flag


class VerifyFactor(Body):
    """A code of an authenticator app, or one of the saved codes."""

    kind: Literal["totp", "recovery_codes"]
    code: Annotated[
        str, StringConstraints(min_length=6, max_length=64, pattern=r"^[0-9A-Za-z\-]+$", strict=True)
    ]


class SendMessage(Body):
    """One text message or mail."""

    id: CallerId
    channel: Literal["sms", "email"]
    to: Annotated[
        str, StringConstraints(min_length=3, max_length=254, pattern=r"^[^\x00-\x1f]+$", strict=True)
    ]
    subject: Annotated[str, StringConstraints(max_length=500, pattern=r"^[^\x00]*$", strict=True)] | None = (
        None
    )
    body: Annotated[
        str, StringConstraints(min_length=1, max_length=20000, pattern=r"^[^\x00]*$", strict=True)
    ]
    html: Annotated[str, StringConstraints(max_length=100_000, pattern=r"^[^\x00]*$", strict=True)] | None = (
        None
    )
