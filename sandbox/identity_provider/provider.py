"""Sessions, visits, and callbacks signed as Standard Webhooks 1.0.0 says. It passes, fails, dawdles and lies as it is told to."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import httpx2
from fastapi import APIRouter, Depends, Request
from pydantic import StringConstraints
from sqlalchemy import select, text, update
from sqlalchemy.dialects.postgresql import insert

from sandbox.contract.bodies import Body, CallerId, Moment
from sandbox.problems import Refusal
from sandbox.state import bearer, running
from sandbox.tables import provider_session

router = APIRouter(prefix="/provider")
_CLOCK = text("SELECT clock_timestamp()")

Text = Annotated[
    str, StringConstraints(min_length=1, max_length=500, pattern=r"^[^\x00-\x1f]+$", strict=True)
]


class BeginSession(Body):
    """Who is expected, and where to tell the verdict."""

    reference: CallerId
    expected: Text
    callback_url: Text
    expires_at: Moment


class Visit(Body):
    """What happens at the provider when the claimant comes.

    `dawdles` tells nothing now; a later visit may. `lies` signs with a secret that is not the agreed one.
    """

    verdict: Literal["passed", "failed", "other_person"] = "passed"
    mood: Literal["tells", "dawdles", "lies"] = "tells"


def sign(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """The value of `webhook-signature`."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(secret.encode(), signed, hashlib.sha256).digest()).decode()


@router.post("/sessions", status_code=201, dependencies=[Depends(bearer("provider_key"))])
async def begin(request: Request, body: BeginSession) -> dict[str, str]:
    """A session, once per reference; gives the address to send the claimant to."""
    token = secrets.token_urlsafe(24)
    fresh = insert(provider_session).values(**body.model_dump(), token=token)
    async with running(request).database.engine.begin() as connection:
        await connection.execute(fresh.on_conflict_do_nothing(index_elements=["reference"]))
        kept = select(provider_session.c.token).where(provider_session.c.reference == body.reference)
        token = (await connection.execute(kept)).scalar_one()
    return {"url": f"{str(request.base_url).rstrip('/')}/provider/visits/{token}"}


@router.post("/visits/{token}")
async def visit(request: Request, token: str, body: Visit) -> dict[str, Any]:
    """The claimant shows document and face. Answers what the callback was answered, for whoever plays this."""
    which = provider_session.c.token == token
    async with running(request).database.engine.begin() as connection:
        session = (await connection.execute(select(provider_session).where(which))).first()
        moment = (await connection.execute(_CLOCK)).scalar_one()
    if session is None or session.expires_at <= moment:
        raise Refusal(
            404, "session_unknown", "There is no such session, or it is over. Nothing was looked at."
        )
    if body.mood == "dawdles":
        return {"told": False}
    secret = running(request).settings.provider_secret if body.mood == "tells" else secrets.token_urlsafe(32)
    content = json.dumps({"reference": session.reference, "verdict": body.verdict}).encode()
    message_id, now = f"msg_{secrets.token_hex(12)}", int(datetime.now(UTC).timestamp())
    headers = {
        "content-type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": str(now),
        "webhook-signature": sign(secret, message_id, now, content),
    }
    async with httpx2.AsyncClient(timeout=10, trust_env=False) as client:
        answer = await client.post(session.callback_url, content=content, headers=headers)
    told = {"headers": headers, "body": content.decode(), "status": answer.status_code}
    async with running(request).database.engine.begin() as connection:
        await connection.execute(update(provider_session).where(which).values(told=told))
    return {"told": True, **told}
