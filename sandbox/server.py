"""Running the sandbox's HTTP server."""

from __future__ import annotations

import socket
import sys

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from sandbox.app import make_app
from sandbox.faults import TRANSPORT
from sandbox.settings import Settings


class ClosableProtocol(HttpToolsProtocol):
    """HTTP whose application can close the connection in the caller's face, as a bad day would."""

    def on_message_begin(self) -> None:
        """Hand the transport to the fault injector."""
        super().on_message_begin()
        self.scope["extensions"] = {TRANSPORT: self.transport}  # type: ignore[dict-item]


class AnnouncingServer(uvicorn.Server):
    """A server that prints one line when it can be used."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then say so."""
        await super().startup(sockets)
        if self.started:
            address = self.servers[0].sockets[0].getsockname()
            sys.stdout.write(f"sandbox ready http://{address[0]}:{address[1]}\n")
            sys.stdout.flush()


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT."""
    app: FastAPI = make_app(settings)
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        loop="uvloop",
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
    AnnouncingServer(config).run()
