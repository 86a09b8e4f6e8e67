"""Loads what accounts held before posting 1."""

from __future__ import annotations

from collections.abc import Sequence

import asyncpg

from models.contracts.transfers import OpeningBalance

_INSERT = (
    "INSERT INTO transfer_account (account_id, currency, kind, opening, inferred, axis_start, total_in, total_out)"
    " SELECT account_id, currency, kind, opening, inferred, 0, 0, 0"
    "   FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bigint[])"
    "     AS t (account_id, currency, kind, opening, inferred)"
    " ON CONFLICT (account_id, currency) DO NOTHING"
)


async def insert_openings(connection: asyncpg.Connection, openings: Sequence[OpeningBalance]) -> None:
    """Insert those that are not there yet: loading can be repeated after it broke off. Exits hold nothing."""
    held = [(opening, 0 if opening.kind.is_exit else 1) for opening in openings]
    await connection.execute(
        _INSERT,
        [opening.account_id for opening in openings],
        [opening.currency for opening in openings],
        [opening.kind.value for opening in openings],
        [opening.amount * holds for opening, holds in held],
        [opening.inferred * holds for opening, holds in held],
    )
