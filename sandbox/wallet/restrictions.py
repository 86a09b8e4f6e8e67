"""Ending restrictions, and which of them stand. Placing is in `sandbox/restricting.py`, the hot path."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from sandbox.problems import refusal
from sandbox.wallet import accounts, postings
from sandbox.wallet.receipts import Effect

_OTHERS = text("SELECT 1 FROM wallet.restriction WHERE restriction_id = ANY(:ids) AND account_id <> :id")
_END = text("""
    INSERT INTO wallet.restriction (restriction_id, account_id, reason, ended_at)
    SELECT id, :id, :reason, :moment FROM unnest(CAST(:ids AS text[])) AS id
    ON CONFLICT (restriction_id) DO UPDATE SET ended_at = COALESCE(restriction.ended_at, EXCLUDED.ended_at)
""")
_STANDING = text("""
    SELECT restriction_id FROM wallet.restriction WHERE account_id = :id AND ended_at IS NULL
      AND (expires_at IS NULL OR expires_at > clock_timestamp()) ORDER BY placed_at
""")
_LIST = text("""
    SELECT restriction_id, account_id, scope, placed_at, expires_at FROM wallet.restriction
    WHERE placer = :placer AND ended_at IS NULL AND (expires_at IS NULL OR expires_at > clock_timestamp())
      AND restriction_id > :after ORDER BY restriction_id LIMIT :limit
""")


async def release(connection: AsyncConnection, account_id: str, ids: list[str], reason: str) -> Effect:
    """End the named ones; one never placed is ended too. Refusals: account_unknown, restriction_conflict."""
    await accounts.lock_one(connection, account_id, open_only=False)
    wanted = list(dict.fromkeys(ids))
    if (await connection.execute(_OTHERS, {"ids": wanted, "id": account_id})).first() is not None:
        raise refusal("restriction_conflict")
    seq, moment = await postings.head(connection)
    values = {"ids": wanted, "id": account_id, "reason": reason, "moment": moment}
    await connection.execute(_END, values)
    standing = list((await connection.execute(_STANDING, {"id": account_id})).scalars())
    return Effect(account_id, seq, moment, {"ended": wanted, "still_standing": standing})


async def page(connection: AsyncConnection, placer: str, after: str, limit: int) -> dict[str, object]:
    """RestrictionPage of the contract."""
    rows = (
        (await connection.execute(_LIST, {"placer": placer, "after": after, "limit": limit + 1}))
        .mappings()
        .all()
    )
    found = [
        {
            **row,
            "placed_at": row["placed_at"].isoformat(),
            "expires_at": row["expires_at"].isoformat() if row["expires_at"] else None,
        }
        for row in rows[:limit]
    ]
    return {"restrictions": found, "next": found[-1]["restriction_id"] if len(rows) > limit else None}
