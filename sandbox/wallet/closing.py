"""Closing an account for good: what it has goes to one destination in the same transaction, and what comes later follows it."""

from __future__ import annotations

import hashlib
from typing import Any

from sqlalchemy import insert, text
from sqlalchemy.ext.asyncio import AsyncConnection

from sandbox.problems import refusal
from sandbox.tables import payout
from sandbox.wallet import accounts, entries, postings, restrictions
from sandbox.wallet.postings import Posting
from sandbox.wallet.receipts import Effect

_CLOSE = text("UPDATE wallet.account SET status = 'closed' WHERE account_id = :id")
_HELD = text("""
    SELECT 1 FROM wallet.hold WHERE account_id = :id AND ended_at IS NULL AND expires_at > clock_timestamp() LIMIT 1
""")
_PENDING = text("""
    SELECT 1 FROM wallet.transfer AS exit WHERE src = :id AND settles_at > clock_timestamp()
      AND NOT EXISTS (SELECT FROM wallet.transfer AS back WHERE back.reverses = exit.transfer_id) LIMIT 1
""")
_BALANCES = text(
    "SELECT currency, amount::text AS amount FROM wallet.balance WHERE account_id = :id AND amount > 0 ORDER BY currency"
)
_EXIT = text("""
    INSERT INTO wallet.account (account_id, kind, status, real_name_state, name, opened_at)
    VALUES (:id, 'bank', 'active', 'unverified', :name, clock_timestamp()) ON CONFLICT (account_id) DO NOTHING
""")
ENDED_WITH_IT = ("sessions", "refresh_tokens", "api_keys", "mandates", "cards")
"""Whatever could still act on the account, or be charged to it."""


async def _receiver(
    connection: AsyncConnection, destination: dict[str, Any], locked: dict[str, accounts.LockedAccount]
) -> tuple[str, str, dict[str, str] | None]:
    """(id, kind, what a recall of it would name) of a destination. Refusals: destination_refused."""
    if destination["kind"] == "wallet":
        found = locked.get(destination["account_id"])
        if found is None or found.status == "closed":
            raise refusal("destination_refused")
        return found.account_id, found.kind, None
    named = f"{destination['bic']}/{destination['account']}"
    exit_id = f"exit-bank-{hashlib.sha256(named.encode()).hexdigest()[:16]}"
    await connection.execute(_EXIT, {"id": exit_id, "name": f"payout {destination['bic']}"})
    return exit_id, "bank", await postings.bank_details(connection, exit_id, await entries.clock(connection))


async def close(
    connection: AsyncConnection,
    account_id: str,
    destination: dict[str, Any],
    balances: dict[str, int],
    restriction_ids: list[str],
    *,
    reason: str,
) -> Effect:
    """Pay out all of it and close. Refusals: account_unknown, account_closed, account_held, account_restricted,
    transfer_pending, balance_changed, destination_refused.
    """
    also = [destination["account_id"]] if destination["kind"] == "wallet" else []
    if account_id in also:
        raise refusal("destination_refused")
    locked = await accounts.lock(connection, [account_id, *also])
    mine = locked.get(account_id)
    if mine is None:
        raise refusal("account_unknown")
    if mine.status == "closed":
        raise refusal("account_closed")
    if (await connection.execute(_HELD, {"id": account_id})).first() is not None:
        raise refusal("account_held")
    if (await connection.execute(_PENDING, {"id": account_id})).first() is not None:
        raise refusal("transfer_pending")
    there = {row.currency: int(row.amount) for row in await connection.execute(_BALANCES, {"id": account_id})}
    if there != {currency: amount for currency, amount in balances.items() if amount}:
        raise refusal("balance_changed")
    to, kind, bank = await _receiver(connection, destination, locked)
    ended = await restrictions.release(connection, account_id, restriction_ids, reason)
    if ended.result["still_standing"]:
        raise refusal("account_restricted")
    moment = ended.effective_at
    for item in ENDED_WITH_IT:
        standing = [row.entry_id for row in await entries.current(connection, account_id, item)]
        await entries.end(connection, account_id, item, standing, moment, by="closed")
    await connection.execute(_CLOSE, {"id": account_id})
    wanted = [
        Posting(account_id, to, mine.kind, kind, amount, currency, bank=bank)
        for currency, amount in there.items()
    ]
    posted = await postings.post(connection, wanted) if wanted else []
    paid = [
        {
            "currency": posting.currency,
            "amount": posting.amount,
            "transfer_id": each.transfer_id,
            "seq": each.seq,
        }
        for posting, each in zip(wanted, posted, strict=True)
    ]
    await connection.execute(insert(payout).values(account_id=account_id, dst=to, dst_kind=kind))
    first = posted[0].seq - 1 if posted else ended.effective_seq
    return Effect(account_id, first, moment, {"paid": paid, "ended": ended.result["ended"]})
