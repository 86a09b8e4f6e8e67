"""Where recalls arrive: one address for all institutions of this world."""

from __future__ import annotations

import hashlib
from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse
from sqlalchemy import insert, text
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from sandbox.bank import messages
from sandbox.bank.plans import OTHERWISE, SEEDED, Plan, actions
from sandbox.problems import Refusal
from sandbox.state import bearer, running
from sandbox.tables import bank_case, bank_message

router = APIRouter(dependencies=[Depends(bearer("bank_key"))])

_TRANSFER = text("""
    SELECT * FROM wallet.transfer WHERE dst_kind NOT IN ('wallet', 'pooling', 'fee') AND (
        transfer_id = :transfer_id OR bank ->> 'uetr' = :uetr OR bank ->> 'end_to_end_id' = :end_to_end_id)
    ORDER BY (transfer_id = :transfer_id) DESC NULLS LAST LIMIT 1
""")
_SAME = text("SELECT digest FROM wallet.bank_message WHERE message_id = :id")
_PLAN = text(
    "SELECT plan FROM wallet.bank_plan WHERE exit_account IN (:exit_account, '*') ORDER BY exit_account DESC LIMIT 1"
)
_REMIND = text("""
    UPDATE wallet.bank_case SET actions = actions - 0, next_at = clock_timestamp()
    WHERE case_id = :case_id AND actions -> 0 ->> 'do' = 'wait_for_reminder'
""")
_WITHDRAW = text("UPDATE wallet.bank_case SET actions = '[]', withdrawn = true WHERE case_id = :case_id")


@router.post("/bank/recalls", status_code=202)
async def receive(request: Request) -> JSONResponse:
    """Take a recall, a reminder or a withdrawal; the same message again changes nothing.

    Refusals: invalid, payment_unknown, message_conflict (the id was used for another message), case_unknown.
    """
    content = await request.body()
    asked = messages.read(content, request.headers.get("content-type", ""))
    digest = hashlib.sha256(content).hexdigest()
    async with running(request).database.engine.begin() as connection:
        before = (await connection.execute(_SAME, {"id": asked.message_id})).scalar()
        if before is not None:
            if before != digest:
                raise Refusal(
                    409, "message_conflict", "This id was used for another message. Nothing was done."
                )
            return JSONResponse({"case_id": asked.case_id, "repeated": True}, 202)
        form = "xml" if request.headers.get("content-type", "").endswith("/xml") else "json"
        if asked.kind == "recall":
            await _open(connection, asked, form)
        elif asked.kind == "chase":
            await connection.execute(_REMIND, {"case_id": asked.case_id})
        else:
            await connection.execute(_WITHDRAW, {"case_id": asked.case_id})
        await connection.execute(
            insert(bank_message).values(
                message_id=asked.message_id,
                case_id=asked.case_id,
                kind=asked.kind,
                form=form,
                digest=digest,
                content=content.decode(),
            )
        )
    return JSONResponse({"case_id": asked.case_id, "repeated": False}, 202)


async def _open(connection: AsyncConnection, asked: messages.Asked, form: str) -> None:
    names = {
        "transfer_id": asked.transfer_id,
        "uetr": asked.uetr,
        "end_to_end_id": None if asked.end_to_end_id == "NOTPROVIDED" else asked.end_to_end_id,
    }
    found = (await connection.execute(_TRANSFER, names)).first()
    if found is None or (found.amount, found.currency) != (asked.whole, asked.currency):
        raise Refusal(422, "payment_unknown", "We have no such payment of this amount. Nothing was done.")
    plan = await _plan(connection, found.dst, found.dst_kind)
    bank: dict[str, Any] = found.bank or {}
    await connection.execute(
        upsert(bank_case)
        .values(
            case_id=asked.case_id,
            form=form,
            exit_account=found.dst,
            transfer_id=found.transfer_id,
            currency=asked.currency,
            asked=asked.amount,
            end_to_end_id=bank.get("end_to_end_id"),
            uetr=bank.get("uetr"),
            seconds=plan.seconds,
            actions=actions(plan, asked.amount),
            next_at=text(f"clock_timestamp() + interval '{plan.seconds} seconds'"),
            answers=0,
            withdrawn=False,
        )
        .on_conflict_do_nothing()
    )


async def _plan(connection: AsyncConnection, exit_account: str, kind: str) -> Plan:
    told = (await connection.execute(_PLAN, {"exit_account": exit_account})).scalar()
    return Plan.model_validate(told) if told is not None else SEEDED.get(kind, OTHERWISE)
