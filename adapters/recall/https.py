"""Recalls over HTTPS: one POST per message, keyed, idempotent, and signed where a key for it is set up."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import time
from dataclasses import dataclass
from typing import Final

import httpx2

from adapters.recall.routes import refused, unreachable

TYPES: Final = {"camt056": "application/xml", "neutral": "application/json"}
SECONDS: Final = 8.0
"""For one message. An institution that takes longer is asked again, with the same id."""

NOT_ABOUT_THE_MESSAGE: Final = frozenset({401, 403, 404, 405, 407, 408, 425, 429})
"""Statuses about our key, our speed or the address: mended by people, so the message is tried again and not given up."""


@dataclass(frozen=True)
class HttpsDrop:
    """Posts to one address. `signing_key` signs as Standard Webhooks do: webhook-id, webhook-timestamp, webhook-signature."""

    client: httpx2.AsyncClient
    url: str
    key: str
    signing_key: bytes | None = None

    async def send(self, message_id: str, form: str, content: bytes) -> None:
        """Errors: INSTITUTION_REFUSED when it says no to the message, INSTITUTION_UNREACHABLE for everything else but yes."""
        headers = {
            "content-type": TYPES[form],
            "idempotency-key": message_id,
            "authorization": f"Bearer {self.key}",
            **self._signature(message_id, content),
        }
        try:
            async with asyncio.timeout(SECONDS):
                response = await self.client.post(self.url, content=content, headers=headers)
        except TimeoutError:
            raise unreachable("too slow") from None
        except httpx2.HTTPError as error:
            raise unreachable(type(error).__name__) from None
        if 200 <= response.status_code < 300:
            return
        if 400 <= response.status_code < 500 and response.status_code not in NOT_ABOUT_THE_MESSAGE:
            raise refused(f"status {response.status_code}")
        raise unreachable(f"status {response.status_code}")

    def _signature(self, message_id: str, content: bytes) -> dict[str, str]:
        if self.signing_key is None:
            return {}
        at = str(int(time.time()))
        signed = hmac.new(self.signing_key, f"{message_id}.{at}.".encode() + content, hashlib.sha256).digest()
        return {
            "webhook-id": message_id,
            "webhook-timestamp": at,
            "webhook-signature": f"v1,{base64.b64encode(signed).decode()}",
        }
