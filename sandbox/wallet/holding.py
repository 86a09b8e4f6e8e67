"""Holds: an amount kept in place on an account, never more than is there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert, text
from sqlalchemy.ext.asyncio import AsyncConnection

from sandbox.problems import refusal
from sandbox.tables import hold
from sandbox.wallet import accounts, postings
from sandbox.wallet.receipts import Effect

_FIND = text("SELECT * FROM wallet.hold WHERE hold_id = :id")
_OWNER = text("SELECT account_id FROM wallet.hold WHERE hold_id = :id")
_SET = text("""
    UPDATE wallet.hold SET amount = CAST(:amount AS bigint),
        ended_at = CASE WHEN CAST(:amount AS bigint) = 0 THEN clock_timestamp() END
    WHERE hold_id = :id
""")
_RENEW = text("UPDATE wallet.hold SET expires_at = :expires_at WHERE hold_id = :id")
_LIST = text("""
    SELECT hold_id, account_id, currency, amount, placed_at, expires_at FROM wallet.hold
    WHERE placer = :placer AND ended_at IS NULL AND expires_at > clock_timestamp() AND hold_id > :after
    ORDER BY hold_id LIMIT :limit
""")


@dataclass(frozen=True)
class AskedHold:
    """What a placing asks for."""

    hold_id: str
    placer: str
    currency: str
    amount: int
    reason: str
    expires_at: datetime


@dataclass(frozen=True)
class StandingHold:
    """A hold of a locked account."""

    hold_id: str
    account_id: str
    account_kind: str
    currency: str
    amount: int
    expires_at: datetime
    ended: bool


async def place(connection: AsyncConnection, account_id: str, asked: AskedHold) -> Effect:
    """Hold min(amount, available). Refusals: account_unknown, account_closed, hold_ended, hold_conflict."""
    await accounts.lock_one(connection, account_id)
    seq, moment = await postings.head(connection)
    former = (await connection.execute(_FIND, {"id": asked.hold_id})).first()
    if former is not None:
        if former.ended_at is not None or former.expires_at <= moment:
            raise refusal("hold_ended")
        content = (former.account_id, former.placer, former.currency, former.asked_amount)
        if content != (account_id, asked.placer, asked.currency, asked.amount):
            raise refusal("hold_conflict")
        placed = former.amount
    else:
        there = await postings.funds(connection, account_id, asked.currency)
        placed = max(0, min(asked.amount, there.available))
        if placed:
            await connection.execute(
                insert(hold).values(
                    hold_id=asked.hold_id,
                    account_id=account_id,
                    placer=asked.placer,
                    currency=asked.currency,
                    asked_amount=asked.amount,
                    amount=placed,
                    reason=asked.reason,
                    placed_at=moment,
                    expires_at=asked.expires_at,
                )
            )
    return Effect(account_id, seq, moment, {"hold_id": asked.hold_id, "placed_amount": placed})


async def _lock(
    connection: AsyncConnection, hold_id: str, *also: str
) -> tuple[StandingHold, dict[str, accounts.LockedAccount]]:
    account_id = (await connection.execute(_OWNER, {"id": hold_id})).scalar()
    if account_id is None:
        raise refusal("hold_unknown")
    locked = await accounts.lock(connection, [account_id, *also])
    row = (await connection.execute(_FIND, {"id": hold_id})).one()
    moment = (await postings.head(connection))[1]
    standing = StandingHold(
        hold_id,
        account_id,
        locked[account_id].kind,
        row.currency,
        row.amount,
        row.expires_at,
        row.ended_at is not None or row.expires_at <= moment,
    )
    return standing, locked


async def _changed(
    connection: AsyncConnection, standing: StandingHold, amount: int, expires_at: datetime
) -> Effect:
    seq, moment = await postings.head(connection)
    result = {
        "hold_id": standing.hold_id,
        "amount": amount,
        "released_amount": standing.amount - amount,
        "expires_at": expires_at.isoformat(),
    }
    return Effect(standing.account_id, seq, moment, result)


async def shrink(connection: AsyncConnection, hold_id: str, amount: int) -> Effect:
    """Leave `amount` held. Refusals: hold_unknown, hold_ended, amount_exceeds_hold."""
    standing, _ = await _lock(connection, hold_id)
    if standing.ended:
        raise refusal("hold_ended")
    if amount > standing.amount:
        raise refusal("amount_exceeds_hold")
    await connection.execute(_SET, {"id": hold_id, "amount": amount})
    return await _changed(connection, standing, amount, standing.expires_at)


async def renew(connection: AsyncConnection, hold_id: str, expires_at: datetime) -> Effect:
    """Give it a new end. Refusals: hold_unknown, hold_ended."""
    standing, _ = await _lock(connection, hold_id)
    if standing.ended:
        raise refusal("hold_ended")
    await connection.execute(_RENEW, {"id": hold_id, "expires_at": expires_at})
    return await _changed(connection, standing, standing.amount, expires_at)


async def release(connection: AsyncConnection, hold_id: str) -> Effect:
    """End it; one that has ended stays so. Refusals: hold_unknown."""
    standing, _ = await _lock(connection, hold_id)
    if standing.ended:
        seq, moment = await postings.head(connection)
        result = {
            "hold_id": hold_id,
            "amount": 0,
            "released_amount": 0,
            "expires_at": standing.expires_at.isoformat(),
        }
        return Effect(standing.account_id, seq, moment, result)
    await connection.execute(_SET, {"id": hold_id, "amount": 0})
    return await _changed(connection, standing, 0, standing.expires_at)


async def give_back(connection: AsyncConnection, hold_id: str, to_account_id: str, amount: int) -> Effect:
    """Pay held money on. Refusals: hold_unknown, hold_ended, account_unknown, account_closed, amount_exceeds_hold."""
    standing, locked = await _lock(connection, hold_id, to_account_id)
    receiver = locked.get(to_account_id)
    if receiver is None:
        raise refusal("account_unknown")
    if receiver.status == "closed" and not await postings.payouts(connection, [to_account_id]):
        raise refusal("account_closed")
    if standing.ended:
        raise refusal("hold_ended")
    if amount > standing.amount:
        raise refusal("amount_exceeds_hold")
    remaining = standing.amount - amount
    await connection.execute(_SET, {"id": hold_id, "amount": remaining})
    posting = postings.Posting(
        src=standing.account_id,
        dst=to_account_id,
        src_kind=standing.account_kind,
        dst_kind=receiver.kind,
        amount=amount,
        currency=standing.currency,
        hold_id=hold_id,
    )
    (posted,) = await postings.post(connection, [posting])
    result = {
        "hold_id": hold_id,
        "transfer_id": posted.transfer_id,
        "seq": posted.seq,
        "amount": amount,
        "remaining": remaining,
    }
    return Effect(standing.account_id, posted.seq - 1, posted.posted_at, result)


async def page(connection: AsyncConnection, placer: str, after: str, limit: int) -> dict[str, object]:
    """HoldPage of the contract."""
    rows = (
        (await connection.execute(_LIST, {"placer": placer, "after": after, "limit": limit + 1}))
        .mappings()
        .all()
    )
    found = [
        {**row, "placed_at": row["placed_at"].isoformat(), "expires_at": row["expires_at"].isoformat()}
        for row in rows[:limit]
    ]
    return {"holds": found, "next": found[-1]["hold_id"] if len(rows) > limit else None}
