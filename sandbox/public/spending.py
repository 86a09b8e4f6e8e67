"""A customer's money: sending it to others and out of the wallet, now or later."""

from __future__ import annotations

from fastapi import APIRouter, Request
from sqlalchemy import text

from sandbox.public.attempts import Session, recorded
from sandbox.public.bodies import OrderPayment, Send
from sandbox.state import running
from sandbox.wallet import paying, payments, postings
from sandbox.wallet.paying import Spending

router = APIRouter(prefix="/public")

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
        spending = Spending(
            session.account_id,
            body.to,
            body.amount,
            body.currency,
            device_id=session.device_id,
            session_id=session.session_id,
        )
        prepared = await paying.prepare(connection, spending, parts.settings.settle_seconds)
        posted = (await postings.post(connection, prepared))[0]
    parts.detector.look_now()
    return {
        "transfer_id": posted.transfer_id,
        "seq": posted.seq,
        "posted_at": posted.posted_at.isoformat(),
        "status": "pending" if prepared[0].pending_seconds else "settled",
        "fee": sum(posting.amount for posting in prepared[1:]),
    }


@router.post("/payments", status_code=201)
async def order_payment(request: Request, session: Session, body: OrderPayment) -> dict[str, object]:
    """Allow a payment that comes later: a card authorisation, a scheduled payment, a collection by mandate.

    Refusals: session_ended, account_restricted, payee_unknown, card_unknown, mandate_unknown.
    """
    engine = running(request).database.engine
    detail = {"to": body.to, "amount": body.amount, "currency": body.currency}
    async with (
        recorded(engine, session.account_id, f"order_{body.kind}", session, **detail),
        engine.begin() as connection,
    ):
        asked = payments.Ordered(
            session.account_id,
            body.kind,
            body.to,
            body.amount,
            body.currency,
            seconds=body.seconds,
            entry_id=body.entry_id,
            device_id=session.device_id,
            session_id=session.session_id,
        )
        return await payments.order(connection, asked)


@router.get("/payments")
async def own_payments(request: Request, session: Session) -> dict[str, object]:
    """What is to come, and what became of the rest."""
    engine = running(request).database.engine
    async with recorded(engine, session.account_id, "read", session), engine.connect() as connection:
        return {"payments": await payments.of_account(connection, session.account_id)}
