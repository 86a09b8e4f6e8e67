"""One POST per message: keyed, signed, never redirected; what an answer means."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx2
import pytest

from adapters.recall.https import HttpsDrop
from models.errors import ErrorCode, StanchError

pytestmark = pytest.mark.fast

KEY = b"k" * 32


@dataclass
class Institution:
    """A server that keeps what it was sent and answers with one status."""

    status: int
    heads: list[dict[str, str]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    url: str = ""

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        lines = dict(line.lower().split(": ", 1) for line in head.splitlines()[1:] if line)
        self.heads.append({name: value.strip() for name, value in lines.items()})
        self.bodies.append(await reader.readexactly(int(lines["content-length"])))
        writer.write(
            f"HTTP/1.1 {self.status} X\r\ncontent-length: 0\r\nlocation: http://127.0.0.1:1/\r\n"
            "connection: close\r\n\r\n".encode()
        )
        await writer.drain()
        writer.close()
        await writer.wait_closed()


@asynccontextmanager
async def institution(status: int) -> AsyncIterator[tuple[Institution, httpx2.AsyncClient]]:
    there = Institution(status)
    server = await asyncio.start_server(there.talk, "127.0.0.1", 0)
    there.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/in"
    async with server, httpx2.AsyncClient(trust_env=False, follow_redirects=False) as client:
        yield there, client


async def test_a_message_is_keyed_and_signed() -> None:
    async with institution(202) as (there, client):
        await HttpsDrop(client, there.url, "secret", KEY).send("A-0", "camt056", b"<a/>")
        await HttpsDrop(client, there.url, "secret").send("A-1", "neutral", b"{}")
    signed, plain = there.heads
    assert (signed["idempotency-key"], signed["content-type"]) == ("a-0", "application/xml")
    assert signed["authorization"] == "bearer secret"
    expected = hmac.new(
        KEY, f"A-0.{signed['webhook-timestamp']}.".encode() + b"<a/>", hashlib.sha256
    ).digest()
    assert signed["webhook-signature"] == f"v1,{base64.b64encode(expected).decode()}".lower()
    assert plain["content-type"] == "application/json"
    assert "webhook-signature" not in plain
    assert there.bodies == [b"<a/>", b"{}"]


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, ErrorCode.INSTITUTION_REFUSED),
        (422, ErrorCode.INSTITUTION_REFUSED),
        (401, ErrorCode.INSTITUTION_UNREACHABLE),
        (404, ErrorCode.INSTITUTION_UNREACHABLE),
        (429, ErrorCode.INSTITUTION_UNREACHABLE),
        (302, ErrorCode.INSTITUTION_UNREACHABLE),
        (503, ErrorCode.INSTITUTION_UNREACHABLE),
    ],
)
async def test_only_a_no_to_the_message_is_a_no(status: int, code: ErrorCode) -> None:
    async with institution(status) as (there, client):
        with pytest.raises(StanchError) as error:
            await HttpsDrop(client, there.url, "secret").send("A-0", "camt056", b"<a/>")
    assert error.value.code is code
    assert len(there.bodies) == 1


async def test_nobody_there_is_nobody_reached() -> None:
    async with httpx2.AsyncClient(trust_env=False) as client:
        with pytest.raises(StanchError) as error:
            await HttpsDrop(client, "http://127.0.0.1:1/in", "secret").send("A-0", "camt056", b"<a/>")
    assert error.value.code is ErrorCode.INSTITUTION_UNREACHABLE
