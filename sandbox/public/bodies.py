"""Bodies of the public side."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from sandbox.contract.bodies import Amount, AmountOrNone, AnyAccountId, Body, Currency

Text = Annotated[
    str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f]+$", strict=True)
]
Phone = Annotated[str, StringConstraints(pattern=r"^\+[0-9]{7,15}$", strict=True)]
Email = Annotated[
    str, StringConstraints(max_length=254, pattern=r"^[^@\s\x00-\x1f]+@[^@\s\x00-\x1f]+$", strict=True)
]


class Device(Body):
    """What the customer's app tells about the device it runs on."""

    fingerprint: Text
    label: Text


class SignUp(Body):
    """A new customer."""

    name: Text
    phone: Phone
    email: Email | None = None
    password: Text
    device: Device


class LogIn(Body):
    """`account` is an account id, a phone number or an email address."""

    account: Text
    password: Text
    device: Device


class Refresh(Body):
    """A refresh token, for a new session."""

    refresh_token: Text


class SetContact(Body):
    """A new phone number or email address in place of the present one."""

    kind: Literal["phone", "email"]
    value: Text


class AddPayee(Body):
    """Somebody to send money to: an account of the wallet, or an exit."""

    to: AnyAccountId
    label: Text | None = None


class SetLimit(Body):
    """The most that may leave in a day."""

    currency: Currency
    amount: AmountOrNone


class SetPassword(Body):
    """A new password."""

    password: Text


class SetOther(Body):
    """A factor, API key, mandate, card or forwarding rule."""

    label: Text
    value: Text | None = None


class Send(Body):
    """Money to another account of the wallet or out of it."""

    to: AnyAccountId
    amount: Amount
    currency: Currency


class OrderPayment(Body):
    """A payment that is allowed now and comes in `seconds`. `entry_id` is the card or mandate it rests on."""

    kind: Literal["card_authorisation", "scheduled_payment", "mandate_collection"]
    to: AnyAccountId
    amount: Amount
    currency: Currency
    seconds: Annotated[float, Field(ge=0, le=366 * 86_400)]
    entry_id: Text | None = None


class LookAtLink(Body):
    """The secret part of an owner link."""

    token: Text


class UseLink(Body):
    """A new password, set through an owner link, and the name of a new authenticator app where one is wanted.

    `purpose` is what the page is for: a link made for something else opens nothing here.
    """

    token: Text
    password: Annotated[Text, Field(min_length=8)]
    purpose: Literal["renew_credentials", "recover_password"] = "renew_credentials"
    authenticator: Text | None = None
    confirmation: Text | None = None
    """The code that some links ask for besides."""
