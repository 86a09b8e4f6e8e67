"""The contract's reads: accounts, transfers, openings, receipts, what stands."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from sandbox.contract.bodies import LARGEST, Moment
from sandbox.problems import Refusal
from sandbox.state import bearer, running
from sandbox.wallet import accounts, feed, holding, payments, receipts, restrictions

router = APIRouter(dependencies=[Depends(bearer("wallet_key"))])
health_router = APIRouter()

CONTACT = r"^[^\x00-\x1f]+$"
Cursor = Annotated[str | None, Query(min_length=1, max_length=300, pattern=r"^[^\x00-\x1f]*$")]
Limit = Annotated[int, Query(ge=1, le=10_000)]
Placer = Annotated[str, Query(pattern=r"^[a-z][a-z0-9_\-]{0,31}$")]
JSON = "application/json"


@health_router.get("/health")
async def health(request: Request) -> dict[str, str]:
    """Whether the wallet can answer."""
    try:
        async with running(request).database.engine.connect() as connection:
            await connection.execute(text("SELECT 1"))
    except (SQLAlchemyError, OSError) as error:
        raise Refusal(503, "unavailable", "The wallet's database does not answer.") from error
    return {"status": "ok"}


@router.get("/v1/accounts")
async def find_accounts(
    request: Request,
    account_id: Annotated[
        str | None, Query(alias="id", min_length=1, max_length=128, pattern=r"^[^/\x00-\x1f]+$")
    ] = None,
    phone: Annotated[str | None, Query(min_length=3, max_length=254, pattern=CONTACT)] = None,
    email: Annotated[str | None, Query(min_length=3, max_length=254, pattern=CONTACT)] = None,
) -> dict[str, object]:
    """Find accounts by exactly one of id, phone or email."""
    given = [
        kind for kind, value in (("id", account_id), ("phone", phone), ("email", email)) if value is not None
    ]
    if len(given) != 1:
        raise Refusal(422, "invalid", "Give exactly one of id, phone or email. Nothing was done.")
    async with running(request).database.engine.connect() as connection:
        found = await accounts.find(connection, account_id=account_id, kind=given[0], contact=phone or email)
    return {"accounts": found}


@router.get("/v1/accounts/{account_id}")
async def read_account(request: Request, account_id: str) -> Response:
    """The account as it is now."""
    async with running(request).database.engine.connect() as connection:
        return Response(await accounts.read_state(connection, account_id), media_type=JSON)


@router.get("/v1/accounts/{account_id}/payments")
async def list_payments(
    request: Request,
    account_id: str,
    since: Annotated[Moment, Query()],
    after: Cursor = None,
    limit: Limit = 1000,
) -> dict[str, object]:
    """Payments in flight, and what became of those allowed since a moment."""
    async with running(request).database.engine.connect() as connection:
        return await payments.in_flight(connection, account_id, since=since, after=after or "", limit=limit)


@router.get("/v1/restrictions")
async def list_restrictions(
    request: Request, placer: Placer, after: Cursor = None, limit: Limit = 1000
) -> dict[str, object]:
    """Restrictions that stand."""
    async with running(request).database.engine.connect() as connection:
        return await restrictions.page(connection, placer, after or "", limit)


@router.get("/v1/holds")
async def list_holds(
    request: Request, placer: Placer, after: Cursor = None, limit: Limit = 1000
) -> dict[str, object]:
    """Holds that stand."""
    async with running(request).database.engine.connect() as connection:
        return await holding.page(connection, placer, after or "", limit)


@router.get("/v1/transfers")
async def list_transfers(
    request: Request, after_seq: Annotated[int, Query(ge=0, le=LARGEST)] = 0, limit: Limit = 1000
) -> Response:
    """Posted transfers above a posting number, in order."""
    async with running(request).database.engine.connect() as connection:
        return Response(await feed.page(connection, after_seq, limit), media_type=JSON)


@router.get("/v1/transfers/{transfer_id}")
async def read_transfer(request: Request, transfer_id: str) -> Response:
    """One transfer as it is now."""
    async with running(request).database.engine.connect() as connection:
        return Response(await feed.one(connection, transfer_id), media_type=JSON)


@router.get("/v1/openings")
async def list_openings(request: Request, after: Cursor = None, limit: Limit = 1000) -> dict[str, object]:
    """Kinds and money before posting 1."""
    async with running(request).database.engine.connect() as connection:
        return await feed.openings(connection, after, limit)


@router.get("/v1/receipts/{key:path}")
async def read_receipt(request: Request, key: str) -> Response:
    """The receipt of an idempotency key."""
    return Response(await receipts.find(running(request).database.engine, key), media_type=JSON)
