"""The message gateway: POST /gateway/messages."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request

from sandbox.contract.bodies import SendMessage
from sandbox.state import bearer, running
from sandbox.wallet import outbox

router = APIRouter(dependencies=[Depends(bearer("message_key"))])


@router.post("/gateway/messages", status_code=202)
async def send_message(request: Request, body: SendMessage) -> dict[str, str]:
    """Deliver one message, once per id."""
    async with running(request).database.engine.begin() as connection:
        await outbox.deliver(
            connection, body.id, channel=body.channel, recipient=body.to, subject=body.subject, body=body.body
        )
    return {"id": body.id}
