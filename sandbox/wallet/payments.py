"""Payments in flight: allowed already, and no money has moved yet. Found, stopped, and carried out when they are due."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, insert, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from sandbox.problems import Refusal, refusal
from sandbox.tables import attempt, payment
from sandbox.wallet import accounts, entries, guards, paying, postings
from sandbox.wallet.paying import Spending
from sandbox.wallet.receipts import Effect

RESTS_ON = {"card_authorisation": "cards", "mandate_collection": "mandates"}
"""The security item whose entry allows it; a scheduled payment rests on the customer's word."""
TRY_AGAIN = timedelta(seconds=1)
"""A payment that is refused now (a restriction, a stage, no money) is tried again after so long, for ever."""
AT_ONCE = 100

_FIND = text("SELECT * FROM wallet.payment WHERE payment_id = :id")
_LOCK = text("SELECT * FROM wallet.payment WHERE payment_id = :id FOR UPDATE")
_OF_ACCOUNT = text("SELECT * FROM wallet.payment WHERE account_id = :id ORDER BY authorised_at, payment_id")
_IN_FLIGHT = text("""
    SELECT * FROM wallet.payment WHERE account_id = :id AND payment_id > :after
      AND (state = 'pending' OR authorised_at >= :since) ORDER BY payment_id LIMIT :limit
""")
_DUE = text("""
    SELECT payment_id FROM wallet.payment WHERE state = 'pending' AND next_try_at <= clock_timestamp()
      AND (CAST(:id AS text) IS NULL OR account_id = :id) ORDER BY next_try_at LIMIT :limit
""")
_SETTLE = text("""
    UPDATE wallet.payment SET state = :state, settled_at = :moment, transfer_id = :transfer_id, refusal = NULL
    WHERE payment_id = :id
""")
_REFUSED = text("""
    UPDATE wallet.payment SET refusal = :code WHERE payment_id = :id AND refusal IS DISTINCT FROM :code
""")
_LATER = text("UPDATE wallet.payment SET next_try_at = :next WHERE payment_id = :id")


@dataclass(frozen=True)
class Ordered:
    """A payment about to be allowed."""

    account_id: str
    kind: str
    to: str
    amount: int
    currency: str
    seconds: float
    entry_id: str | None = None
    device_id: str | None = None
    session_id: str | None = None


async def order(connection: AsyncConnection, asked: Ordered) -> dict[str, object]:
    """Allow it. Refusals: account_unknown, account_closed, account_restricted, payee_unknown, card_unknown, mandate_unknown."""
    await accounts.lock_one(connection, asked.account_id)
    await guards.check_change(connection, asked.account_id)
    kind = await accounts.kind_of(connection, asked.to)
    if kind is None:
        raise Refusal(404, "payee_unknown", "Nobody can be paid under this id. Nothing was ordered.")
    moment = await entries.clock(connection)
    since, label = moment, f"{kind} payee"
    item = RESTS_ON.get(asked.kind)
    if item is None:
        await paying.check_payee(connection, asked.account_id, asked.to, kind)
    else:
        standing = await entries.current(connection, asked.account_id, item)
        found = next((each for each in standing if each.entry_id == asked.entry_id), None)
        if found is None:
            raise Refusal(404, f"{item[:-1]}_unknown", "The account has no such entry. Nothing was ordered.")
        label = found.label
        if asked.kind == "mandate_collection":
            # A collection rests on the mandate: that is when the customer allowed it.
            since = max(found.set_at, found.changed_at or found.set_at)
    payment_id = f"pay-{uuid.uuid4().hex[:20]}"
    due = moment + timedelta(seconds=asked.seconds)
    await connection.execute(
        insert(payment).values(
            payment_id=payment_id,
            account_id=asked.account_id,
            kind=asked.kind,
            dst=asked.to,
            dst_kind=kind,
            amount=asked.amount,
            currency=asked.currency,
            label=label,
            entry_id=asked.entry_id if item else None,
            device_id=asked.device_id,
            session_id=asked.session_id,
            authorised_at=since,
            due_at=due,
            next_try_at=due,
            state="pending",
        )
    )
    return {"payment_id": payment_id, "due_at": due.isoformat()}


async def of_account(connection: AsyncConnection, account_id: str) -> list[dict[str, object]]:
    """Everything that was ever allowed on this account, oldest first."""
    return [_told(row) for row in await connection.execute(_OF_ACCOUNT, {"id": account_id})]


