"""The contract's writes on money: holds, and stopping a pending exit."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request, Response

from sandbox.contract.bodies import CancelTransfer, PlaceHold, ReleaseHold, RenewHold, ReturnHold, ShrinkHold
from sandbox.contract.writing import IdempotencyKey, write
from sandbox.state import bearer
from sandbox.wallet import cancelling, holding
from sandbox.wallet.holding import AskedHold

router = APIRouter(dependencies=[Depends(bearer("wallet_key"))])


@router.post("/v1/accounts/{account_id}/holds")
async def place_hold(request: Request, account_id: str, key: IdempotencyKey, body: PlaceHold) -> Response:
    """Keep up to an amount in place."""
    asked = AskedHold(**body.model_dump())
    return await write(
        request, key, body, "place_hold", lambda connection: holding.place(connection, account_id, asked)
    )


@router.post("/v1/holds/{hold_id:path}/shrink")
async def shrink_hold(request: Request, hold_id: str, key: IdempotencyKey, body: ShrinkHold) -> Response:
    """Leave only an amount held."""
    return await write(
        request, key, body, "shrink_hold", lambda connection: holding.shrink(connection, hold_id, body.amount)
    )


@router.post("/v1/holds/{hold_id:path}/renew")
async def renew_hold(request: Request, hold_id: str, key: IdempotencyKey, body: RenewHold) -> Response:
    """Give the hold a new end."""
    return await write(
        request,
        key,
        body,
        "renew_hold",
        lambda connection: holding.renew(connection, hold_id, body.expires_at),
    )


@router.post("/v1/holds/{hold_id:path}/release")
async def release_hold(request: Request, hold_id: str, key: IdempotencyKey, body: ReleaseHold) -> Response:
    """End the hold."""
    return await write(
        request, key, body, "release_hold", lambda connection: holding.release(connection, hold_id)
    )


@router.post("/v1/holds/{hold_id:path}/return")
async def return_hold(request: Request, hold_id: str, key: IdempotencyKey, body: ReturnHold) -> Response:
    """Pay held money to another account."""
    return await write(
        request,
        key,
        body,
        "return_hold",
        lambda connection: holding.give_back(connection, hold_id, body.to_account_id, body.amount),
    )


@router.post("/v1/transfers/{transfer_id}/cancel")
async def cancel_transfer(
    request: Request, transfer_id: str, key: IdempotencyKey, body: CancelTransfer
) -> Response:
    """Stop a pending payout or authorisation."""
    return await write(
        request, key, body, "cancel_transfer", lambda connection: cancelling.cancel(connection, transfer_id)
    )
