"""Stopping an exit that has not settled: a reversing transfer brings the money back."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from sandbox.problems import refusal
from sandbox.wallet import accounts, postings
from sandbox.wallet.receipts import Effect

_FIND = text("SELECT * FROM wallet.transfer WHERE transfer_id = :id")
_REVERSAL = text("SELECT transfer_id FROM wallet.transfer WHERE reverses = :id")


async def cancel(connection: AsyncConnection, transfer_id: str) -> Effect:
    """Reverse a pending exit. Refusals: transfer_unknown, transfer_settled."""
    found = (await connection.execute(_FIND, {"id": transfer_id})).first()
    if found is None:
        raise refusal("transfer_unknown")
    locked = await accounts.lock(connection, [found.src])
    seq, moment = await postings.head(connection)
    reversal = (await connection.execute(_REVERSAL, {"id": transfer_id})).scalar()
    if reversal is None:
        if found.src not in locked or found.settles_at is None or found.settles_at <= moment:
            raise refusal("transfer_settled")
        posting = postings.Posting(
            src=found.dst,
            dst=found.src,
            src_kind=found.dst_kind,
            dst_kind=found.src_kind,
            amount=found.amount,
            currency=found.currency,
            reverses=transfer_id,
        )
        (posted,) = await postings.post(connection, [posting])
        seq, moment, reversal = posted.seq - 1, posted.posted_at, posted.transfer_id
    return Effect(found.src, seq, moment, {"cancelled": True, "reversal_transfer_id": reversal})
