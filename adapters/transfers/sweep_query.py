"""What a sweep reads of the index: whole payments of accounts, in posting order, and holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import asyncpg

from tracing.outflows import HoldChange, Outflow
from tracing.result import Limits
from tracing.rules import Rule
from tracing.sweep import Sweep

_OUTFLOW = (
    "t.seq, min(t.transfer_id), min(t.src), min(t.dst), min(t.dst_kind), sum(t.amount)::bigint,"
    " coalesce(min(t.src_balance_after), 0), coalesce(min(t.dst_balance_before), 0), min(t.reverses), min(t.hold_id)"
)
_NAMED = (
    "SELECT {outflow} FROM transfer_index AS t WHERE t.transfer_id = ANY($1::text[]) AND t.currency = $2"
    " AND t.out_pos IS NOT NULL GROUP BY t.seq ORDER BY t.seq"
).replace("{outflow}", _OUTFLOW)
_CARRIED = (
    "SELECT {outflow} FROM trace_carried AS c JOIN transfer_index AS t ON t.seq = c.seq"
    " WHERE c.trail_id = $1 AND c.seq <= $2 GROUP BY t.seq ORDER BY t.seq"
).replace("{outflow}", _OUTFLOW)
# One page of each account; the index on (src, currency, seq) gives it in order, so the limit ends the reading.
_OUTFLOWS = (
    "SELECT o.* FROM unnest($1::text[], $2::bigint[], $3::int[]) AS a (account_id, after_seq, most) CROSS JOIN LATERAL ("
    " SELECT {outflow} FROM transfer_index AS t WHERE t.src = a.account_id AND t.currency = $4"
    " AND t.seq > a.after_seq AND t.seq <= $5 AND t.src_balance_after IS NOT NULL GROUP BY t.seq ORDER BY t.seq"
    " LIMIT a.most) AS o"
).replace("{outflow}", _OUTFLOW)
_GIVEN_BACK = (
    "SELECT {outflow} FROM transfer_index AS t WHERE t.reverses IS NOT NULL AND t.currency = $1 AND t.seq > $2"
    " AND t.seq <= $3 AND t.out_pos IS NOT NULL AND t.src_kind NOT IN ('wallet', 'pooling')"
    " GROUP BY t.seq ORDER BY t.seq"
).replace("{outflow}", _OUTFLOW)
_HOLDS = (
    "SELECT h.account_id, h.hold_id, h.hi - h.lo, h.effective_seq, h.released_seq,"
    " EXISTS (SELECT FROM hold_claim AS c WHERE c.id = h.hold_id AND c.incident_id = $2)"
    " FROM transfer_hold AS h WHERE h.currency = $1 AND h.effective_seq < $3"
)


_CLAIMS = (
    "SELECT account_id, lo, hi, incident_id = $1 AS own FROM hold_claim"
    " WHERE currency = $2 AND state <> 'ended' AND ($3::text[] IS NULL OR account_id = ANY($3::text[]))"
    " ORDER BY account_id, lo"
)


class Claimed(NamedTuple):
    """Units [lo, hi) that an active claim covers; `own`: of this incident."""

    account_id: str
    lo: int
    hi: int
    own: bool


async def claims_on(
    connection: asyncpg.Connection, incident_id: str, currency: str, account_ids: Sequence[str] | None = None
) -> list[Claimed]:
    """Active claims, anybody's, on these accounts or on all."""
    wanted = None if account_ids is None else list(account_ids)
    records = await connection.fetch(_CLAIMS, incident_id, currency, wanted)
    return [Claimed(*record) for record in records]


async def outflows_named(connection: asyncpg.Connection, ids: Sequence[str], currency: str) -> list[Outflow]:
    """These transfers whole, in posting order; those that moved nothing are left out."""
    return [Outflow(*record) for record in await connection.fetch(_NAMED, list(ids), currency)]


async def outflows_carried(connection: asyncpg.Connection, trail_id: str, upto_seq: int) -> list[Outflow]:
    """The transfers whole that a sweep has found to carry stolen money, in posting order."""
    return [Outflow(*record) for record in await connection.fetch(_CARRIED, trail_id, upto_seq)]


async def given_back(
    connection: asyncpg.Connection, currency: str, after_seq: int, upto_seq: int
) -> list[Outflow]:
    """Payments by exits that reverse a transfer, whole, in posting order."""
    return [Outflow(*record) for record in await connection.fetch(_GIVEN_BACK, currency, after_seq, upto_seq)]


async def outflows_after(
    connection: asyncpg.Connection, wanted: Sequence[tuple[str, int, int]], currency: str, upto_seq: int
) -> dict[str, list[Outflow]]:
    """The next payments of each account; `wanted` are (account, the posting after which, how many at most)."""
    accounts, after, most = zip(*wanted, strict=True)
    records = await connection.fetch(_OUTFLOWS, accounts, after, most, currency, upto_seq)
    found: dict[str, list[Outflow]] = {account_id: [] for account_id in accounts}
    for record in records:
        row = Outflow(*record)
        found[row.src].append(row)
    return found


async def hold_changes(
    connection: asyncpg.Connection, *, incident_id: str, currency: str, upto_seq: int
) -> list[HoldChange]:
    """What holds changed before posting `upto_seq`; those of this incident are on the very money that is traced."""
    changes = []
    for account_id, hold_id, amount, since, until, own in await connection.fetch(
        _HOLDS, currency, incident_id, upto_seq
    ):
        if since == until:
            continue
        changes.append(HoldChange(since, account_id, hold_id, amount, own))
        if until is not None and until < upto_seq:
            changes.append(HoldChange(until, account_id, hold_id, -amount, own))
    return sorted(changes)


async def begin_sweep(
    connection: asyncpg.Connection,
    rule: Rule,
    *,
    incident_id: str,
    thefts: Sequence[str],
    victim: str,
    currency: str,
    upto_seq: int,
    limits: Limits,
) -> Sweep:
    """A sweep of these thefts with what it must know from the beginning."""
    stolen = await outflows_named(connection, thefts, currency)
    first = min((row.seq for row in stolen), default=upto_seq)
    return Sweep(
        rule,
        thefts=stolen,
        victim=victim,
        upto_seq=upto_seq,
        limits=limits,
        given_back=await given_back(connection, currency, first, upto_seq),
        holds=await hold_changes(connection, incident_id=incident_id, currency=currency, upto_seq=upto_seq),
    )
