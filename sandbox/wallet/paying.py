"""Money about to leave an account: every check that there is, and what is to be posted for it."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from sandbox.problems import Refusal
from sandbox.wallet import accounts, entries, guards, postings
from sandbox.wallet.postings import Posting

NEEDS_PAYEE = ("wallet", "pooling", "bank", "card", "crypto")
FEE_KINDS = ("cash", "crypto")
FEE_ACCOUNT = "exit-fee-01"
FEE_DIVISOR = 500
"""One five-hundredth, at least one minor unit."""
QUICKER = 6
"""Cash and crypto settle so many times sooner than a bank or card."""


@dataclass(frozen=True)
class Spending:
    """Who pays whom how much, and on which device it was asked for."""

    account_id: str
    to: str
    amount: int
    currency: str
    device_id: str | None = None
    session_id: str | None = None


async def prepare(connection: AsyncConnection, spending: Spending, settle_seconds: float) -> list[Posting]:
    """Lock, check everything, and say what is to be posted: the transfer, and its fee if there is one.

    Refusals: account_closed, account_restricted, stage_limit, limit_exceeded, payee_unknown, insufficient_funds, and
    funds_held when it is a hold that keeps the money.
    """
    locked = await accounts.lock(connection, [spending.account_id, spending.to])
    mine = locked[spending.account_id]
    if mine.status == "closed":
        raise Refusal(409, "account_closed", "This account is closed.")
    other = locked.get(spending.to)
    dst_kind = other.kind if other else await accounts.kind_of(connection, spending.to)
    if dst_kind is None or (other and other.status == "closed"):
        raise Refusal(404, "payee_unknown", "Nobody can be paid under this id. Nothing was sent.")
    await guards.check_outgoing(
        connection,
        spending.account_id,
        dst_kind=dst_kind,
        currency=spending.currency,
        amount=spending.amount,
    )
    await check_payee(connection, spending.account_id, spending.to, dst_kind)
    fee = max(1, spending.amount // FEE_DIVISOR) if dst_kind in FEE_KINDS else 0
    there = await postings.funds(connection, spending.account_id, spending.currency)
    if there.balance < spending.amount + fee:
        raise Refusal(403, "insufficient_funds", "There is not enough money. Nothing was sent.")
    if there.available < spending.amount + fee:
        raise Refusal(403, "funds_held", "Money on this account is held. Nothing was sent.")
    pending = {"bank": settle_seconds, "card": settle_seconds}.get(dst_kind, 0.0)
    if dst_kind in FEE_KINDS:
        pending = settle_seconds / QUICKER
    bank = None
    if dst_kind == "bank":
        bank = await postings.bank_details(connection, spending.to, await entries.clock(connection))
    first = Posting(
        src=spending.account_id,
        dst=spending.to,
        src_kind=mine.kind,
        dst_kind=dst_kind,
        amount=spending.amount,
        currency=spending.currency,
        pending_seconds=pending,
        device_id=spending.device_id,
        session_id=spending.session_id,
        bank=bank,
    )
    if not fee:
        return [first]
    charge = Posting(
        src=spending.account_id,
        dst=FEE_ACCOUNT,
        src_kind=mine.kind,
        dst_kind="fee",
        amount=fee,
        currency=spending.currency,
        device_id=spending.device_id,
        session_id=spending.session_id,
    )
    return [first, charge]


async def check_payee(connection: AsyncConnection, account_id: str, to: str, dst_kind: str) -> None:
    """Refusals: payee_unknown, where this kind of receiver must be a payee and is none."""
    if dst_kind not in NEEDS_PAYEE or to == account_id:
        return
    payees = await entries.current(connection, account_id, "payees")
    if all(payee.value != to for payee in payees):
        raise Refusal(403, "payee_unknown", "This is not one of your payees yet. Nothing was sent.")
