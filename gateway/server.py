"""Serving the application with uvicorn: one process, one ready line."""

from __future__ import annotations

import contextlib
import socket
import sys
from collections.abc import Iterator

import uvicorn
from fastapi import FastAPI

LAST_REQUESTS = 5
"""Seconds for requests under way when the gateway stops: more than the slowest alarm takes."""


class AnnouncingServer(uvicorn.Server):
    """Prints one line when it can be used: `gateway ready http://host:port`."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then say so."""
        await super().startup(sockets)
        if self.started:
            host, port = self.servers[0].sockets[0].getsockname()[:2]
            sys.stdout.write(f"gateway ready http://{host}:{port}\n")
            sys.stdout.flush()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Being asked to stop is no error: the signal that ended us is not raised again."""
        with super().capture_signals():
            yield
            self._captured_signals.clear()


def serve(app: FastAPI, *, host: str, port: int) -> bool:
    """Serve until SIGTERM or SIGINT. False when it never started (the port is taken, the parts did not open)."""
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        backlog=2048,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=LAST_REQUESTS,
    )
    server = AnnouncingServer(config)
    with contextlib.suppress(SystemExit):
        server.run()
    return server.started
