"""Reading what was posted. PostgreSQL writes the JSON: a page of 10,000 rows never becomes Python objects."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from sandbox.problems import refusal

_ROW = """
    json_build_object(
        'seq', t.seq, 'transfer_id', t.transfer_id, 'src', t.src, 'dst', t.dst, 'src_kind', t.src_kind,
        'dst_kind', t.dst_kind, 'amount', t.amount, 'currency', t.currency, 'posted_at', t.posted_at,
        'status', CASE WHEN t.settles_at > clock_timestamp() AND NOT EXISTS (
            SELECT 1 FROM wallet.transfer r WHERE r.reverses = t.transfer_id) THEN 'pending' ELSE 'settled' END,
        'device_id', t.device_id, 'session_id', t.session_id, 'reverses', t.reverses, 'hold_id', t.hold_id)::text
"""
_WITH_BANK = f"""
    CASE WHEN t.bank IS NULL THEN {_ROW} ELSE rtrim({_ROW}, '}}') || ', "bank": ' || t.bank::text || '}}' END
"""
_PAGE = text(f"""
    SELECT '{{"transfers": [' || COALESCE(string_agg(row, ',' ORDER BY seq), '') || '], "head_seq": '
           || (SELECT seq FROM wallet.posting_head) || ', "head_at": '
           || COALESCE((SELECT to_json(at)::text FROM wallet.posting_head), 'null') || '}}'
    FROM (SELECT t.seq, {_WITH_BANK} AS row FROM wallet.transfer t
          WHERE t.seq > :after_seq ORDER BY t.seq LIMIT :limit) page
""")  # noqa: S608  only constants are put together
_ONE = text(f"SELECT {_WITH_BANK} FROM wallet.transfer t WHERE t.transfer_id = :transfer_id")  # noqa: S608
_OPENINGS = text("""
    SELECT account_id, kind, currency, opening::text AS amount, inferred::text AS inferred FROM wallet.balance
    WHERE NOT opened_later AND (account_id, currency) > (:account_id, :currency)
    ORDER BY account_id, currency LIMIT :limit
""")


async def page(connection: AsyncConnection, after_seq: int, limit: int) -> str:
    """TransferPage of the contract as JSON text; one statement, so head and rows are of one snapshot."""
    return str((await connection.execute(_PAGE, {"after_seq": after_seq, "limit": limit})).scalar_one())


async def one(connection: AsyncConnection, transfer_id: str) -> str:
    """One transfer as JSON text. Refusals: transfer_unknown."""
    found = (await connection.execute(_ONE, {"transfer_id": transfer_id})).scalar()
    if found is None:
        raise refusal("transfer_unknown")
    return str(found)


async def openings(connection: AsyncConnection, after: str | None, limit: int) -> dict[str, object]:
    """OpeningPage of the contract; the cursor is `{currency}:{account_id}`."""
    currency, _, account_id = (after or ":").partition(":")
    rows = (
        await connection.execute(
            _OPENINGS, {"account_id": account_id, "currency": currency, "limit": limit + 1}
        )
    ).all()
    found = [
        {
            "account_id": row.account_id,
            "kind": row.kind,
            "currency": row.currency,
            "amount": int(row.amount),
            "inferred": int(row.inferred),
        }
        for row in rows[:limit]
    ]
    more = len(rows) > limit
    return {
        "openings": found,
        "next": f"{rows[limit - 1].currency}:{rows[limit - 1].account_id}" if more else None,
    }
