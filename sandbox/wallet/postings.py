"""Posting transfers: one row lock gives out the numbers, so they are gapless and visible in commit order."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import insert, text
from sqlalchemy.ext.asyncio import AsyncConnection

from sandbox.tables import transfer
from sandbox.wallet.accounts import HOLDING_KINDS

_NEXT = text("""
    UPDATE wallet.posting_head SET seq = seq + :count, at = GREATEST(COALESCE(at, clock_timestamp()), clock_timestamp())
    RETURNING seq, at
""")
_NAME = text("SELECT name FROM wallet.account WHERE account_id = :id")
_PAYOUTS = text("SELECT account_id, dst, dst_kind FROM wallet.payout WHERE account_id = ANY(:ids)")
_HEAD = text("SELECT seq, clock_timestamp() AS moment FROM wallet.posting_head")
_TAKE = text(
    "UPDATE wallet.balance SET amount = amount - :amount WHERE account_id = :id AND currency = :currency"
)
_GIVE = text("""
    INSERT INTO wallet.balance (account_id, currency, kind, opening, inferred, amount, opened_later)
    VALUES (:id, :currency, :kind, 0, 0, :amount, true)
    ON CONFLICT (account_id, currency) DO UPDATE SET amount = balance.amount + EXCLUDED.amount
""")
_AVAILABLE = text("""
    SELECT COALESCE((SELECT amount FROM wallet.balance WHERE account_id = :id AND currency = :currency), 0)::text AS balance,
           COALESCE((SELECT sum(amount) FROM wallet.hold WHERE account_id = :id AND currency = :currency
                     AND ended_at IS NULL AND expires_at > clock_timestamp()), 0)::text AS held
""")


@dataclass(frozen=True)
class Posting:
    """A transfer about to be posted. `pending_seconds` is how long an exit can still be stopped; 0 settles at once."""

    src: str
    dst: str
    src_kind: str
    dst_kind: str
    amount: int
    currency: str
    pending_seconds: float = 0
    device_id: str | None = None
    session_id: str | None = None
    reverses: str | None = None
    hold_id: str | None = None
    bank: dict[str, str] | None = None


@dataclass(frozen=True)
class Posted:
    """What became of a posting."""

    seq: int
    transfer_id: str
    posted_at: datetime


@dataclass(frozen=True)
class Funds:
    """Money of one account in one currency, minor units."""

    balance: int
    held: int

    @property
    def available(self) -> int:
        """What may be spent or held."""
        return self.balance - self.held


async def funds(connection: AsyncConnection, account_id: str, currency: str) -> Funds:
    """Balance and standing holds; exact while the account is locked."""
    row = (await connection.execute(_AVAILABLE, {"id": account_id, "currency": currency})).one()
    return Funds(int(row.balance), int(row.held))


async def head(connection: AsyncConnection) -> tuple[int, datetime]:
    """The last posting number and the wallet's clock; exact for an account that is locked."""
    row = (await connection.execute(_HEAD)).one()
    return row.seq, row.moment


async def payouts(connection: AsyncConnection, ids: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Of these accounts, those closed with a destination: (where their money goes, its kind)."""
    rows = await connection.execute(_PAYOUTS, {"ids": list(ids)})
    return {row.account_id: (row.dst, row.dst_kind) for row in rows}


async def post(connection: AsyncConnection, asked: Sequence[Posting]) -> list[Posted]:
    """Post in the given order. The caller has locked every account that holds balances and checked what it has.

    What comes to an account that was closed with a destination goes on to it by a transfer of its own.
    """
    onward = await payouts(connection, sorted({posting.dst for posting in asked}))
    going_on = [posting for posting in asked if posting.dst in onward]
    postings = [*asked, *[await _sent_on(connection, each, *onward[each.dst]) for each in going_on]]
    for posting in postings:
        if posting.src == posting.dst:
            continue
        if posting.src_kind in HOLDING_KINDS:
            await connection.execute(
                _TAKE, {"id": posting.src, "currency": posting.currency, "amount": posting.amount}
            )
        if posting.dst_kind in HOLDING_KINDS:
            await connection.execute(
                _GIVE,
                {
                    "id": posting.dst,
                    "currency": posting.currency,
                    "amount": posting.amount,
                    "kind": posting.dst_kind,
                },
            )
    # Last, because this lock serialises every posting of the wallet until commit.
    last = (await connection.execute(_NEXT, {"count": len(postings)})).one()
    posted = []
    rows: list[dict[str, Any]] = []
    for number, posting in enumerate(postings, start=last.seq - len(postings) + 1):
        posted.append(Posted(number, f"trf-{uuid.uuid4().hex[:20]}", last.at))
        rows.append(_row(posting, posted[-1]))
    await connection.execute(insert(transfer), rows)
    return posted[: len(asked)]


async def _sent_on(connection: AsyncConnection, arrived: Posting, dst: str, dst_kind: str) -> Posting:
    bank = await bank_details(connection, dst, (await head(connection))[1]) if dst_kind == "bank" else None
    return Posting(arrived.dst, dst, arrived.dst_kind, dst_kind, arrived.amount, arrived.currency, bank=bank)


async def bank_details(connection: AsyncConnection, bank: str, moment: datetime) -> dict[str, str]:
    """What a recall would have to name of a payment to this bank account."""
    name = (await connection.execute(_NAME, {"id": bank})).scalar()
    bic = name.rpartition(" ")[2] if name else ""
    return {
        "bic": bic or "SANDCNBJXXX",
        "end_to_end_id": f"E2E{uuid.uuid4().hex[:24].upper()}",
        "uetr": str(uuid.uuid4()),
        "settlement_date": moment.date().isoformat(),
    }


def _row(posting: Posting, posted: Posted) -> dict[str, Any]:
    settles_at = (
        posted.posted_at + timedelta(seconds=posting.pending_seconds) if posting.pending_seconds else None
    )
    return {
        "seq": posted.seq,
        "transfer_id": posted.transfer_id,
        "src": posting.src,
        "dst": posting.dst,
        "src_kind": posting.src_kind,
        "dst_kind": posting.dst_kind,
        "amount": posting.amount,
        "currency": posting.currency,
        "posted_at": posted.posted_at,
        "settles_at": settles_at,
        "device_id": posting.device_id,
        "session_id": posting.session_id,
        "reverses": posting.reverses,
        "hold_id": posting.hold_id,
        "bank": posting.bank,
    }
