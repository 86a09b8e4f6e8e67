"""The PostgreSQL cluster itself: making its data folder, and one server process on it."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
from functools import partial
from pathlib import Path
from typing import Final

from cli.child import Child
from cli.embedded import leftovers, roles
from cli.embedded.place import Place
from cli.embedded.ports import LOOPBACK, free_port
from models.errors import ErrorCode, StanchError

SECONDS_TO_START: Final = 60.0
# Another program may take the port between our look and the server's: then try the next one.
TRIES: Final = 5
PORT_TAKEN: Final = "could not bind"
# In the data folder, so that the two are never there without each other.
COMPLETE: Final = "stanch-complete"

STRICT: Final = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "max_connections": "200",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
# Survives the death of any process, not of the machine.
CARELESS: Final = {"fsync": "off", "full_page_writes": "off"}


def is_complete(place: Place) -> bool:
    """Whether the cluster and its databases were made to the end."""
    return (place.data / COMPLETE).exists()


def mark_complete(place: Place) -> None:
    """From now on the data is somebody's and never made anew."""
    (place.data / COMPLETE).touch()


def initialise(place: Place, password: str, *, fsync: bool) -> None:
    """Make a new cluster with this administrator's password.

    One that an earlier start did not finish holds nothing yet and is made anew. Raises StanchError.
    """
    for leftover in place.data.iterdir() if place.data.is_dir() else ():
        shutil.rmtree(leftover) if leftover.is_dir() and not leftover.is_symlink() else leftover.unlink()
    # Beside the data, not in our folder: as root the account that reads it may not reach that one.
    secret = place.data.parent / f"password-{secrets.token_hex(8)}"
    with os.fdopen(os.open(secret, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(password)
    command: list[str | Path] = [place.binaries / "initdb", "--pgdata", place.data, "--username", roles.ADMIN]
    command += ["--pwfile", secret, "--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C"]
    command += ["--locale-provider", "builtin", "--builtin-locale", "C.UTF-8", "--no-instructions"]
    command += [] if fsync else ["--no-sync"]
    try:
        if place.account:
            os.chown(secret, place.account.user, place.account.group)
        child = _start("initdb", place, command)
        if child.wait(seconds=SECONDS_TO_START) != 0:
            child.kill()
            raise StanchError(
                ErrorCode.DATABASE_UNREACHABLE,
                f"A new embedded PostgreSQL could not be made; nothing was started. {child.explain()}",
            )
    finally:
        secret.unlink(missing_ok=True)


def serve(place: Place, fixed_port: int | None, *, fsync: bool) -> tuple[Child, int]:
    """Start the server, on `fixed_port` or on any free one, and wait until it takes connections. Raises StanchError."""
    for attempt in range(1, TRIES + 1):
        port = fixed_port or free_port()
        options = {**STRICT, "port": str(port), **({} if fsync else CARELESS)}
        command: list[str | Path] = [place.binaries / "postgres", "-D", place.data]
        for name, value in options.items():
            command += ["-c", f"{name}={value}"]
        child = _start("postgres", place, command)
        try:
            if child.wait_until(partial(leftovers.is_ready, place.data, child.pid), seconds=SECONDS_TO_START):
                return child, port
        except BaseException:
            child.kill()
            raise
        if fixed_port or attempt == TRIES or PORT_TAKEN not in child.said():
            raise StanchError(
                ErrorCode.DATABASE_UNREACHABLE,
                f"The embedded PostgreSQL did not start; its data is kept. {child.explain()}",
            )
    raise AssertionError("the last try returns or raises")


def environ() -> dict[str, str]:
    """Only what the programs need: a PGPORT or PGSERVICE of the user must not lead them elsewhere."""
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH", "TMPDIR") if name in os.environ}
    return {**kept, "LC_ALL": "C", "TZ": "UTC"}


def _start(name: str, place: Place, command: list[str | Path]) -> Child:
    return Child.start(
        name,
        command,
        log=place.folder / "postgres.log",
        environ=environ(),
        # One it may stand in: its own account may not reach our folder.
        folder=place.data.parent if place.account else place.folder,
        # At once and without a checkpoint; the next start recovers from the log.
        death_signal=signal.SIGQUIT,
        account=place.account,
    )