async def in_flight(
    connection: AsyncConnection, account_id: str, *, since: datetime, after: str, limit: int
) -> dict[str, object]:
    """PaymentPage of the contract: what is pending, and what was allowed `since`. Refusals: account_unknown."""
    if await accounts.kind_of(connection, account_id) not in accounts.HOLDING_KINDS:
        raise refusal("account_unknown")
    values = {"id": account_id, "since": since, "after": after, "limit": limit + 1}
    rows = (await connection.execute(_IN_FLIGHT, values)).all()
    more = len(rows) > limit
    return {
        "payments": [_told(row) for row in rows[:limit]],
        "next": rows[limit - 1].payment_id if more else None,
    }


async def stop(connection: AsyncConnection, payment_id: str) -> Effect:
    """See to it that it never moves money. Refusals: payment_unknown, payment_captured."""
    found = (await connection.execute(_FIND, {"id": payment_id})).first()
    if found is None:
        raise refusal("payment_unknown")
    # The account first, as whoever carries payments out does: one of the two is earlier, and the other sees it.
    await accounts.lock(connection, [found.account_id])
    found = (await connection.execute(_LOCK, {"id": payment_id})).one()
    if found.state == "captured":
        raise refusal("payment_captured")
    seq, moment = await postings.head(connection)
    if found.state != "stopped":
        await connection.execute(
            _SETTLE, {"id": payment_id, "state": "stopped", "moment": moment, "transfer_id": None}
        )
    return Effect(found.account_id, seq, moment, {"payment_id": payment_id, "stopped": True})


async def carry_out_due(
    engine: AsyncEngine, settle_seconds: float, *, account_id: str | None = None
) -> list[dict[str, object]]:
    """Carry out what is due, one by one; what is refused stays, and is tried again. Gives what became of each."""
    async with engine.connect() as connection:
        due = list((await connection.execute(_DUE, {"id": account_id, "limit": AT_ONCE})).scalars())
    return [told for each in due if (told := await _carry_out(engine, each, settle_seconds)) is not None]


async def _carry_out(engine: AsyncEngine, payment_id: str, settle_seconds: float) -> dict[str, object] | None:
    refused: Refusal | None = None
    async with engine.begin() as connection:
        found = (await connection.execute(_FIND, {"id": payment_id})).one()
        try:
            # A savepoint: what is refused leaves nothing but the word that it was.
            async with connection.begin_nested():
                await _capture(connection, found, settle_seconds)
        except Refusal as error:
            refused = error
            await _note_refusal(connection, found, error.code)
        row = (await connection.execute(_FIND, {"id": payment_id})).one()
    return {**_told(row), "refusal": refused.code if refused else None}


async def _capture(connection: AsyncConnection, found: Row[Any], settle_seconds: float) -> None:
    await accounts.lock(connection, [found.account_id, found.dst])
    if (await connection.execute(_LOCK, {"id": found.payment_id})).one().state != "pending":
        return
    moment = await entries.clock(connection)
    if found.kind == "mandate_collection":
        entry = await entries.find(connection, found.entry_id)
        if entry is None or entry.ended_at is not None:
            lapsed = {"id": found.payment_id, "state": "lapsed", "moment": moment, "transfer_id": None}
            await connection.execute(_SETTLE, lapsed)
            return
    spending = Spending(
        found.account_id,
        found.dst,
        found.amount,
        found.currency,
        device_id=found.device_id,
        session_id=found.session_id,
    )
    posted = (await postings.post(connection, await paying.prepare(connection, spending, settle_seconds)))[0]
    captured = {
        "id": found.payment_id,
        "state": "captured",
        "moment": posted.posted_at,
        "transfer_id": posted.transfer_id,
    }
    await connection.execute(_SETTLE, captured)


async def _note_refusal(connection: AsyncConnection, found: Row[Any], code: str) -> None:
    """Once for each reason, not for each try: what is refused twenty times an hour is one event to a person."""
    moment = await entries.clock(connection)
    if (await connection.execute(_REFUSED, {"id": found.payment_id, "code": code})).rowcount == 1:
        await connection.execute(
            insert(attempt).values(
                account_id=found.account_id,
                at=moment,
                action=found.kind,
                code=code,
                restricted=bool(await guards.scopes(connection, found.account_id)),
                detail={"to": found.dst, "amount": found.amount, "currency": found.currency},
            )
        )
    await connection.execute(_LATER, {"id": found.payment_id, "next": moment + TRY_AGAIN})


def _told(row: Row[Any]) -> dict[str, object]:
    return {
        "payment_id": row.payment_id,
        "kind": row.kind,
        "label": row.label,
        "to": row.dst,
        "to_kind": row.dst_kind,
        "amount": row.amount,
        "currency": row.currency,
        "authorised_at": row.authorised_at.isoformat(),
        "due_at": row.due_at.isoformat(),
        "state": row.state,
        "settled_at": row.settled_at.isoformat() if row.settled_at else None,
        "transfer_id": row.transfer_id,
    }
