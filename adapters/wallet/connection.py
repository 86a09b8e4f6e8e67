"""One pooled, warm connection to the wallet, with a deadline on every call."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, TypeVar
from urllib.parse import quote

import httpx2
from pydantic import BaseModel, ValidationError

from adapters.wallet.refusals import raise_for, unreachable
from models.contracts.steps import Receipt

Shape = TypeVar("Shape", bound=BaseModel)

CONNECTIONS = 32
"""Calls at once. A wallet under more of them gets slower, not faster; the others wait their turn here."""

KEPT_CONNECTIONS = 8
"""Idle connections kept. The client looks at each of them before every call, so more would slow down every freeze."""

KEPT_SECONDS = 60.0
"""Shorter than the wallet's own patience (75 s in the sandbox), so we close idle connections before it does."""

READ_DEADLINE = timedelta(seconds=20)
"""For pages of up to 10,000 rows; nobody waits for these within a request."""


class WalletConnection:
    """Calls the wallet's contract.

    `deadline` bounds each call as a whole: connecting, sending, waiting and reading; waiting for its turn in a burst is
    bounded by the same time again.
    """

    def __init__(self, url: str, key: str, *, deadline: timedelta = timedelta(seconds=2)) -> None:
        self._deadline = deadline.total_seconds()
        self._turns = asyncio.Semaphore(CONNECTIONS)
        self._client = httpx2.AsyncClient(
            base_url=url.rstrip("/"),
            headers={"authorization": f"Bearer {key}", "accept": "application/json"},
            # One deadline around the whole call replaces four partial ones.
            timeout=None,
            limits=httpx2.Limits(
                max_connections=CONNECTIONS,
                max_keepalive_connections=KEPT_CONNECTIONS,
                keepalive_expiry=KEPT_SECONDS,
            ),
            trust_env=False,
        )

    async def warm(self, connections: int = 2) -> None:
        """Open connections before the first alarm needs one; a wallet that is down is no obstacle to starting."""
        await asyncio.gather(*(self.reachable() for _ in range(connections)))

    async def reachable(self) -> bool:
        """Whether the wallet says that it can answer."""
        try:
            response = await self._send("GET", "/health")
        except httpx2.HTTPError:
            return False
        except TimeoutError:
            return False
        return response.status_code == 200

    async def write(
        self,
        method: str,
        path: str,
        *,
        key: str,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> Receipt:
        """One write and its receipt. Errors: those of ports.Wallet."""
        headers = {"idempotency-key": key}
        content = None
        if body is not None:
            headers["content-type"] = "application/json"
            content = json.dumps(body, separators=(",", ":")).encode()
        answer = await self._answer(method, path, content=content, headers=headers, query=query)
        receipt = known_fields(Receipt, answer)
        if receipt.idempotency_key != key:
            raise unreachable("a receipt for another key")
        return receipt

    async def read(
        self, path: str, query: Mapping[str, str] | None = None, *, deadline: timedelta | None = None
    ) -> dict[str, Any]:
        """One read. Errors: those of ports.Wallet."""
        seconds = self._deadline if deadline is None else deadline.total_seconds()
        return await self._answer("GET", path, query=query, seconds=seconds)

    async def close(self) -> None:
        """Close every connection."""
        await self._client.aclose()

    async def _answer(
        self,
        method: str,
        path: str,
        *,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        seconds: float | None = None,
    ) -> dict[str, Any]:
        try:
            response = await self._send(
                method, path, content=content, headers=headers, query=query, seconds=seconds
            )
        except TimeoutError:
            raise unreachable("too slow") from None
        except httpx2.HTTPError as error:
            raise unreachable(type(error).__name__) from None
        if response.status_code != 200:
            raise_for(response)
        try:
            answer = json.loads(response.content)
        except (ValueError, RecursionError):
            raise unreachable("not JSON") from None
        if not isinstance(answer, dict):
            raise unreachable("not what the contract says")
        return answer

    async def _send(
        self,
        method: str,
        path: str,
        *,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        seconds: float | None = None,
    ) -> httpx2.Response:
        deadline = self._deadline if seconds is None else seconds
        async with asyncio.timeout(deadline) as timer, self._turns:
            timer.reschedule(asyncio.get_running_loop().time() + deadline)
            return await self._client.request(method, path, content=content, headers=headers, params=query)


def segment(value: str) -> str:
    """One path segment: whatever the id holds, it stays one segment."""
    return quote(value, safe="")


def known_fields(shape: type[Shape], answer: Any) -> Shape:
    """Read `answer` as `shape`, leaving aside fields we do not know, so that the contract can grow.

    Errors: WALLET_UNREACHABLE when it is not what the contract says; the text names fields, never values.
    """
    if not isinstance(answer, dict):
        raise unreachable("not what the contract says")
    try:
        return shape.model_validate({name: answer[name] for name in shape.model_fields if name in answer})
    except ValidationError as error:
        places = sorted({".".join(map(str, each["loc"])) for each in error.errors(include_input=False)})
        raise unreachable(f"not what the contract says: {', '.join(places[:5])}") from None
