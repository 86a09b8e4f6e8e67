"""Money that an institution sends back as an ordinary payment: known by its reference, it gives back the very units."""

from __future__ import annotations

import asyncpg

from adapters.transfers.reversals import given_back
from adapters.transfers.segments import rewrite
from tracing.intervals import Interval, subtract, total, union

_FOUND = """
SELECT t.seq, min(o.transfer_id) AS original
FROM recall AS r
JOIN transfer_index AS o ON o.transfer_id = r.transfer_id AND o.part = 0
JOIN transfer_index AS t ON t.part = 0 AND (t.src || '') = o.dst AND t.dst = o.src AND t.currency = o.currency
     AND t.seq > o.seq AND t.reverses IS NULL AND t.bank IS NOT NULL AND t.in_pos IS NOT NULL AND (
         (r.uetr IS NOT NULL AND t.bank ->> 'uetr' = r.uetr)
         OR (r.end_to_end_id <> 'NOTPROVIDED' AND t.bank ->> 'end_to_end_id' = r.end_to_end_id))
WHERE coalesce(r.ending, '') <> 'cancelled'
GROUP BY t.seq HAVING count(DISTINCT o.transfer_id) = 1 ORDER BY t.seq
"""
"""From the institution that was asked, to the payer, with the payment's own reference; one payment's only. `|| ''`: by the
reference first, a bank has paid in more than any plan should walk through."""

_PARTS = "SELECT out_pos, out_pos + amount AS ends, in_pos FROM transfer_index WHERE seq = $1 ORDER BY part"
_TAKEN = (
    "SELECT out_pos, out_pos + amount FROM transfer_index WHERE src = $1 AND currency = $2 AND reverses = $3"
    " AND out_pos IS NOT NULL"
)
_OF = "SELECT src, currency FROM transfer_index WHERE seq = $1 AND part = 0 AND reverses IS NULL"
_LINK = "UPDATE transfer_index SET reverses = $2, linked_at = clock_timestamp() WHERE seq = $1"
_UNDONE = "UPDATE transfer_index SET undone = true WHERE transfer_id = $1"


async def linked_among(connection: asyncpg.Connection, first: int, last: int) -> set[int]:
    """Postings of [first, last] that were linked here."""
    records = await connection.fetch(
        "SELECT seq FROM transfer_index WHERE seq BETWEEN $1 AND $2 AND linked_at IS NOT NULL", first, last
    )
    return {record["seq"] for record in records}


async def any_to_link(connection: asyncpg.Connection) -> bool:
    """Whether `link_returns` would find something: asked without keeping anybody from the index."""
    return await connection.fetchrow(_FOUND) is not None


async def link_returns(connection: asyncpg.Connection) -> int:
    """Link what came back for open and closed recalls; how many payments. The caller holds the index alone.

    A linked payment is read as one that reverses the transfer which was recalled: it gives back that transfer's units first,
    as far as no earlier one did. The payer is an exit, so nobody else's units change.
    """
    found = await connection.fetch(_FOUND)
    for seq, original in found:
        await link_return(connection, seq, original)
    return len(found)


async def link_return(connection: asyncpg.Connection, seq: int, original: str) -> bool:
    """Link one payment; False where it says what it undoes, or was linked before. The caller holds the index alone."""
    payer = await connection.fetchrow(_OF, seq)
    if payer is None:
        return False
    parts = await connection.fetch(_PARTS, seq)
    key = (payer["src"], payer["currency"])
    paid_in = (await given_back(connection, key, [(seq, original)])).get(seq, [])
    taken = [(lo, hi) for lo, hi in await connection.fetch(_TAKEN, *key, original)]
    had = [(part["out_pos"], part["ends"]) for part in parts]
    back = _first(subtract(paid_in, union(taken)), total(had))
    # What is more than the transfer had brought is an ordinary payment of the institution's own.
    rest = _first(subtract(had, back), total(had) - total(back))
    await rewrite(connection, seq, parts[0]["in_pos"], [*back, *rest])
    await connection.execute(_LINK, seq, original)
    await connection.execute(_UNDONE, original)
    return True


def _first(units: list[Interval], amount: int) -> list[Interval]:
    chosen: list[Interval] = []
    for lo, hi in units:
        if amount <= 0:
            break
        chosen.append((lo, min(hi, lo + amount)))
        amount -= min(hi - lo, amount)
    return chosen
