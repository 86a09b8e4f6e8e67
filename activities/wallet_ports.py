"""What the steps need of the wallet, and of its SMS and mail gateway. `adapters/wiring.py` builds the real ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from models.contracts.closure import Destination
from models.contracts.steps import Receipt
from models.contracts.wallet import (
    AccountState,
    EnrolledKind,
    InFlightPayment,
    StageLimits,
    StandingHold,
    StandingRestriction,
)
from models.names import Scope, SecurityItem


class Receipts(Protocol):
    """What the wallet did, by the keys it was asked with."""

    async def receipt(self, key: str) -> Receipt | None:
        """The receipt of what was done under this key; None when nothing was (yet). Errors: WALLET_UNREACHABLE."""
        ...


class Wallet(Receipts, Protocol):
    """The wallet's contract (docs/wallet-contract.yaml).

    Every write takes an idempotency key and gives a receipt. Errors: StanchError WALLET_REFUSED or ACCOUNT_UNKNOWN when
    the wallet says no for good; WALLET_UNREACHABLE when it cannot be known whether it happened (try again, same key).
    """

    async def account(self, account_id: str) -> AccountState:
        """Everything the wallet tells about the account. Errors: ACCOUNT_UNKNOWN."""
        ...

    async def verify_factor(
        self, account_id: str, factor_id: str, kind: EnrolledKind, code: str, *, key: str
    ) -> Receipt:
        """Have the wallet check a code of an authenticator or of the saved codes, and use it up.

        `result` = {accepted}. The secret stays at the wallet, where logging in uses the same codes up.
        """
        ...

    async def place_restriction(
        self, account_id: str, restriction: str, scope: Scope, *, key: str
    ) -> Receipt:
        """Restrict the account under this restriction id."""
        ...

    async def release_restrictions(
        self, account_id: str, restrictions: Sequence[str], reason: str, *, key: str
    ) -> Receipt:
        """End the named restrictions; `result` = {ended, still_standing}."""
        ...

    async def restrictions(self) -> list[StandingRestriction]:
        """Every restriction of ours that stands."""
        ...

    async def place_hold(
        self, account_id: str, hold_id: str, currency: str, amount: int, expires_at: datetime, *, key: str
    ) -> Receipt:
        """Hold min(amount, available); `result` = {hold_id, placed_amount}."""
        ...

    async def shrink_hold(self, hold_id: str, amount: int, *, key: str) -> Receipt:
        """Leave `amount` held."""
        ...

    async def release_hold(self, hold_id: str, reason: str, *, key: str) -> Receipt:
        """End the hold."""
        ...

    async def renew_hold(self, hold_id: str, expires_at: datetime, *, key: str) -> Receipt:
        """Give the hold a new end."""
        ...

    async def return_hold(
        self, hold_id: str, to_account_id: str, amount: int, reason: str, *, key: str
    ) -> Receipt:
        """Pay held money on, one transfer; `result` = {hold_id, transfer_id, seq, amount, remaining}.

        An account that was closed with a destination takes it and sends it on there.
        """
        ...

    async def close_account(
        self,
        account_id: str,
        destination: Destination,
        balances: Mapping[str, int],
        restrictions: Sequence[str],
        reason: str,
        *,
        key: str,
    ) -> Receipt:
        """Pay everything out and close for good, ending the named restrictions; `result` = {paid, ended}.

        Errors also: WALLET_REFUSED while a hold, another restriction or a pending exit stands, or `balances` is not what the
        account has to the last unit.
        """
        ...

    async def holds(self) -> list[StandingHold]:
        """Every hold of ours that stands."""
        ...

    async def reset_item(
        self, account_id: str, item: SecurityItem, set_since: datetime, *, key: str
    ) -> Receipt:
        """Reset one security item; `result` = {item, changes, nothing_to_change}."""
        ...

    async def owner_link(
        self,
        account_id: str,
        contact_point_id: str,
        expires_at: datetime,
        *,
        key: str,
        reference: str | None = None,
        confirmation: str | None = None,
    ) -> Receipt:
        """Have the wallet send its one-use link for new secrets to an old contact point; `reference` binds it to a case.

        With `confirmation` the link opens nothing without this code, which the wallet tells nobody.
        """
        ...

    async def payments(self, account_id: str, since: datetime) -> list[InFlightPayment]:
        """Payments in flight, and what became of those allowed `since`. Errors: ACCOUNT_UNKNOWN."""
        ...

    async def stop_payment(self, payment_id: str, *, key: str) -> Receipt:
        """See to it that a payment in flight never moves money; `result` = {payment_id, stopped}.

        Errors also: WALLET_REFUSED (`payment_captured`) when its money has moved, (`payment_unknown`).
        """
        ...

    async def place_stage(self, account_id: str, limits: StageLimits, *, key: str) -> Receipt:
        """Place (or replace) the stage limits."""
        ...

    async def cancel_transfer(self, transfer_id: str, *, key: str) -> Receipt:
        """Stop a pending payout: the money goes back to its payer; `result` = {cancelled, reversal_transfer_id}.

        Errors also: WALLET_REFUSED (`transfer_settled`) when it has left.
        """
        ...

    async def lift_stage(self, account_id: str, stage_id: str, *, key: str) -> Receipt:
        """Take the stage limits away."""
        ...


class Messages(Protocol):
    """The SMS and mail gateway."""

    async def send(self, message_id: str, channel: str, to: str, subject: str, body: str) -> None:
        """Hand over one message; the same id again is delivered once. Errors: WALLET_UNREACHABLE."""
        ...
