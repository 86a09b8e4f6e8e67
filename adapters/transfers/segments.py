"""Gives an account's payments their units anew, after what they may spend has changed: a hold, a release, or opening
money that turned out to be missing. Only the account's own rows change; what its payees received keeps its numbers.
"""

from __future__ import annotations

import asyncpg

from adapters.transfers.accounts import load_accounts, load_holds, save_accounts
from adapters.transfers.reversals import given_back
from tracing.intervals import Interval, intersect, union
from tracing.positions import AccountQueue
from tracing.posting import AccountKey

_PAYMENTS = (
    "SELECT seq, array_agg(out_pos ORDER BY part) AS starts, array_agg(amount ORDER BY part) AS amounts,"
    " min(in_pos) AS in_pos, min(hold_id) AS hold_id, min(reverses) AS reverses"
    " FROM transfer_index WHERE src = $1 AND currency = $2 AND out_pos IS NOT NULL AND seq > $3 GROUP BY seq"
)
_DEPOSITS = (
    "SELECT seq, sum(amount)::bigint AS amount FROM transfer_index"
    " WHERE dst = $1 AND currency = $2 AND in_pos IS NOT NULL AND seq > $3 GROUP BY seq"
)
_COPY_PART = (
    "INSERT INTO transfer_index (seq, part, transfer_id, src, dst, src_kind, dst_kind, currency, amount, out_pos,"
    " in_pos, posted_at, status, device_id, session_id, reverses, hold_id, bank,"
    " src_balance_after, dst_balance_before, undone, linked_at)"
    " SELECT seq, $2, transfer_id, src, dst, src_kind, dst_kind, currency, $3, $4, $5, posted_at, status, device_id,"
    " session_id, reverses, hold_id, bank, src_balance_after, dst_balance_before, undone, linked_at"
    " FROM transfer_index WHERE seq = $1 AND part = 0"
)
_SET_FIRST_PART = "UPDATE transfer_index SET amount = $2, out_pos = $3 WHERE seq = $1 AND part = 0"


async def segment_again(connection: asyncpg.Connection, key: AccountKey, *, after: int) -> bool:
    """Replay the account's postings from `after` + 1 on with the holds, and the opening money, as stored now.

    With `after` = 0 everything the account spent is undone first, so the stored gaps do not matter. Returns whether
    any payment got other units than it had. The caller holds the index alone.
    """
    account_id, currency = key
    account = (await load_accounts(connection, [account_id])).get(key)
    if account is None:
        return False
    payments = {row["seq"]: row for row in await connection.fetch(_PAYMENTS, account_id, currency, after)}
    deposits = {
        row["seq"]: row["amount"] for row in await connection.fetch(_DEPOSITS, account_id, currency, after)
    }
    if not payments:
        return False  # what is free changes only for payments to come, and those read the holds
    spent_later = [
        (start, start + amount)
        for row in payments.values()
        for start, amount in zip(row["starts"], row["amounts"], strict=True)
    ]
    queue = AccountQueue(start=account.queue.start)
    queue.end = account.queue.end - sum(deposits.values())
    unspent = union(account.queue.unspent, spent_later) if after else [(queue.start, queue.end)]
    queue.leave(intersect(unspent, [(queue.start, queue.end)]))
    undone = await given_back(
        connection,
        key,
        ((seq, row["reverses"]) for seq, row in payments.items() if row["reverses"] is not None),
    )
    events = await load_holds(connection, {key: queue}, [account_id], after)
    pending = [event for event in events if event.account == key]
    changed = False
    for seq in sorted(payments.keys() | deposits.keys()):
        while pending and pending[0].after_seq < seq:
            pending.pop(0).apply(queue)
        if seq in deposits:
            queue.deposit(deposits[seq])
            continue
        row = payments[seq]
        had = list(zip(row["starts"], row["amounts"], strict=True))
        spent = queue.spend(sum(row["amounts"]), row["hold_id"], undone.get(seq, ()))
        if [(lo, hi - lo) for lo, hi in spent] != had:
            await rewrite(connection, seq, row["in_pos"], spent)
            changed = True
    await save_accounts(connection, [(key, account.kind, account.opening, queue)])
    return changed


async def rewrite(connection: asyncpg.Connection, seq: int, in_pos: int, spent: list[Interval]) -> None:
    """Give a payment other units of its payer's; what its payee received keeps its numbers."""
    await connection.execute("DELETE FROM transfer_index WHERE seq = $1 AND part > 0", seq)
    (lo, hi), *rest = spent
    await connection.execute(_SET_FIRST_PART, seq, hi - lo, lo)
    in_pos += hi - lo
    for number, (rest_lo, rest_hi) in enumerate(rest, start=1):
        await connection.execute(_COPY_PART, seq, number, rest_hi - rest_lo, rest_lo, in_pos)
        in_pos += rest_hi - rest_lo
