"""The message gateway: messages and their receipts."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request

from sandbox.contract.bodies import SendMessage
from sandbox.state import bearer, running
from sandbox.wallet import outbox

router = APIRouter(dependencies=[Depends(bearer("message_key"))])


@router.post("/gateway/messages", status_code=202)
async def send_message(request: Request, body: SendMessage) -> dict[str, str]:
    """Deliver one message, once per id."""
    here = running(request)
    async with here.database.engine.begin() as connection:
        await outbox.deliver(
            connection,
            body.id,
            channel=body.channel,
            recipient=body.to,
            subject=body.subject,
            body=body.body,
            html=body.html,
            fate=here.fates.taken_by(body.channel, body.to),
        )
    return {"id": body.id}


@router.get("/gateway/receipts")
async def read_receipt(
    request: Request,
    id: Annotated[str, Query(min_length=1, max_length=200)],  # noqa: A002 - the contract's name
) -> dict[str, str]:
    """What became of a message. Refusals: message_unknown."""
    async with running(request).database.engine.connect() as connection:
        return {"id": id, "state": await outbox.state(connection, id)}
