"""The running totals of accounts: read into queues before a page is posted, written back after it."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import NamedTuple

import asyncpg

from models.contracts.transfers import AccountKind
from tracing.intervals import Interval, total
from tracing.positions import AccountQueue
from tracing.posting import AccountKey


@dataclass(slots=True)
class StoredAccount:
    """An account as the index knows it. `opening` includes what was inferred."""

    kind: AccountKind
    opening: int
    queue: AccountQueue


class HoldEvent(NamedTuple):
    """After posting `after_seq`, units [lo, hi) are taken out of the account's queue, or put back."""

    after_seq: int
    account: AccountKey
    hold_id: str
    lo: int
    hi: int
    starts: bool

    def apply(self, queue: AccountQueue) -> None:
        """Do it."""
        if self.starts:
            queue.hold(self.hold_id, self.lo, self.hi)
        else:
            queue.release(self.hold_id, self.lo, self.hi)


async def load_accounts(
    connection: asyncpg.Connection, account_ids: Collection[str]
) -> dict[AccountKey, StoredAccount]:
    """The accounts that exist among these, in every currency, without their holds."""
    records = await connection.fetch(
        "SELECT account_id, currency, kind, opening, axis_start, total_in, total_out, gaps::text"
        "  FROM transfer_account WHERE account_id = ANY($1::text[])",
        list(account_ids),
    )
    accounts = {}
    for account_id, currency, kind, opening, start, total_in, total_out, gaps in records:
        queue = AccountQueue(opening, start=start)
        queue.end += total_in
        queue.gaps = [(lo, hi) for lo, hi in json.loads(gaps)] if gaps is not None else []
        queue.frontier = start + total_out + total(queue.gaps)
        accounts[(account_id, currency)] = StoredAccount(AccountKind(kind), opening, queue)
    return accounts


async def load_holds(
    connection: asyncpg.Connection,
    accounts: dict[AccountKey, AccountQueue],
    account_ids: Collection[str],
    seq: int,
) -> list[HoldEvent]:
    """Give the queues the holds that stand right after posting `seq`; returns what begins or ends later, in order."""
    records = await connection.fetch(
        "SELECT hold_id, account_id, currency, lo, hi, effective_seq, released_seq FROM transfer_hold"
        " WHERE account_id = ANY($1::text[]) AND (released_seq IS NULL OR released_seq > $2)",
        list(account_ids),
        seq,
    )
    events = []
    for hold_id, account_id, currency, lo, hi, effective_seq, released_seq in records:
        key = (account_id, currency)
        if effective_seq > seq:
            events.append(HoldEvent(effective_seq, key, hold_id, lo, hi, starts=True))
        elif key in accounts:
            accounts[key].hold(hold_id, lo, hi)
        if released_seq is not None:
            events.append(HoldEvent(released_seq, key, hold_id, lo, hi, starts=False))
    return sorted(events, key=lambda event: (event.after_seq, not event.starts))


async def save_accounts(
    connection: asyncpg.Connection, accounts: Iterable[tuple[AccountKey, AccountKind, int, AccountQueue]]
) -> None:
    """Write (account, kind, opening, queue); an account new to the index is inserted."""
    columns: list[list[object]] = [[] for _ in range(8)]
    for (account_id, currency), kind, opening, queue in accounts:
        values = (
            account_id,
            currency,
            kind.value,
            opening,
            queue.start,
            queue.end - queue.start - opening,
            queue.frontier - queue.start - total(queue.gaps),
            _gaps_text(queue.gaps),
        )
        for column, value in zip(columns, values, strict=True):
            column.append(value)
    await connection.execute(
        "INSERT INTO transfer_account AS a"
        " (account_id, currency, kind, opening, inferred, axis_start, total_in, total_out, gaps)"
        " SELECT account_id, currency, kind, opening, 0, axis_start, total_in, total_out, gaps::jsonb"
        "   FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[],"
        "               $8::text[]) AS t (account_id, currency, kind, opening, axis_start, total_in, total_out, gaps)"
        " ON CONFLICT (account_id, currency) DO UPDATE SET kind = excluded.kind, total_in = excluded.total_in,"
        "    total_out = excluded.total_out, gaps = excluded.gaps",
        *columns,
    )


def _gaps_text(gaps: list[Interval]) -> str | None:
    return json.dumps(gaps) if gaps else None
