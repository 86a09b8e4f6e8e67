"""The commands against a running house: gateway, worker and sandbox as processes, on the run's servers."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from adapters.sql.engine import make_engine, transaction
from cli.application import main
from cli.embedded.ports import free_port
from cli.embedded.temporal import EmbeddedTemporal
from cli.processes import Processes
from cli.running.addresses import Addresses
from cli.running.house import House
from cli.sandbox_client import SandboxClient
from models.names import Role

HOUSES = ("STANCH_", "TEMPORAL_", "SANDBOX_")
ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Done:
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The one document it printed."""
        return json.loads(self.out)


class Terminal:
    """Another terminal on the same machine: it knows of the house only by its runtime file."""

    def __init__(self, house: House, processes: Processes, runtime: Path) -> None:
        self.house = house
        self.processes = processes
        self.runtime = runtime

    def type(self, *arguments: str) -> Done:
        """Run a command, in this process: what it needs is loaded once for all of them."""
        before = dict(os.environ)
        out, err = io.StringIO(), io.StringIO()
        os.environ.clear()
        os.environ.update(self._environ())
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                code = main(list(arguments))
        finally:
            os.environ.clear()
            os.environ.update(before)
        return Done(code, out.getvalue(), err.getvalue())

    def become(self, *arguments: str) -> Done:
        """Run a command that becomes another program, in a process of its own."""
        done = subprocess.run(
            [sys.executable, "-m", "cli", *arguments],
            cwd=ROOT,
            env=self._environ(),
            capture_output=True,
            text=True,
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def _environ(self) -> dict[str, str]:
        clean = {name: value for name, value in os.environ.items() if not name.startswith(HOUSES)}
        return {**clean, "STANCH_RUNTIME": str(self.runtime)}


def furnish(sandbox: SandboxClient) -> None:
    sandbox.seed(5, accounts=40, transfers=200)


@pytest.fixture(scope="module")
def terminal(
    databases: Any, temporal_server: EmbeddedTemporal, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Terminal]:
    folder = tmp_path_factory.mktemp("house")
    with databases.empty() as database, databases.sandbox() as sandbox_url, Processes(folder) as processes:
        named = {
            "STANCH_DATABASE_URL": database.url,
            "STANCH_OWNER_DATABASE_URL": database.owner_url,
            "SANDBOX_DATABASE_URL": sandbox_url,
            "STANCH_TASK_QUEUE": f"house-{database.name}",
            **temporal_server.environ,
        }
        addresses = Addresses(
            named=named, gateway_port=free_port(), sandbox_port=free_port(), postgres=None, temporal=None
        )
        house = House(processes, addresses, folder, policy="demo")
        house.open(lambda _: None, furnish=furnish)
        yield Terminal(house, processes, house.runtime.write(folder))


@pytest.fixture(scope="module")
def incident(terminal: Terminal) -> str:
    """An unproven report about acc-0007, brought by the agent."""
    opened = terminal.type(
        "incident", "open", "acc-0007", "--id", "call-1", "--detail", "sounded afraid", "--json"
    )
    assert opened.code == 0, opened.err
    assert (opened.document["status"], opened.document["freeze"]) == (201, "done")
    return str(opened.document["incident_id"])


def test_runtime_file_is_for_us_alone(terminal: Terminal) -> None:
    assert terminal.runtime.stat().st_mode & 0o777 == 0o600


def test_doctor_finds_everything_and_says_what_to_do(terminal: Terminal) -> None:
    done = terminal.type("doctor", "--json")
    findings = {finding["name"]: finding for finding in done.document["findings"]}
    assert done.code == 0, done.out
    good = (
        "database", "database role", "migrations", "database clock", "temporal", "temporal namespace", "workflow workers",
        "activity workers", "wallet", "wallet clock", "message gateway", "gateway", "master key",
    )  # fmt: skip
    assert {name: findings[name]["state"] for name in good} == dict.fromkeys(good, "good")
    assert findings["policy"]["state"] == "attention"
    assert all(finding["advice"] for finding in findings.values() if finding["state"] != "good")


def test_tables_are_those_of_this_version(terminal: Terminal) -> None:
    assert terminal.type("db", "check", "--json").document["good"] is True
    again = terminal.type("db", "upgrade", "--json")
    assert (again.code, again.document["revision"]) == (
        0,
        terminal.type("db", "check", "--json").document["head"],
    )


def test_index_follows_the_wallet(terminal: Terminal) -> None:
    done = terminal.type("transfers", "status", "--json")
    assert (done.code, done.document["upto_seq"], done.document["state"]) == (0, 200, "following")


def test_operator_is_made_once_and_may_come_in(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    made = terminal.type("operator", "create", "night-shift", "--role", "agent", "--json")
    assert (made.code, made.document["role"]) == (0, "agent")
    assert made.document["credential"].startswith("stanch_agent_")
    again = terminal.type("operator", "create", "night-shift", "--role", "agent")
    assert again.code == 3
    assert made.document["credential"] not in again.out + again.err


def test_alarm_repeated_conflicting_and_about_nobody(terminal: Terminal, incident: str) -> None:
    listed = terminal.type("incident", "list", "--account", "acc-0007", "--json").document["incidents"]
    assert [each["incident_id"] for each in listed] == [incident]
    other = terminal.type("incident", "open", "acc-0008", "--id", "call-1", "--json")
    assert (other.code, other.document["error"]["code"]) == (3, "alarm_conflict")
    nobody = terminal.type("incident", "open", "acc-9999", "--json")
    assert (nobody.code, nobody.document["error"]["code"]) == (2, "account_unknown")
    wrong = terminal.type("incident", "open", "acc-0008", "--as", "auditor", "--json")
    assert (wrong.code, wrong.document["error"]["code"]) == (3, "forbidden")


def test_what_a_reset_would_do_is_shown_before_there_is_one(terminal: Terminal, incident: str) -> None:
    document = terminal.type("incident", "security", incident, "--json").document
    assert (document["compared"], len(document["items"])) == ("live", 12)
    shown = terminal.type("incident", "security", incident, "--all")
    assert shown.code == 0, shown.err
    assert "nothing is reset yet" in shown.out
    assert "to be renewed" in shown.out
    assert "to be kept" in shown.out


def test_decisions_need_who_may_and_two_where_two_are_needed(terminal: Terminal, incident: str) -> None:
    asked = ("incident", "decide", incident, "--reason", "talked to the owner")
    renewed = terminal.type(*asked, "--kind", "renew_freeze", "--choice", "renew", "--json")
    assert renewed.code == 0, renewed.err
    chosen = terminal.type(
        *asked, "--kind", "unproven_owner", "--choice", "released", "--as", "supervisor", "--json"
    )
    assert chosen.code == 0, chosen.err
    request = chosen.document["requests"][-1]["request_id"]
    own = terminal.type(
        "incident", "decide", incident, "--approve", request, "--reason", "me again", "--json"
    )
    assert (own.code, own.document["error"]["code"]) == (3, "four_eyes")
    back = terminal.type(
        "incident", "decide", incident, "--withdraw", request, "--as", "supervisor", "--json"
    )
    assert back.document["requests"][-1]["state"] == "withdrawn"
    # The question is open again, and listed with what may be chosen.
    shown = terminal.type("incident", "decide", incident)
    assert "unproven_owner: keep | released" in shown.out
    chosen = terminal.type(*asked, "--choice", "released", "--json")
    request = chosen.document["requests"][-1]["request_id"]
    approved = terminal.type(
        "incident", "decide", incident, "--approve", request, "--reason", "seen", "--json"
    )
    assert approved.code == 0, approved.err


def test_watched_to_its_end_shown_and_audited(terminal: Terminal, incident: str) -> None:
    watched = terminal.type("incident", "watch", incident, "--wait-limit", "60", "--json")
    assert watched.code == 0, watched.err
    assert watched.document["outcome"] == "released"
    kinds = [step["kind"] for step in watched.document["recorded_steps"] if step["kind"] != "notice"]
    assert kinds[0] == "freeze"
    assert kinds[-1] == "close"
    shown = terminal.type("incident", "show", incident)
    assert "closed, released" in shown.out
    assert "afraid" not in shown.out
    audited = terminal.type("audit", "replay", incident, "--json")
    assert (audited.code, audited.document["replay_ok"]) == (0, True), audited.out
    assert audited.document["steps_match_history"] is True
    plain = terminal.type("audit", "replay", incident)
    assert "agree, one to one" in plain.out


def test_people_in_the_box_are_passed_through(terminal: Terminal) -> None:
    world = terminal.become("sandbox", "--help")
    assert world.code == 0
    assert "thief" in world.out


def test_a_gateway_that_cannot_have_its_port_says_so(terminal: Terminal) -> None:
    """The house's own gateway has it already."""
    second = terminal.become("gateway", "--json")
    assert (second.code, second.document["part"]) == (4, "gateway")
    assert "could not listen" in second.err


def test_logins_have_the_roles_they_are_named_for(terminal: Terminal) -> None:
    assert set(terminal.house.words.logins) == set(Role)
    for role, login in terminal.house.words.logins.items():
        assert login.credential.startswith(f"stanch_{role}_")


async def _restricted(url: str, incident_id: str) -> None:
    """As if two people had restricted a whole account for this incident nine days ago."""
    engine = make_engine(url, pool=1)
    try:
        async with transaction(engine) as connection:
            await connection.execute(
                text(
                    "INSERT INTO mule_freeze (id, incident_id, account_id, request_id, placed_at) "
                    "SELECT task.incident_id || '/1/mule-1', task.incident_id, 'acc-0009', request.id, now() - interval '9 days' "
                    "FROM decision_request AS request JOIN decision_task AS task ON task.id = request.task_id "
                    "WHERE task.incident_id = :id LIMIT 1"
                ),
                {"id": incident_id},
            )
    finally:
        await engine.dispose()


def test_whole_accounts_of_mules_are_listed_with_their_age(terminal: Terminal, incident: str) -> None:
    assert terminal.type("hold", "mules", "--json").document == {"mule_freezes": []}
    assert "No mule's account is restricted." in terminal.type("hold", "mules").out
    asyncio.run(_restricted(terminal.house.addresses.named["STANCH_DATABASE_URL"], incident))
    shown = terminal.type("hold", "mules", "--all", "--incident", incident)
    assert shown.code == 0, shown.err
    assert "acc-0009  9 days" in shown.out
    (listed,) = terminal.type("hold", "mules", "--all", "--json").document["mule_freezes"]
    assert (listed["account_id"], listed["incident_id"]) == ("acc-0009", incident)
