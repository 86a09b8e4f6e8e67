"""Payments out of holds of ours in the index: money that a decision gave to its owner, and nobody follows any further.

The feed says that a payment carries money of a hold; whose hold it is, the index knows from having been told of it. Other
placers' holds are theirs.
"""

from __future__ import annotations

from collections.abc import Sequence

import asyncpg

from models.contracts.transfers import PostedTransfer
from tracing.posting import AccountKey

_HOLDS = (
    "SELECT hold_id, account_id, currency, min(effective_seq) AS since FROM transfer_hold"
    " WHERE hold_id = ANY($1::text[]) GROUP BY hold_id, account_id, currency"
)
_MARK = (
    "UPDATE transfer_index SET dst_kind = 'awarded', undone = false WHERE src = $1 AND currency = $2 AND seq > $3"
    " AND hold_id = $4 AND dst_kind = 'wallet'"
)


async def awarded_among(connection: asyncpg.Connection, transfers: Sequence[PostedTransfer]) -> set[int]:
    """Postings that carry money of a hold of ours on their payer, begun before them. The caller holds the index alone."""
    naming = [transfer for transfer in transfers if transfer.hold_id is not None]
    if not naming:
        return set()
    records = await connection.fetch(_HOLDS, list({transfer.hold_id for transfer in naming}))
    since = {(hold_id, account_id, currency): seq for hold_id, account_id, currency, seq in records}
    return {
        transfer.seq
        for transfer in naming
        if since.get((str(transfer.hold_id), transfer.src, transfer.currency), transfer.seq) < transfer.seq
    }


async def mark_awarded(
    connection: asyncpg.Connection, key: AccountKey, hold_id: str, effective_seq: int
) -> bool:
    """The same for postings that are in the index before it is told of the hold; whether there were any."""
    marked: str = await connection.execute(_MARK, *key, effective_seq, hold_id)
    return marked != "UPDATE 0"
