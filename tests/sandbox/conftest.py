"""One sandbox with a seeded world for all tests here; each takes accounts that no other uses."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cli.embedded.ports import free_port
from tests.conftest import Databases
from tests.running_sandbox import RunningSandbox, run_sandbox


@pytest.fixture(scope="package")
def running_sandbox(databases: Databases) -> Iterator[RunningSandbox]:
    with (
        databases.sandbox() as database_url,
        run_sandbox(database_url, free_port(), SANDBOX_SETTLE_SECONDS="600") as running,
    ):
        running.seed(11, base="2026-01-15T12:00:00+00:00")
        yield running


@pytest.fixture
def sandbox(running_sandbox: RunningSandbox) -> Iterator[RunningSandbox]:
    """The shared sandbox; bad days end with the test."""
    yield running_sandbox
    running_sandbox.clear_faults()
