"""Does what institutions have planned: answers, pays back, writes nonsense; and posts what it wrote until it is taken."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import asyncpg
import httpx2
from sqlalchemy import Row, insert, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from sandbox.bank.messages import Case, answer
from sandbox.tables import bank_answer
from sandbox.wallet import accounts, entries, postings

LOOK_SECONDS = 0.1
ANSWER_SECONDS = 5.0

_DUE = text("""
    SELECT * FROM wallet.bank_case WHERE actions <> '[]' AND actions -> 0 ->> 'do' <> 'wait_for_reminder'
      AND next_at <= clock_timestamp() ORDER BY next_at LIMIT 1 FOR UPDATE SKIP LOCKED
""")
_DONE = text("""
    UPDATE wallet.bank_case SET actions = actions - 0, answers = answers + :answers,
        next_at = clock_timestamp() + make_interval(secs => seconds) WHERE case_id = :case_id
""")
_TRANSFER = text("SELECT * FROM wallet.transfer WHERE transfer_id = :id")
_REVERSED = text("SELECT 1 FROM wallet.transfer WHERE reverses = :id")
_LAST = text("SELECT body FROM wallet.bank_answer WHERE case_id = :id ORDER BY number DESC LIMIT 1")
_OPEN = text("""
    SELECT * FROM wallet.bank_answer WHERE delivered_at IS NULL AND next_at <= clock_timestamp() ORDER BY number LIMIT 20
""")
_TRIED = text("""
    UPDATE wallet.bank_answer SET tries = tries + 1, status = CAST(:status AS bigint), answer = :answer,
        delivered_at = CASE WHEN :final THEN clock_timestamp() END,
        next_at = clock_timestamp() + least(interval '2 seconds', interval '200 milliseconds' * power(2, least(tries, 6)))
    WHERE number = :number
""")


class Banker:
    """Every institution of this world. Without a gateway it keeps its answers until there is one."""

    def __init__(self, engine: AsyncEngine, gateway_url: str | None, recall_key: str | None) -> None:
        self._engine = engine
        self._gateway_url = gateway_url
        self._recall_key = recall_key
        self._client = httpx2.AsyncClient(timeout=ANSWER_SECONDS, trust_env=False)

    def report_to(self, gateway_url: str | None, recall_key: str | None) -> None:
        """Where answers go from now on."""
        self._gateway_url, self._recall_key = gateway_url, recall_key

    async def close(self) -> None:
        """Close connections."""
        await self._client.aclose()

    async def run(self) -> None:
        """Work until cancelled; a failing database is tried again."""
        while True:
            try:
                while await self._act():
                    pass
                await self._deliver()
            except (SQLAlchemyError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                logging.getLogger(__name__).warning("the bank could not work: %s", type(error).__name__)
            await asyncio.sleep(LOOK_SECONDS)

    async def _act(self) -> bool:
        """One thing that is due, in one transaction; whether there was one."""
        async with self._engine.begin() as connection:
            case = (await connection.execute(_DUE)).first()
            if case is None:
                return False
            action = case.actions[0]
            answers = 0
            if action["do"] == "pay":
                await _pay(connection, case, action["amount"])
            else:
                answers = 1
                await _write(connection, case, action)
            await connection.execute(_DONE, {"case_id": case.case_id, "answers": answers})
        return True

    async def _deliver(self) -> None:
        if self._gateway_url is None or self._recall_key is None:
            return
        async with self._engine.connect() as connection:
            waiting = (await connection.execute(_OPEN)).all()
        for row in waiting:
            await self._post(row)

    async def _post(self, row: Row[Any]) -> None:
        status: int | None = None
        said = ""
        try:
            response = await self._client.post(
                f"{self._gateway_url}/v1/recalls/answers",
                content=row.body.encode(),
                headers={
                    "Authorization": f"Bearer {self._recall_key}",
                    "Content-Type": "application/xml" if row.form == "xml" else "application/json",
                },
            )
            status, said = response.status_code, response.text[:4000]
        except httpx2.HTTPError as error:
            said = type(error).__name__
        final = status is not None and status < 500 and status not in (401, 403, 408, 425, 429)
        async with self._engine.begin() as connection:
            values = {"number": row.number, "status": status, "answer": said, "final": final}
            await connection.execute(_TRIED, values)


async def _write(connection: AsyncConnection, case: Row[Any], action: dict[str, Any]) -> None:
    moment = await entries.clock(connection)
    if action["do"] == "nonsense":
        body = "<Document>we do not know what you mean" if case.form == "xml" else '{"type": "answer", '
    elif action["do"] == "again":
        body = (await connection.execute(_LAST, {"id": case.case_id})).scalar_one()
    else:
        named = Case(case.case_id, case.form, case.currency, case.end_to_end_id, case.uetr)
        body = answer(named, action, f"ANS-{case.case_id[:20]}-{case.answers}", moment)
    await connection.execute(
        insert(bank_answer).values(case_id=case.case_id, form=case.form, body=body, tries=0, next_at=moment)
    )


async def _pay(connection: AsyncConnection, case: Row[Any], amount: int) -> None:
    """Send money back to where it came from, as a transfer that undoes the payout; never more than once for one."""
    found = (await connection.execute(_TRANSFER, {"id": case.transfer_id})).one()
    locked = await accounts.lock(connection, [found.src])
    if found.src not in locked or (await connection.execute(_REVERSED, {"id": case.transfer_id})).first():
        return
    await postings.post(
        connection,
        [
            postings.Posting(
                src=found.dst,
                dst=found.src,
                src_kind=found.dst_kind,
                dst_kind=found.src_kind,
                amount=min(amount, found.amount),
                currency=found.currency,
                reverses=found.transfer_id,
            )
        ],
    )
