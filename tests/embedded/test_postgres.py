"""The embedded PostgreSQL keeps what was committed, keeps others out, and leaves nothing behind."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import psutil
import pytest

from cli.embedded.place import held, throwaway_folder
from cli.embedded.postgres import EmbeddedPostgres
from models.errors import ErrorCode, StanchError
from tests.embedded.living import alive

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def durable(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(tmp_path_factory.mktemp("durable"))
    yield server.start()
    server.remove()


async def ask(url: str, statement: str) -> object:
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


async def test_committed_rows_survive_the_death_of_every_process_on_the_same_port(
    durable: EmbeddedPostgres,
) -> None:
    owner, port = durable.url("stanch", "stanch_owner"), durable.port
    await ask(owner, "create table kept (n int)")
    await ask(owner, "insert into kept values (7)")

    durable.kill()
    with pytest.raises(OSError, match=r"refused|Connect call failed"):
        await ask(owner, "select 1")
    durable.start()

    assert durable.port == port
    assert await ask(owner, "select n from kept") == 7


async def test_the_disk_is_waited_for_unless_the_data_is_thrown_away(
    durable: EmbeddedPostgres, postgres_server: EmbeddedPostgres
) -> None:
    assert durable.execute("show fsync") == "on"
    assert postgres_server.execute("show fsync") == "off"


async def test_a_stop_and_a_new_start_find_the_same_data_and_passwords(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path / "cluster") as first:
        await ask(first.url("sandbox", "sandbox"), "create table kept as select 5 as n")
    with EmbeddedPostgres(tmp_path / "cluster") as second:
        assert await ask(second.url("sandbox", "sandbox"), "select n from kept") == 5
        data = second.place.data
        second.remove()
    assert not data.exists()
    assert not (tmp_path / "cluster").exists()


async def test_the_application_writes_rows_but_cannot_touch_tables(postgres_server: EmbeddedPostgres) -> None:
    owner = postgres_server.create_database("rights")
    application = postgres_server.url("rights")
    await ask(owner, "create table step (id bigserial primary key, n int)")

    assert await ask(application, "insert into step (n) values (3) returning id") == 1
    for forbidden in (
        "truncate step",
        "drop table step",
        "create table mine (n int)",
        "alter table step add x int",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await ask(application, forbidden)


async def test_a_copied_database_has_the_rows_and_the_rights(postgres_server: EmbeddedPostgres) -> None:
    await ask(postgres_server.create_database("original"), "create table step as select 1 as n")
    postgres_server.create_database("copied", template="original")
    assert await ask(postgres_server.url("copied"), "select n from step") == 1


@pytest.mark.parametrize(
    ("role", "database"), [("stanch_app", "sandbox"), ("sandbox", "stanch"), ("stanch_owner", "sandbox")]
)
async def test_nobody_enters_another_ones_database(
    postgres_server: EmbeddedPostgres, role: str, database: str
) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await ask(postgres_server.url(database, role), "select 1")


async def test_a_wrong_password_is_refused(postgres_server: EmbeddedPostgres) -> None:
    with pytest.raises(asyncpg.InvalidPasswordError):
        await ask(postgres_server.url("stanch", "stanch_app", "guess"), "select 1")


def test_it_listens_on_loopback_only(postgres_server: EmbeddedPostgres) -> None:
    process = main_process(postgres_server)
    listening = [c.laddr.ip for c in process.net_connections(kind="inet") if c.status == psutil.CONN_LISTEN]
    assert listening == ["127.0.0.1"]


def test_a_second_start_on_the_same_data_is_refused_and_harms_nothing(durable: EmbeddedPostgres) -> None:
    with pytest.raises(StanchError) as refused:
        EmbeddedPostgres(durable.place.folder).start()
    assert refused.value.matches(ErrorCode.DATABASE_UNREACHABLE)
    assert "Stop that one first" in refused.value.message
    assert durable.execute("select 1") == "1"


def test_a_pid_file_that_names_another_living_program_does_not_lock_the_data(
    durable: EmbeddedPostgres,
) -> None:
    durable.kill()
    pid_file = durable.place.data / "postmaster.pid"
    lines = pid_file.read_text().splitlines(keepends=True)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as stranger:
        pid_file.write_text("".join([f"{stranger.pid}\n", *lines[1:]]))
        durable.start()
        assert durable.execute("select 1") == "1"
        assert stranger.poll() is None
        stranger.communicate(b"\n")


def test_a_cluster_whose_making_was_cut_short_is_made_anew(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path / "cluster") as server:
        data = server.place.data
    (data / "stanch-complete").unlink()
    (data / "global" / "pg_control").unlink()
    with EmbeddedPostgres(tmp_path / "cluster") as server:
        assert (
            server.execute("select count(*) from pg_database where datname in ('stanch', 'sandbox')") == "2"
        )
        server.remove()


def test_a_folder_it_cannot_use_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StanchError, match=r"cannot use .*file") as failed:
        EmbeddedPostgres(tmp_path / "file" / "cluster").start()
    assert failed.value.matches(ErrorCode.DATABASE_UNREACHABLE)


def test_a_taken_port_is_given_up_for_another(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        free = [taken.getsockname()[1]]
        chosen = __import__("cli.embedded.cluster", fromlist=["free_port"]).free_port
        monkeypatch.setattr("cli.embedded.cluster.free_port", lambda: free.pop() if free else chosen())
        with EmbeddedPostgres(throwaway=True) as server:
            assert server.port != taken.getsockname()[1]
            assert server.execute("select 1") == "1"


def test_a_throwaway_one_leaves_no_file_and_no_process() -> None:
    with EmbeddedPostgres(throwaway=True) as server:
        folder, process = server.place.folder, main_process(server)
        family = [process, *process.children()]
    assert not folder.exists()
    assert not [member for member in family if alive(member)]


def test_it_does_not_outlive_a_killed_parent(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from cli.embedded.postgres import EmbeddedPostgres\n"
        "server = EmbeddedPostgres(Path(sys.argv[1])).start()\n"
        "print(server.place.data, flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path / "cluster")],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as parent:  # fmt: skip
        assert parent.stdout
        data = Path(parent.stdout.readline().strip())
        process = psutil.Process(int((data / "postmaster.pid").read_text().splitlines()[0]))
        family = [process, *process.children()]
        parent.send_signal(signal.SIGKILL)
        parent.wait()

    deadline = time.monotonic() + 20
    while any(alive(member) for member in family) and time.monotonic() < deadline:
        psutil.wait_procs(family, timeout=0.05)
    assert not [member for member in family if alive(member)]
    with EmbeddedPostgres(tmp_path / "cluster") as server:
        assert server.execute("select 1") == "1"
        server.remove()


def main_process(server: EmbeddedPostgres) -> psutil.Process:
    return psutil.Process(int((server.place.data / "postmaster.pid").read_text().splitlines()[0]))


def test_what_a_killed_run_left_behind_goes_at_the_next_start_and_what_runs_stays() -> None:
    left, running = throwaway_folder(), throwaway_folder()
    an_hour_ago = time.time() - 3600
    with held(running):
        for folder in (left, running):
            (folder / "data").mkdir()
            os.utime(folder, (an_hour_ago, an_hour_ago))
        throwaway_folder().rmdir()
        assert not left.exists()
        assert running.exists()
    shutil.rmtree(running)
