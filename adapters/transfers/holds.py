"""Holds in the index: they take identified units out of an account's queue, and put them back."""

from __future__ import annotations

import asyncpg

from adapters.transfers.awards import mark_awarded
from adapters.transfers.segments import segment_again
from models.errors import ErrorCode, StanchError
from tracing.intervals import Interval, subtract, union
from tracing.posting import AccountKey

_INSERT = (
    "INSERT INTO transfer_hold (hold_id, piece, account_id, currency, lo, hi, effective_seq, released_seq)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
)


async def begin_hold(
    connection: asyncpg.Connection, key: AccountKey, units: Interval, effective_seq: int, hold_id: str
) -> bool:
    """Record a piece of a hold and segment later payments anew; whether any of them got other units.

    Errors: REFUSED_BY_RULE when a standing hold has one of the units.
    """
    account_id, currency = key
    pieces = await connection.fetch(
        "SELECT hold_id, lo, hi, released_seq FROM transfer_hold WHERE account_id = $1 AND currency = $2",
        account_id,
        currency,
    )
    own = [(piece["lo"], piece["hi"]) for piece in pieces if piece["hold_id"] == hold_id]
    wanted = subtract([units], union(own))
    for piece in pieces:
        stands = piece["released_seq"] is None or piece["released_seq"] > effective_seq
        if (
            stands
            and piece["hold_id"] != hold_id
            and subtract(wanted, [(piece["lo"], piece["hi"])]) != wanted
        ):
            raise StanchError(
                ErrorCode.REFUSED_BY_RULE,
                f"Hold {hold_id} was not applied: hold {piece['hold_id']} already keeps some of units {units[0]} to "
                f"{units[1]}. Nothing changed; a unit belongs to one hold at a time.",
            )
    number = await connection.fetchval("SELECT count(*) FROM transfer_hold WHERE hold_id = $1", hold_id)
    for offset, (lo, hi) in enumerate(wanted):
        values = (hold_id, number + offset, account_id, currency, lo, hi, effective_seq, None)
        await connection.execute(_INSERT, *values)
    if not wanted:
        return False
    awarded = await mark_awarded(connection, key, hold_id, effective_seq)
    return await segment_again(connection, key, after=effective_seq) or awarded


async def end_hold(
    connection: asyncpg.Connection, hold_id: str, effective_seq: int, units: Interval | None
) -> bool:
    """End a hold, or the part of it in `units`, and segment later payments anew; whether any got other units."""
    pieces = await connection.fetch(
        "SELECT piece, account_id, currency, lo, hi, effective_seq FROM transfer_hold"
        " WHERE hold_id = $1 AND released_seq IS NULL ORDER BY piece",
        hold_id,
    )
    number = await connection.fetchval("SELECT count(*) FROM transfer_hold WHERE hold_id = $1", hold_id)
    earliest: dict[AccountKey, int] = {}
    for piece in pieces:
        whole = (piece["lo"], piece["hi"])
        kept = subtract([whole], [units]) if units is not None else []
        released = subtract([whole], kept)
        if not released:
            continue
        key = (piece["account_id"], piece["currency"])
        ends = max(effective_seq, piece["effective_seq"])
        earliest[key] = min(ends, earliest.get(key, ends))
        await connection.execute(
            "UPDATE transfer_hold SET lo = $3, hi = $4, released_seq = $5 WHERE hold_id = $1 AND piece = $2",
            hold_id,
            piece["piece"],
            *released[0],
            ends,
        )
        for lo, hi in kept:
            values = (hold_id, number, *key, lo, hi, piece["effective_seq"], None)
            await connection.execute(_INSERT, *values)
            number += 1
    changed = [await segment_again(connection, key, after=after) for key, after in earliest.items()]
    return any(changed)
