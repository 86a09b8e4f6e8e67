"""What steps about payments in flight change in the database, as data."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from models.contracts.security import FoundPayment
from models.names import PaymentState


@dataclass(frozen=True)
class PaymentsFound:
    """The account was looked at for payments in flight, back to `set_since`. One that is settled already stays so."""

    payments: tuple[FoundPayment, ...]
    set_since: datetime
    at: datetime


@dataclass(frozen=True)
class PaymentSettled:
    """A payment in flight was stopped, or its money had moved first: as this transfer, where the wallet tells."""

    payment_id: str
    state: PaymentState
    receipt_id: str | None
    transfer_id: str | None
    at: datetime
