"""What the adapter says when the wallet is slow, broken, or silent after having acted."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from datetime import timedelta
from time import perf_counter

import pytest

from adapters.wallet.connection import WalletConnection
from adapters.wallet.contract import HttpWallet
from models.errors import ErrorCode, StanchError
from models.ids import new_id
from models.names import Scope
from tests.running_sandbox import RunningSandbox


def restriction() -> str:
    return f"{new_id()}/1/full"


async def failure(wallet: HttpWallet, account_id: str, name: str) -> StanchError:
    with pytest.raises(StanchError) as failed:
        await wallet.place_restriction(account_id, name, Scope.FULL, key=name)
    return failed.value


@pytest.mark.parametrize("status", [500, 502, 503])
async def test_an_error_of_the_wallet_is_worth_repeating(
    sandbox: RunningSandbox, wallet: HttpWallet, status: int
) -> None:
    account_id, name = sandbox.account(), restriction()
    sandbox.fault("POST .*/restrictions", "error", status=status)
    assert (await failure(wallet, account_id, name)).code is ErrorCode.WALLET_UNREACHABLE
    receipt = await wallet.place_restriction(account_id, name, Scope.FULL, key=name)
    assert receipt.result["restriction_id"] == name


async def test_a_slow_wallet_is_left_at_the_deadline(sandbox: RunningSandbox, wallet: HttpWallet) -> None:
    sandbox.fault("POST .*/restrictions", "latency", ms=3000)
    began = perf_counter()
    error = await failure(wallet, sandbox.account(), restriction())
    assert error.code is ErrorCode.WALLET_UNREACHABLE
    assert perf_counter() - began < 2.5


async def test_after_a_lost_answer_the_same_key_gives_the_receipt_of_the_first(
    sandbox: RunningSandbox, wallet: HttpWallet
) -> None:
    account_id, name = sandbox.account(), restriction()
    sandbox.fault("POST .*/restrictions", "lost_answer")
    assert (await failure(wallet, account_id, name)).code is ErrorCode.WALLET_UNREACHABLE
    stored = sandbox.ask("GET", f"/v1/receipts/{name}").json()
    again = await wallet.place_restriction(account_id, name, Scope.FULL, key=name)
    assert again.receipt_id == stored["receipt_id"]
    assert len(sandbox.state(account_id)["restrictions"]) == 1


async def test_a_connection_closed_before_the_effect_leaves_none(
    sandbox: RunningSandbox, wallet: HttpWallet
) -> None:
    account_id, name = sandbox.account(), restriction()
    sandbox.fault("POST .*/restrictions", "closed")
    assert (await failure(wallet, account_id, name)).code is ErrorCode.WALLET_UNREACHABLE
    assert sandbox.state(account_id)["restrictions"] == []


async def test_nobody_listens() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        connection = WalletConnection(f"http://127.0.0.1:{unused.getsockname()[1]}", "key")
        try:
            assert (await failure(HttpWallet(connection), "acc-1", restriction())).code is (
                ErrorCode.WALLET_UNREACHABLE
            )
            assert not await connection.reachable()
        finally:
            await connection.close()


async def test_a_wrong_key_never_ends_a_freeze(sandbox: RunningSandbox) -> None:
    connection = WalletConnection(sandbox.url, "not-the-key")
    try:
        error = await failure(HttpWallet(connection), sandbox.account(), restriction())
    finally:
        await connection.close()
    assert error.code is ErrorCode.WALLET_UNREACHABLE


class Impostor:
    """A server that answers everything with the same bytes."""

    def __init__(self) -> None:
        self.answer = b""
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(self.answer)
        await writer.drain()
        writer.close()

    def says(self, status: str, media_type: str, body: bytes) -> None:
        head = f"HTTP/1.1 {status}\r\ncontent-type: {media_type}\r\ncontent-length: {len(body)}\r\n\r\n"
        self.answer = head.encode() + body


@pytest.fixture
async def impostor() -> AsyncIterator[Impostor]:
    made = Impostor()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield made


@pytest.mark.parametrize(
    ("status", "media_type", "body"),
    [
        ("200 OK", "application/json", b"not json"),
        ("200 OK", "application/json", b"[]"),
        ("200 OK", "application/json", b"[" * 60_000),
        ("200 OK", "application/json", b'{"receipt_id": "r"}'),
        (
            "200 OK",
            "application/json",
            (
                b'{"receipt_id":"r","idempotency_key":"other","action":"a","account_id":"acc-1","effective_seq":1,'
                b'"effective_at":"2026-01-01T00:00:00Z","result":{}}'
            ),
        ),
        ("404 Not Found", "text/html", b"<h1>a proxy</h1>"),
        ("404 Not Found", "application/problem+json", b'{"code":"not_found"}'),
        ("404 Not Found", "application/problem+json", b'{"code":["account_unknown"]}'),
        ("409 Conflict", "application/json", b'{"code":"restriction_ended"}'),
        ("429 Too Many Requests", "application/problem+json", b'{"code":"account_unknown"}'),
        ("302 Found", "text/plain", b""),
        ("401 Unauthorized", "application/problem+json", b'{"code":"unauthenticated"}'),
    ],
)
async def test_only_the_wallets_own_word_is_final(
    impostor: Impostor, status: str, media_type: str, body: bytes
) -> None:
    impostor.says(status, media_type, body)
    connection = WalletConnection(impostor.url, "key", deadline=timedelta(seconds=1))
    try:
        error = await failure(HttpWallet(connection), "acc-1", restriction())
    finally:
        await connection.close()
    assert error.code is ErrorCode.WALLET_UNREACHABLE
    assert "proxy" not in error.message


async def test_fields_that_a_newer_wallet_adds_are_left_aside(impostor: Impostor) -> None:
    name = restriction()
    impostor.says(
        "200 OK",
        "application/json",
        b'{"receipt_id":"r","idempotency_key":"%s","action":"place_restriction","account_id":"acc-1","effective_seq":1,'
        b'"effective_at":"2026-01-01T00:00:00Z","result":{},"new_in_version_2":true}' % name.encode(),
    )
    connection = WalletConnection(impostor.url, "key")
    try:
        receipt = await HttpWallet(connection).place_restriction("acc-1", name, Scope.FULL, key=name)
    finally:
        await connection.close()
    assert receipt.receipt_id == "r"
