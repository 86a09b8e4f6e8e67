"""Running the sandbox's HTTP server."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import sys
from collections.abc import Iterator
from datetime import UTC, datetime

import asyncpg
import uvicorn
import uvloop
from sqlalchemy.exc import SQLAlchemyError
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from sandbox.app import make_app
from sandbox.database import Database
from sandbox.faults import TRANSPORT
from sandbox.settings import Settings
from sandbox.world.rows import store
from sandbox.world.seeded import make_world

NOT_REACHABLE = 4


class ClosableProtocol(HttpToolsProtocol):
    """HTTP whose application can close the connection in the caller's face, as a bad day would."""

    def on_message_begin(self) -> None:
        """Hand the transport to the fault injector."""
        super().on_message_begin()
        self.scope["extensions"] = {TRANSPORT: self.transport}  # type: ignore[dict-item]


class AnnouncingServer(uvicorn.Server):
    """A server that prints one line when it can be used, and ends in order when told to."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """SIGTERM and SIGINT end the serving, not the process: the database is still to be closed."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then say so."""
        await super().startup(sockets)
        if self.started:
            address = self.servers[0].sockets[0].getsockname()
            sys.stdout.write(f"sandbox ready http://{address[0]}:{address[1]}\n")
            sys.stdout.flush()


def serve(settings: Settings) -> int:
    """Serve until SIGTERM or SIGINT; gives the exit code, 4 when the database does not answer."""
    return uvloop.run(_serve(settings))


async def _serve(settings: Settings) -> int:
    try:
        database = await Database.open(settings.database_url)
    except (OSError, SQLAlchemyError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        sys.stderr.write(
            f"The sandbox did not start: its database does not answer ({type(error).__name__}). "
            "Nothing was changed; check SANDBOX_DATABASE_URL.\n"
        )
        return NOT_REACHABLE
    config = uvicorn.Config(
        make_app(settings, database),
        host=settings.host,
        port=settings.port,
        http=ClosableProtocol,
        ws="none",
        lifespan="on",
        access_log=False,
        log_level="warning",
        server_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=3,
        backlog=2048,
    )
    server = AnnouncingServer(config)
    try:
        if settings.seed is not None and not await _has_world(database):
            await store(database.hot, make_world(settings.seed, datetime.now(UTC)))
        await server.serve()
    finally:
        await database.close()
    return 0 if server.started else NOT_REACHABLE


async def _has_world(database: Database) -> bool:
    return bool(await database.hot.fetchval("SELECT EXISTS (SELECT 1 FROM wallet.world)"))
