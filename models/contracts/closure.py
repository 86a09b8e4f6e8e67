"""Closing an account for its proven owner: where its money goes, and what two people agreed to."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from models.contracts.base import Amount, Currency, Message, OpaqueId, Total
from models.contracts.steps import StepInput, StepResult


class WalletDestination(Message):
    """Another account of the same wallet."""

    kind: Literal["wallet"]
    account_id: OpaqueId


class BankDestination(Message):
    """An account at a bank. `account` is its IBAN or the bank's own number, without spaces: personal data."""

    kind: Literal["bank"]
    bic: Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}([A-Z0-9]{3})?$")]
    account: Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{4,34}$")]
    holder: Annotated[str, StringConstraints(min_length=1, max_length=140, pattern=r"^[^\x00-\x1f]+$")]


Destination = Annotated[WalletDestination | BankDestination, Field(discriminator="kind")]


class ProvenDestination(Message):
    """A destination, and how an agent found that it is the owner's. All of it is personal data."""

    destination: Destination
    how_proven: Annotated[
        str, StringConstraints(min_length=10, max_length=1000, pattern=r"^[^\x00]*$", strip_whitespace=True)
    ]


class AgreedClosure(Message):
    """What the action of a question says: account, episode, proof, destination and every amount."""

    account_id: str
    proof: str
    destination_id: str
    destination: Destination
    balances: dict[Currency, Total]


class CloseAccountInput(StepInput):
    """Pay the account out and close it at the wallet, by this decision of two people."""

    account_id: str
    request_id: str


class PaidOut(Message):
    """One transfer to the destination."""

    currency: Currency
    amount: Amount
    transfer_id: str


class CloseAccountResult(StepResult):
    """What was paid; the destination by its id only."""

    destination_id: str
    paid: tuple[PaidOut, ...] = ()


class AskClosureInput(StepInput):
    """Put the question whether the account is closed. The destination stands in it by its keyed digest only: a step's input
    has a plain one, from which a bank account could be guessed after erasure.
    """

    account_id: str
    proof: str
    destination_id: str
    destination: str
    balances: dict[Currency, Total]
    requester_role: str
