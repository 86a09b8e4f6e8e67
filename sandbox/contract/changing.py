"""The contract's writes on accounts: releases, resets, owner links, stage limits, closing."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from sandbox.contract.bodies import (
    CloseAccount,
    CreateOwnerLink,
    Item,
    ReleaseRestrictions,
    ResetItem,
    SetStageLimits,
    VerifyFactor,
)
from sandbox.contract.writing import KEY_PATTERN, IdempotencyKey, write
from sandbox.state import bearer
from sandbox.wallet import closing, one_time, owner_links, resets, restrictions, stages

router = APIRouter(dependencies=[Depends(bearer("wallet_key"))])


@router.post("/v1/accounts/{account_id}/restrictions/release")
async def release_restrictions(
    request: Request, account_id: str, key: IdempotencyKey, body: ReleaseRestrictions
) -> Response:
    """End the named restrictions."""
    return await write(
        request,
        key,
        body,
        "release_restrictions",
        lambda connection: restrictions.release(connection, account_id, body.restriction_ids, body.reason),
    )


@router.post("/v1/accounts/{account_id}/security/{item}/reset")
async def reset_item(
    request: Request, account_id: str, item: Item, key: IdempotencyKey, body: ResetItem
) -> Response:
    """Bring one security item back to what it was."""
    return await write(
        request,
        key,
        body,
        "reset_item",
        lambda connection: resets.reset(connection, account_id, item, body.set_since),
    )


@router.post("/v1/accounts/{account_id}/factors/{factor_id}/verify")
async def verify_factor(
    request: Request, account_id: str, factor_id: str, key: IdempotencyKey, body: VerifyFactor
) -> Response:
    """Check a code and use it up."""
    return await write(
        request,
        key,
        body,
        "verify_factor",
        lambda connection: one_time.verify(connection, account_id, factor_id, body.kind, body.code),
        forget=frozenset({"code"}),
    )


@router.post("/v1/accounts/{account_id}/owner-links")
async def create_owner_link(
    request: Request, account_id: str, key: IdempotencyKey, body: CreateOwnerLink
) -> Response:
    """Send the owner a link of one use."""
    return await write(
        request,
        key,
        body,
        "create_owner_link",
        lambda connection: owner_links.create(
            connection,
            account_id,
            body.contact_point_id,
            body.expires_at,
            purpose=body.purpose,
            reference=body.reference,
            confirmation=body.confirmation_code,
        ),
        forget=frozenset({"confirmation_code"}),
    )


@router.put("/v1/accounts/{account_id}/stage-limits")
async def set_stage_limits(
    request: Request, account_id: str, key: IdempotencyKey, body: SetStageLimits
) -> Response:
    """Limit what a returned account can do."""
    return await write(
        request,
        key,
        body,
        "set_stage_limits",
        lambda connection: stages.place(connection, account_id, body.stage_id, body.model_dump()),
    )


@router.delete("/v1/accounts/{account_id}/stage-limits")
async def lift_stage_limits(
    request: Request,
    account_id: str,
    key: IdempotencyKey,
    stage_id: Annotated[str, Query(pattern=KEY_PATTERN, max_length=200)],
) -> Response:
    """Lift the limits of a stage."""
    return await write(
        request,
        key,
        None,
        "lift_stage_limits",
        lambda connection: stages.lift(connection, account_id, stage_id),
    )


@router.post("/v1/accounts/{account_id}/close")
async def close_account(
    request: Request, account_id: str, key: IdempotencyKey, body: CloseAccount
) -> Response:
    """Pay out what the account has and close it for good."""
    return await write(
        request,
        key,
        body,
        "close_account",
        lambda connection: closing.close(
            connection,
            account_id,
            body.destination.model_dump(),
            body.balances,
            body.restriction_ids,
            reason=body.reason,
        ),
    )
