"""What every test may ask for: real servers, fresh databases.

One PostgreSQL and one Temporal dev server for each of the processes that share the tests, all throwaway. A test gets its databases as copies of one that
the migrations made once, so each starts empty and none waits for migrations.
"""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from cli.embedded import ports, roles
from cli.embedded.postgres import EmbeddedPostgres
from cli.embedded.temporal import EmbeddedTemporal
from tests.work_order import WorkOrder

ROOT = Path(__file__).resolve().parent.parent
TEMPLATE = "migrated"


def pytest_configure(config: pytest.Config) -> None:
    """Have the tests dealt out as tests/work_order.py says."""
    config.pluginmanager.register(WorkOrder())


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give every test an id of its own: tests that run side by side are told apart by nothing else.

    Of two with the same id only one would run, and nobody would hear of it. schemathesis has one for all operations.
    """
    for item in items:
        label = getattr(item, "operation_label", None)
        if label is not None:
            item._id = replace(item.id, params=label)
    twice = [node_id for node_id, count in Counter(item.nodeid for item in items).items() if count > 1]
    if twice:
        raise pytest.UsageError(f"these tests have no id of their own: {', '.join(twice)}")


@dataclass(frozen=True, kw_only=True)
class Database:
    """One database of the product: `url` for the application's role, `owner_url` for the owner's."""

    name: str
    url: str
    owner_url: str


class Databases:
    """Makes and removes databases on the run's PostgreSQL."""

    def __init__(self, server: EmbeddedPostgres) -> None:
        self._server = server
        self._numbers = itertools.count(1)

    @contextmanager
    def migrated(self) -> Iterator[Database]:
        """A database at the head of the migrations, empty of rows."""
        with self._fresh("stanch", roles.OWNER, template=TEMPLATE) as name:
            yield self._database(name)

    @contextmanager
    def empty(self) -> Iterator[Database]:
        """A database before any migration."""
        with self._fresh("stanch", roles.OWNER, template=None) as name:
            yield self._database(name)

    @contextmanager
    def sandbox(self) -> Iterator[str]:
        """The address of an empty database of the sandbox's."""
        with self._fresh("sandbox", roles.SANDBOX, template=None) as name:
            yield self._server.url(name, roles.SANDBOX)

    @contextmanager
    def _fresh(self, kind: str, owner: str, *, template: str | None) -> Iterator[str]:
        name = f"{kind}_{next(self._numbers)}"
        self._server.create_database(name, owner, template=template)
        try:
            yield name
        finally:
            self._server.drop_database(name)

    def _database(self, name: str) -> Database:
        return Database(name=name, url=self._server.url(name), owner_url=self._server.url(name, roles.OWNER))


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[EmbeddedPostgres]:
    """The run's PostgreSQL. A test that kills one starts its own."""
    with EmbeddedPostgres(throwaway=True) as server:
        yield server


@pytest.fixture(scope="session")
def temporal_server() -> Iterator[EmbeddedTemporal]:
    """The run's Temporal dev server, allowed to skip time. A test that kills one starts its own."""
    with EmbeddedTemporal(throwaway=True, time_skipping=True) as server:
        yield server


@pytest.fixture(scope="session")
def databases(postgres_server: EmbeddedPostgres) -> Databases:
    """For tests that need several databases, or one for a whole module."""
    migrate(postgres_server.create_database(TEMPLATE))
    return Databases(postgres_server)


@pytest.fixture
def database(databases: Databases) -> Iterator[Database]:
    """A database of the product for one test, migrated and empty."""
    with databases.migrated() as database:
        yield database


@pytest.fixture
def database_url(database: Database) -> str:
    """The test's database, for the application's role."""
    return database.url


@pytest.fixture
def owner_database_url(database: Database) -> str:
    """The same database, for the owner of the tables."""
    return database.owner_url


@pytest.fixture(scope="module")
def module_database(databases: Databases) -> Iterator[Database]:
    """A database of the product for all tests of one module."""
    with databases.migrated() as database:
        yield database


@pytest.fixture
def sandbox_database_url(databases: Databases) -> Iterator[str]:
    """An empty database for a sandbox."""
    with databases.sandbox() as url:
        yield url


@pytest.fixture
def free_port() -> int:
    """A port on 127.0.0.1 that nobody listens on."""
    return ports.free_port()


def migrate(owner_url: str) -> None:
    """Bring a database to the head of the migrations, as `stanch db upgrade` does: in a process of its own."""
    subprocess.run(
        [sys.executable, "-m", "alembic", "upgrade", "head"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "STANCH_OWNER_DATABASE_URL": owner_url},
        check=True,
        stdin=subprocess.DEVNULL,
    )
