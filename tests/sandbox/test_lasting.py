"""The sandbox as a process: what it says, what it survives, how it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import asyncpg
import pytest

from cli.embedded.ports import free_port
from tests.conftest import Databases
from tests.running_sandbox import ROOT, RunningSandbox, run_sandbox

LOST_CONNECTIONS = 60
"""More requests than the pools hold connections: every broken one has been met by then."""


def run_program(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SANDBOX_")}
    command = [sys.executable, "-m", "sandbox", *arguments]
    return subprocess.run(
        command,
        cwd=ROOT,
        env={**kept, "PYTHONPATH": str(ROOT), **environ},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


async def test_connections_that_break_are_replaced_and_no_effect_is_lost(sandbox: RunningSandbox) -> None:
    account_id = sandbox.account()
    watcher = await asyncpg.connect(sandbox.database_url.replace("+asyncpg", ""))
    await watcher.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    await watcher.close()
    answers = [sandbox.restrict(account_id, "broken/1/full") for _ in range(LOST_CONNECTIONS)]
    assert {answer.status_code for answer in answers} <= {200, 503}
    assert answers[-1].status_code == 200
    reads = [sandbox.ask("GET", f"/v1/accounts/{account_id}").status_code for _ in range(LOST_CONNECTIONS)]
    assert set(reads) <= {200, 503}
    assert reads[-1] == 200
    assert len(sandbox.state(account_id)["restrictions"]) == 1


def test_a_sandbox_started_again_on_its_database_remembers(databases: Databases) -> None:
    with databases.sandbox() as database_url:
        with run_sandbox(database_url, free_port(), SANDBOX_SEED="2") as first:
            assert first.control("GET", "/world")["seed"] == 2
            receipt = first.restrict("acc-0003", "again/1/full").json()
            first.process.send_signal(signal.SIGTERM)
            assert first.process.wait(10) == 0
        # A world that is there is left alone.
        with run_sandbox(database_url, free_port(), SANDBOX_SEED="3") as second:
            assert second.restrict("acc-0003", "again/1/full").json() == receipt
            assert second.control("GET", "/world")["seed"] == 2


def test_the_world_can_be_seeded_from_the_command_line(databases: Databases) -> None:
    with databases.sandbox() as database_url, run_sandbox(database_url, free_port()) as running:
        done = run_program(
            "seed", "3", "--json", SANDBOX_URL=running.url, SANDBOX_ADMIN_KEY=running.admin_key
        )
        assert done.returncode == 0
        assert '"seed": 3' in done.stdout
        wrong = run_program("seed", "3", SANDBOX_URL=running.url, SANDBOX_ADMIN_KEY="wrong")
        assert (wrong.returncode, wrong.stdout) == (3, "")
        assert "Traceback" not in wrong.stderr


@pytest.mark.fast
@pytest.mark.parametrize(
    ("environ", "code", "sentence"),
    [
        ({}, 2, "SANDBOX_DATABASE_URL and SANDBOX_KEY must be set"),
        ({"SANDBOX_DATABASE_URL": "postgresql://x@127.0.0.1:1/x", "SANDBOX_KEY": "k"}, 4, "does not answer"),
    ],
)
def test_a_sandbox_that_cannot_start_says_why_in_a_sentence(
    environ: dict[str, str], code: int, sentence: str
) -> None:
    ended = run_program(**environ)
    assert ended.returncode == code
    assert sentence in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.fast
@pytest.mark.parametrize("person", ["thief", "owner"])
def test_a_person_without_a_wallet_says_so_in_a_sentence(person: str) -> None:
    ended = run_program(person, "--url", "http://127.0.0.1:1", "--admin-key", "x")
    assert (ended.returncode, ended.stdout) == (4, "")
    assert "Nothing was done" in ended.stderr
