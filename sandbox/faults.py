"""Bad days on demand, at the HTTP layer: what the caller sees is what a bad day looks like on the wire."""

from __future__ import annotations

import asyncio
import re
import uuid
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any, Literal

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sandbox.problems import problem

Mode = Literal["latency", "error", "refused", "lost_answer", "closed", "stale"]
TRANSPORT = "sandbox.transport"
REMEMBERED_ANSWERS = 4096
TOO_MANY = 429
_ACCOUNT = re.compile(r"/v1/accounts/[^/]+")


@dataclass
class Fault:
    """One bad day.

    `match` is searched in `METHOD /path`. `latency` waits `ms` before the effect, which comes even when the caller has
    gone; `error` answers `status` and does nothing (429: again after `ms`; another 4xx is the wallet's no for good);
    `refused` says no for good (409); `lost_answer` does the effect and closes the connection; `closed`
    closes it without the effect; `stale` answers a GET of an account with what the last one before said. `count`
    requests are hit, then the day is over.
    """

    match: re.Pattern[str]
    mode: Mode
    count: int
    ms: int = 0
    status: int = 503
    skip: int = 0
    hits: int = 0
    fault_id: str = field(default_factory=lambda: uuid.uuid4().hex[:12])

    def takes(self, request: str) -> bool:
        """Whether this request is hit; counts it."""
        if self.hits >= self.count or not self.match.search(request):
            return False
        if self.skip:
            self.skip -= 1
            return False
        self.hits += 1
        return True

    def described(self) -> dict[str, Any]:
        """For GET /sandbox/faults."""
        return {
            "fault_id": self.fault_id,
            "match": self.match.pattern,
            "mode": self.mode,
            "count": self.count,
            "hits": self.hits,
            "ms": self.ms,
            "status": self.status,
        }


class Faults:
    """The faults that are on, and the last answers that a stale read repeats."""

    def __init__(self) -> None:
        self.standing: list[Fault] = []
        self._answers: OrderedDict[str, bytes] = OrderedDict()

    def taken_by(self, request: str) -> Fault | None:
        """The first fault that hits this request."""
        return next((fault for fault in self.standing if fault.takes(request)), None)

    def forget_answers(self) -> None:
        """Another world has begun."""
        self._answers.clear()

    def remember(self, path: str, body: bytes) -> None:
        """Keep the answer to a read of an account."""
        self._answers[path] = body
        self._answers.move_to_end(path)
        if len(self._answers) > REMEMBERED_ANSWERS:
            self._answers.popitem(last=False)

    def remembered(self, path: str) -> bytes | None:
        """What the last read of this account said."""
        return self._answers.get(path)


class FaultInjector:
    """ASGI middleware around the whole application. The sandbox's own controls under /sandbox are never hit."""

    def __init__(self, app: ASGIApp, faults: Faults) -> None:
        self._app = app
        self._faults = faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the request through the fault that takes it, if any."""
        if scope["type"] != "http" or scope["path"].startswith("/sandbox"):
            await self._app(scope, receive, send)
            return
        path: str = scope["path"]
        fault = self._faults.taken_by(f"{scope['method']} {path}") if self._faults.standing else None
        readable = scope["method"] == "GET" and _ACCOUNT.fullmatch(path) is not None
        if fault is None:
            await self._app(scope, receive, self._remembering(path, send) if readable else send)
        elif fault.mode == "latency":
            again = await _received(receive)
            await asyncio.sleep(fault.ms / 1000)
            await self._app(scope, again, send)
        elif fault.mode == "error":
            answer = problem(fault.status, "unavailable", "The wallet is having a bad day. Nothing was done.")
            if fault.status == TOO_MANY:
                answer.headers["retry-after"] = str(fault.ms / 1000)
            await answer(scope, receive, send)
        elif fault.mode == "refused":
            answer = problem(
                409, "not_possible", "The wallet cannot do this for this account. Nothing was done."
            )
            await answer(scope, receive, send)
        elif fault.mode == "stale" and readable:
            await self._stale(path, scope, receive, send)
        elif fault.mode == "stale":
            await self._app(scope, receive, send)
        else:
            if fault.mode == "lost_answer":
                await self._app(scope, receive, _swallow)
            await asyncio.sleep(fault.ms / 1000)
            scope["extensions"][TRANSPORT].abort()

    def _remembering(self, path: str, send: Send) -> Send:
        parts: list[bytes] = []
        ok = True

        async def forward(message: Message) -> None:
            nonlocal ok
            if message["type"] == "http.response.start":
                ok = message["status"] == 200
            elif message["type"] == "http.response.body":
                parts.append(message.get("body", b""))
                if ok and not message.get("more_body", False):
                    self._faults.remember(path, b"".join(parts))
            await send(message)

        return forward

    async def _stale(self, path: str, scope: Scope, receive: Receive, send: Send) -> None:
        body = self._faults.remembered(path)
        if body is None:
            await self._app(scope, receive, self._remembering(path, send))
            return
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


async def _received(receive: Receive) -> Receive:
    """The request as it came in: a caller who loses patience takes nothing back of what was asked."""
    messages = [await receive()]
    while messages[-1].get("more_body", False):
        messages.append(await receive())
    waiting = iter(messages)

    async def again() -> Message:
        message = next(waiting, None)
        return await receive() if message is None else message

    return again


async def _swallow(_message: Message) -> None:
    """Nobody hears the answer."""
