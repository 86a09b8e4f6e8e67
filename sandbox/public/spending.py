"""A customer's money: sending it to others and out of the wallet."""

from __future__ import annotations

from fastapi import APIRouter, Request
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from sandbox.problems import Refusal
from sandbox.public.attempts import Session, recorded
from sandbox.public.bodies import Send
from sandbox.state import running
from sandbox.wallet import accounts, entries, guards, postings
from sandbox.wallet.credentials import FoundSession
from sandbox.wallet.postings import Posting

router = APIRouter(prefix="/public")

NEEDS_PAYEE = ("wallet", "pooling", "bank", "card", "crypto")
FEE_KINDS = ("cash", "crypto")
FEE_ACCOUNT = "exit-fee-01"
FEE_DIVISOR = 500
"""One five-hundredth, at least one minor unit."""
QUICKER = 6
"""Cash and crypto settle so many times sooner than a bank or card."""

_EXITS = text("""
    SELECT account_id, kind FROM wallet.account WHERE kind IN ('bank', 'card', 'cash', 'crypto', 'merchant')
    ORDER BY account_id
""")


@router.get("/exits")
async def exits(request: Request) -> dict[str, object]:
    """Where money can go besides other accounts: banks, cards, cash agents, crypto, merchants."""
    async with running(request).database.engine.connect() as connection:
        rows = await connection.execute(_EXITS)
        return {"exits": [{"account_id": row.account_id, "kind": row.kind} for row in rows]}


@router.post("/transfers", status_code=201)
async def send(request: Request, session: Session, body: Send) -> dict[str, object]:
    """Send money.

    Refusals: session_ended, account_restricted, stage_limit, limit_exceeded, payee_unknown, insufficient_funds, and
    funds_held when it is a hold that keeps the money.
    """
    parts = running(request)
    engine = parts.database.engine
    detail = {"to": body.to, "amount": body.amount, "currency": body.currency}
    async with (
        recorded(engine, session.account_id, "transfer", session, **detail),
        engine.begin() as connection,
    ):
        prepared = await _prepare(connection, session, body, parts.settings.settle_seconds)
        posted = (await postings.post(connection, prepared))[0]
    parts.detector.look_now()
    return {
        "transfer_id": posted.transfer_id,
        "seq": posted.seq,
        "posted_at": posted.posted_at.isoformat(),
        "status": "pending" if prepared[0].pending_seconds else "settled",
        "fee": sum(posting.amount for posting in prepared[1:]),
    }


async def _prepare(
    connection: AsyncConnection, session: FoundSession, body: Send, settle_seconds: float
) -> list[Posting]:
    """Lock, check everything, and say what is to be posted: the transfer, and its fee if there is one."""
    locked = await accounts.lock(connection, [session.account_id, body.to])
    mine = locked[session.account_id]
    if mine.status == "closed":
        raise Refusal(409, "account_closed", "This account is closed.")
    other = locked.get(body.to)
    dst_kind = other.kind if other else await accounts.kind_of(connection, body.to)
    if dst_kind is None or (other and other.status == "closed"):
        raise Refusal(404, "payee_unknown", "Nobody can be paid under this id. Nothing was sent.")
    await guards.check_outgoing(
        connection, session.account_id, dst_kind=dst_kind, currency=body.currency, amount=body.amount
    )
    if dst_kind in NEEDS_PAYEE and body.to != session.account_id:
        payees = await entries.current(connection, session.account_id, "payees")
        if all(payee.value != body.to for payee in payees):
            raise Refusal(403, "payee_unknown", "This is not one of your payees yet. Nothing was sent.")
    fee = max(1, body.amount // FEE_DIVISOR) if dst_kind in FEE_KINDS else 0
    there = await postings.funds(connection, session.account_id, body.currency)
    if there.balance < body.amount + fee:
        raise Refusal(403, "insufficient_funds", "There is not enough money. Nothing was sent.")
    if there.available < body.amount + fee:
        raise Refusal(403, "funds_held", "Money on this account is held. Nothing was sent.")
    pending = {"bank": settle_seconds, "card": settle_seconds}.get(dst_kind, 0.0)
    if dst_kind in FEE_KINDS:
        pending = settle_seconds / QUICKER
    bank = None
    if dst_kind == "bank":
        bank = await postings.bank_details(connection, body.to, await entries.clock(connection))
    first = Posting(
        src=session.account_id,
        dst=body.to,
        src_kind=mine.kind,
        dst_kind=dst_kind,
        amount=body.amount,
        currency=body.currency,
        pending_seconds=pending,
        device_id=session.device_id,
        session_id=session.session_id,
        bank=bank,
    )
    if not fee:
        return [first]
    charge = Posting(
        src=session.account_id,
        dst=FEE_ACCOUNT,
        src_kind=mine.kind,
        dst_kind="fee",
        amount=fee,
        currency=body.currency,
        device_id=session.device_id,
        session_id=session.session_id,
    )
    return [first, charge]
