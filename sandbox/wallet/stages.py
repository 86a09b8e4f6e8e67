"""Stage limits: at most one stage stands per account."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from sandbox.tables import stage_limit
from sandbox.wallet import accounts, postings
from sandbox.wallet.receipts import Effect

_STANDING = text("SELECT stage_id FROM wallet.stage_limit WHERE account_id = :id")
_LIFT = text("DELETE FROM wallet.stage_limit WHERE account_id = :id AND stage_id = :stage_id")


async def place(
    connection: AsyncConnection, account_id: str, stage_id: str, limits: dict[str, Any]
) -> Effect:
    """Replace whatever stage stands. Refusals: account_unknown, account_closed."""
    await accounts.lock_one(connection, account_id)
    seq, moment = await postings.head(connection)
    former = (await connection.execute(_STANDING, {"id": account_id})).scalar()
    values = {"stage_id": stage_id, "limits": limits}
    await connection.execute(
        insert(stage_limit)
        .values(account_id=account_id, **values)
        .on_conflict_do_update(index_elements=["account_id"], set_=values)
    )
    return Effect(account_id, seq, moment, {"stage_id": stage_id, "replaced": former})


async def lift(connection: AsyncConnection, account_id: str, stage_id: str) -> Effect:
    """Lift this stage; a newer one stays. Refusals: account_unknown."""
    await accounts.lock_one(connection, account_id, open_only=False)
    seq, moment = await postings.head(connection)
    lifted = (await connection.execute(_LIFT, {"id": account_id, "stage_id": stage_id})).rowcount == 1
    standing = (await connection.execute(_STANDING, {"id": account_id})).scalar()
    return Effect(account_id, seq, moment, {"stage_id": stage_id, "lifted": lifted, "standing": standing})
