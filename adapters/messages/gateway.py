"""ports.Messages over an HTTP message gateway."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import httpx2

from adapters.wallet.refusals import problem_code
from models.errors import ErrorCode, StanchError, WalletRefusal
from models.names import DeliveryState

TROUBLE_OF_OURS = frozenset({401, 403, 404, 405, 408, 425, 429})
"""Our key, our address, our speed: it may be right again later, so the message is not given up."""


RECEIPTS = {
    "accepted": DeliveryState.SENT,
    "delivered": DeliveryState.DELIVERED,
    "lost": DeliveryState.LOST,
}
"""The gateway's words for what became of a message."""


class HttpMessages:
    """Hands messages to the gateway (implements activities.ports.Messages)."""

    def __init__(self, url: str, key: str, *, deadline: timedelta = timedelta(seconds=5)) -> None:
        self._deadline = deadline.total_seconds()
        self._client = httpx2.AsyncClient(
            base_url=url.rstrip("/"),
            headers={"authorization": f"Bearer {key}"},
            # One deadline around the whole call replaces four partial ones.
            timeout=None,
            trust_env=False,
        )

    async def send(  # noqa: PLR0917 - a message, as the gateway's own contract has it
        self, message_id: str, channel: str, to: str, subject: str, body: str, html: str | None = None
    ) -> None:
        """See ports.Messages. `html` says the same as `body`, for mail readers that show it.

        Errors also WALLET_REFUSED, when the gateway will never take this message (an address that cannot be written to).
        Neither the address nor the text is in any error.
        """
        message = {"id": message_id, "channel": channel, "to": to, "body": body}
        if channel == "email":
            message["subject"] = subject
            if html is not None:
                message["html"] = html
        try:
            async with asyncio.timeout(self._deadline):
                response = await self._client.post("/gateway/messages", json=message)
        except (TimeoutError, httpx2.HTTPError) as error:
            raise _unreachable(type(error).__name__) from None
        status = response.status_code
        if status == 202:
            return
        if not 400 <= status < 500 or status in TROUBLE_OF_OURS:
            raise _unreachable(f"status {status}")
        code = str(problem_code(response) or status)
        raise WalletRefusal(
            ErrorCode.WALLET_REFUSED,
            f"The message gateway refuses this message for good ({code}). It was not sent.",
            wallet_code=code,
        )

    async def receipt(self, message_id: str) -> DeliveryState:
        """What became of a message. Errors: WALLET_UNREACHABLE, also when the gateway does not know it (yet)."""
        try:
            async with asyncio.timeout(self._deadline):
                response = await self._client.get("/gateway/receipts", params={"id": message_id})
        except (TimeoutError, httpx2.HTTPError) as error:
            raise _unreachable(type(error).__name__) from None
        try:
            return RECEIPTS[response.json()["state"]]
        except (ValueError, KeyError, TypeError):
            raise _unreachable(f"status {response.status_code}") from None

    async def close(self) -> None:
        """Close every connection."""
        await self._client.aclose()


def _unreachable(why: str) -> StanchError:
    return StanchError(
        ErrorCode.WALLET_UNREACHABLE,
        f"The message gateway gave no usable answer ({why}). Sending again with the same id delivers once.",
    )
