"""What an account may not do, and why: restrictions, stage limits, its own limits."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from sandbox.problems import Refusal

WITHDRAWAL_KINDS = ("bank", "card", "cash", "crypto")

_SCOPES = text("""
    SELECT DISTINCT scope FROM wallet.restriction WHERE account_id = :id AND ended_at IS NULL
      AND (expires_at IS NULL OR expires_at > clock_timestamp())
""")
_STAGE = text("SELECT limits FROM wallet.stage_limit WHERE account_id = :id")
_SPENT = text("""
    SELECT COALESCE(sum(t.amount), 0)::text FROM wallet.transfer t
    WHERE t.src = :id AND t.currency = :currency AND t.posted_at > clock_timestamp() - interval '24 hours'
      AND t.dst <> t.src AND t.hold_id IS NULL
      AND NOT EXISTS (SELECT 1 FROM wallet.transfer r WHERE r.reverses = t.transfer_id)
""")
_OWN_LIMIT = text("""
    SELECT value FROM wallet.security_entry WHERE account_id = :id AND item = 'limits' AND ended_at IS NULL
      AND kind = 'outgoing_per_day:' || :currency
""")


async def scopes(connection: AsyncConnection, account_id: str) -> set[str]:
    """The scopes of the restrictions that stand."""
    return set((await connection.execute(_SCOPES, {"id": account_id})).scalars())


async def check_login(connection: AsyncConnection, account_id: str) -> None:
    """Refusals: account_restricted, when a full restriction stands."""
    if "full" in await scopes(connection, account_id):
        raise Refusal(
            403,
            "account_restricted",
            "This account is restricted; nobody can log in. Its owner was told how.",
        )


async def check_change(connection: AsyncConnection, account_id: str) -> None:
    """Refusals: account_restricted, when any restriction stands: no security item changes then."""
    if await scopes(connection, account_id):
        raise Refusal(403, "account_restricted", "This account is restricted; nothing of it can be changed.")


async def check_new_payee(connection: AsyncConnection, account_id: str) -> None:
    """Refusals: account_restricted, stage_limit."""
    await check_change(connection, account_id)
    stage = (await connection.execute(_STAGE, {"id": account_id})).scalar()
    if stage and not stage["new_payees_allowed"]:
        raise Refusal(403, "stage_limit", "No new payees yet: this account is being given back in stages.")


async def check_outgoing(
    connection: AsyncConnection, account_id: str, *, dst_kind: str, currency: str, amount: int
) -> None:
    """Whether this much may leave now, funds aside. Refusals: account_restricted, stage_limit, limit_exceeded."""
    if await scopes(connection, account_id):
        raise Refusal(403, "account_restricted", "This account is restricted; no money leaves it.")
    stage = (await connection.execute(_STAGE, {"id": account_id})).scalar()
    own = (await connection.execute(_OWN_LIMIT, {"id": account_id, "currency": currency})).scalar()
    spent = int((await connection.execute(_SPENT, {"id": account_id, "currency": currency})).scalar_one())
    if stage:
        staged = stage["outgoing_per_day"].get(currency)
        if (
            stage["outgoing_total_blocked"]
            or (dst_kind in WITHDRAWAL_KINDS and not stage["withdrawals_allowed"])
            or (staged is not None and spent + amount > staged)
        ):
            raise Refusal(403, "stage_limit", "Not yet: this account is being given back in stages.")
    if own is not None and spent + amount > int(own):
        raise Refusal(403, "limit_exceeded", "This is more than the account's limit for one day.")
