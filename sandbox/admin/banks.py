"""Controls of the institutions behind the exits: how they behave, where they answer, what they were asked."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from pydantic import Field
from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert

from sandbox.bank.plans import Plan
from sandbox.contract.bodies import Body
from sandbox.state import bearer, running
from sandbox.tables import bank_plan
from sandbox.wallet import accounts, postings

router = APIRouter(prefix="/sandbox", dependencies=[Depends(bearer("admin_key"))])

_CASES = text("""
    SELECT c.*, (SELECT count(*) FROM wallet.bank_message m WHERE m.case_id = c.case_id) AS messages,
           (SELECT array_agg(m.kind ORDER BY m.number) FROM wallet.bank_message m WHERE m.case_id = c.case_id) AS kinds
    FROM wallet.bank_case c WHERE CAST(:case_id AS text) IS NULL OR c.case_id = :case_id ORDER BY c.case_id
""")
_KIND = text("SELECT kind FROM wallet.account WHERE account_id = :exit_account")
_MESSAGES = text("SELECT * FROM wallet.bank_message WHERE case_id = :case_id ORDER BY number")


class SetPlan(Plan):
    """For one exit, or for all (`*`)."""

    exit_account: Annotated[str, Field(min_length=1, max_length=64)] = "*"


class PayIn(Body):
    """Money that an institution pays to an account, without a word of why."""

    exit_account: Annotated[str, Field(min_length=1, max_length=64)]
    account_id: Annotated[str, Field(min_length=1, max_length=64)]
    amount: Annotated[int, Field(ge=1)]
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")] = "CNY"


class AnswerTo(Body):
    """Where answers go; null keeps them here."""

    gateway_url: str | None
    recall_key: str | None


@router.post("/bank/plans", status_code=201)
async def set_plan(request: Request, body: SetPlan) -> dict[str, Any]:
    """How recalls that arrive from now on are treated."""
    plan = body.model_dump(exclude={"exit_account"})
    async with running(request).database.engine.begin() as connection:
        await connection.execute(
            insert(bank_plan)
            .values(exit_account=body.exit_account, plan=plan)
            .on_conflict_do_update(index_elements=["exit_account"], set_={"plan": plan})
        )
    return body.model_dump()


@router.post("/bank/payments", status_code=201)
async def pay_in(request: Request, body: PayIn) -> dict[str, Any]:
    """Post it at once."""
    async with running(request).database.engine.begin() as connection:
        payee = await accounts.lock_one(connection, body.account_id)
        kind = (await connection.execute(_KIND, {"exit_account": body.exit_account})).scalar_one()
        (posted,) = await postings.post(
            connection,
            [
                postings.Posting(
                    src=body.exit_account,
                    dst=body.account_id,
                    src_kind=kind,
                    dst_kind=payee.kind,
                    amount=body.amount,
                    currency=body.currency,
                )
            ],
        )
    return {"transfer_id": posted.transfer_id, "seq": posted.seq}


@router.post("/bank/gateway")
async def answer_to(request: Request, body: AnswerTo) -> dict[str, Any]:
    """Tell the institutions where to answer."""
    running(request).banker.report_to(body.gateway_url, body.recall_key)
    return {"answering": body.gateway_url is not None and body.recall_key is not None}


@router.get("/bank/recalls")
async def list_cases(request: Request, case_id: str | None = None) -> dict[str, Any]:
    """What institutions were asked, and the messages of one case."""
    async with running(request).database.engine.connect() as connection:
        cases = (await connection.execute(_CASES, {"case_id": case_id})).mappings().all()
        sent = []
        if case_id is not None:
            rows = await connection.execute(_MESSAGES, {"case_id": case_id})
            sent = [{"kind": row.kind, "form": row.form, "content": row.content} for row in rows]
    return {
        "recalls": [{**row, "next_at": row["next_at"].isoformat()} for row in cases],
        "messages": sent,
    }
