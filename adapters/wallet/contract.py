"""ports.Wallet: each method is one call of the contract, or one list read page by page."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from adapters.wallet.connection import READ_DEADLINE, WalletConnection, known_fields, segment
from adapters.wallet.refusals import unreachable
from models.contracts.closure import Destination
from models.contracts.steps import Receipt
from models.contracts.wallet import (
    AccountState,
    ContactKind,
    EnrolledKind,
    FoundAccount,
    InFlightPayment,
    StageLimits,
    StandingHold,
    StandingRestriction,
)
from models.errors import WalletRefusal
from models.names import PLACER, Scope, SecurityItem

PAGE = 1000
NO_RECEIPT = "receipt_unknown"
REASON = "suspected account takeover"
"""The reason the wallet stores. It is part of the request that a key stands for, so it never varies."""


class HttpWallet:
    """The wallet over HTTP (implements activities.ports.Wallet)."""

    def __init__(self, connection: WalletConnection) -> None:
        self._connection = connection

    async def account(self, account_id: str) -> AccountState:
        """See ports.Wallet."""
        return known_fields(AccountState, await self._connection.read(f"/v1/accounts/{segment(account_id)}"))

    async def receipt(self, key: str) -> Receipt | None:
        """See wallet_ports.Receipts."""
        try:
            answer = await self._connection.read(f"/v1/receipts/{segment(key)}")
        except WalletRefusal as error:
            if error.wallet_code != NO_RECEIPT:
                raise
            return None
        found = known_fields(Receipt, answer)
        if found.idempotency_key != key:
            raise unreachable("a receipt for another key")
        return found

    async def find_accounts(self, kind: ContactKind, value: str) -> Sequence[str]:
        """See credential_ports.Accounts."""
        answer = await self._connection.read("/v1/accounts", {kind.value: value})
        found = answer.get("accounts")
        if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
            raise unreachable("not what the contract says: accounts")
        return [known_fields(FoundAccount, each).account_id for each in found]

    async def verify_factor(
        self, account_id: str, factor_id: str, kind: EnrolledKind, code: str, *, key: str
    ) -> Receipt:
        """See ports.Wallet."""
        path = f"{account(account_id)}/factors/{segment(factor_id)}/verify"
        body = {"kind": kind.value, "code": code}
        return await self._connection.write("POST", path, key=key, body=body)

    async def place_restriction(
        self, account_id: str, restriction: str, scope: Scope, *, key: str
    ) -> Receipt:
        """See ports.Wallet."""
        body = {"restriction_id": restriction, "scope": scope.value, "placer": PLACER, "reason": REASON}
        return await self._connection.write("POST", f"{account(account_id)}/restrictions", key=key, body=body)

    async def release_restrictions(
        self, account_id: str, restrictions: Sequence[str], reason: str, *, key: str
    ) -> Receipt:
        """See ports.Wallet."""
        body = {"restriction_ids": list(restrictions), "reason": reason}
        path = f"{account(account_id)}/restrictions/release"
        return await self._connection.write("POST", path, key=key, body=body)

    async def restrictions(self) -> list[StandingRestriction]:
        """See ports.Wallet."""
        return [
            known_fields(StandingRestriction, row)
            async for row in self._pages("/v1/restrictions", "restrictions")
        ]

    async def place_hold(
        self, account_id: str, hold_id: str, currency: str, amount: int, expires_at: datetime, *, key: str
    ) -> Receipt:
        """See ports.Wallet."""
        body = {
            "hold_id": hold_id,
            "placer": PLACER,
            "currency": currency,
            "amount": amount,
            "reason": REASON,
            "expires_at": instant(expires_at),
        }
        return await self._connection.write("POST", f"{account(account_id)}/holds", key=key, body=body)

    async def shrink_hold(self, hold_id: str, amount: int, *, key: str) -> Receipt:
        """See ports.Wallet."""
        path = f"/v1/holds/{segment(hold_id)}/shrink"
        return await self._connection.write("POST", path, key=key, body={"amount": amount})

    async def release_hold(self, hold_id: str, reason: str, *, key: str) -> Receipt:
        """See ports.Wallet."""
        path = f"/v1/holds/{segment(hold_id)}/release"
        return await self._connection.write("POST", path, key=key, body={"reason": reason})

    async def renew_hold(self, hold_id: str, expires_at: datetime, *, key: str) -> Receipt:
        """See ports.Wallet."""
        path = f"/v1/holds/{segment(hold_id)}/renew"
        body = {"expires_at": instant(expires_at)}
        return await self._connection.write("POST", path, key=key, body=body)

    async def return_hold(
        self, hold_id: str, to_account_id: str, amount: int, reason: str, *, key: str
    ) -> Receipt:
        """See ports.Wallet."""
        path = f"/v1/holds/{segment(hold_id)}/return"
        body = {"to_account_id": to_account_id, "amount": amount, "reason": reason}
        return await self._connection.write("POST", path, key=key, body=body)

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
        """See ports.Wallet."""
        body = {
            "destination": destination.model_dump(mode="json"),
            "balances": dict(sorted(balances.items())),
            "restriction_ids": list(restrictions),
            "reason": reason,
        }
        return await self._connection.write("POST", f"{account(account_id)}/close", key=key, body=body)

    async def holds(self) -> list[StandingHold]:
        """See ports.Wallet."""
        return [known_fields(StandingHold, row) async for row in self._pages("/v1/holds", "holds")]

    async def reset_item(
        self, account_id: str, item: SecurityItem, set_since: datetime, *, key: str
    ) -> Receipt:
        """See ports.Wallet."""
        body = {"set_since": instant(set_since), "reason": REASON}
        path = f"{account(account_id)}/security/{item.value}/reset"
        return await self._connection.write("POST", path, key=key, body=body)

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
        """See ports.Wallet."""
        body = {
            "purpose": "renew_credentials",
            "contact_point_id": contact_point_id,
            "expires_at": instant(expires_at),
        }
        if reference is not None:
            body["reference"] = reference
        if confirmation is not None:
            body["confirmation_code"] = confirmation
        return await self._connection.write("POST", f"{account(account_id)}/owner-links", key=key, body=body)

    async def payments(self, account_id: str, since: datetime) -> list[InFlightPayment]:
        """See ports.Wallet."""
        path, query = f"{account(account_id)}/payments", {"since": instant(since)}
        return [
            known_fields(InFlightPayment, row)
            async for page in pages(self._connection, path, "payments", query, PAGE)
            for row in page
        ]

    async def stop_payment(self, payment_id: str, *, key: str) -> Receipt:
        """See ports.Wallet."""
        path = f"/v1/payments/{segment(payment_id)}/stop"
        return await self._connection.write("POST", path, key=key, body={"reason": REASON})

    async def place_stage(self, account_id: str, limits: StageLimits, *, key: str) -> Receipt:
        """See ports.Wallet."""
        body = limits.model_dump(mode="json")
        return await self._connection.write("PUT", f"{account(account_id)}/stage-limits", key=key, body=body)

    async def lift_stage(self, account_id: str, stage_id: str, *, key: str) -> Receipt:
        """See ports.Wallet."""
        path = f"{account(account_id)}/stage-limits"
        return await self._connection.write("DELETE", path, key=key, query={"stage_id": stage_id})

    async def cancel_transfer(self, transfer_id: str, *, key: str) -> Receipt:
        """See ports.Wallet."""
        path = f"/v1/transfers/{segment(transfer_id)}/cancel"
        return await self._connection.write("POST", path, key=key, body={"reason": REASON})

    async def _pages(self, path: str, rows: str) -> AsyncIterator[dict[str, Any]]:
        async for page in pages(self._connection, path, rows, {"placer": PLACER}, PAGE):
            for row in page:
                yield row


async def pages(
    connection: WalletConnection, path: str, rows: str, query: dict[str, str], limit: int
) -> AsyncIterator[list[Any]]:
    """Read a list to its end, page by page.

    Errors: WALLET_UNREACHABLE, also when a page leads back to where it came from: a list is whole or it is an error.
    """
    seen: set[str] = set()
    after: str | None = None
    while True:
        where = query | {"limit": str(limit)} | ({} if after is None else {"after": after})
        answer = await connection.read(path, where, deadline=READ_DEADLINE)
        page, after = answer.get(rows), answer.get("next")
        if not isinstance(page, list) or not (after is None or isinstance(after, str)) or after in seen:
            raise unreachable(f"not what the contract says: {rows}")
        yield page
        if after is None:
            return
        seen.add(after)


def account(account_id: str) -> str:
    """The path of one account."""
    return f"/v1/accounts/{segment(account_id)}"


def instant(at: datetime) -> str:
    """RFC 3339 in UTC, always the same text for the same instant: it is part of what a key stands for."""
    return at.astimezone(UTC).isoformat()
