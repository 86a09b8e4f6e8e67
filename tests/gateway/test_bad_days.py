"""What the caller hears when wallet, database or Temporal are not well, and that nothing is lost or said too early."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import perf_counter

import httpx2
import psutil
import pytest

from cli.embedded import roles
from cli.embedded.ports import free_port
from cli.embedded.postgres import EmbeddedPostgres
from settings import Settings
from tests.conftest import migrate
from tests.running_gateway import DETECTOR, RunningGateway, alarm_body, run_gateway
from tests.running_sandbox import RunningSandbox

PLACING = "POST .*/restrictions"


def standing(sandbox: RunningSandbox, account_id: str) -> int:
    return len(sandbox.state(account_id)["restrictions"])


@pytest.mark.parametrize(
    "fault",
    [
        {"mode": "error", "status": 503},
        {"mode": "error", "status": 500},
        {"mode": "closed"},
        {"mode": "lost_answer"},
        {"mode": "latency", "ms": 3000},
    ],
    ids=lambda fault: "-".join(str(each) for each in fault.values()),
)
def test_a_wallet_that_does_not_answer_means_pending_and_the_repeat_freezes_once(
    gateway: RunningGateway, sandbox: RunningSandbox, fault: dict[str, object]
) -> None:
    account_id = sandbox.account()
    body = alarm_body(account_id)
    sandbox.control("POST", "/faults", {"match": PLACING, "count": 1, **fault})
    began = perf_counter()
    pending = gateway.ask("POST", "/v1/alarms", body, as_=DETECTOR)
    assert pending.status_code == 202
    assert perf_counter() - began < 3
    answer = pending.json()
    assert (answer["freeze"], answer["time_to_freeze_ms"]) == ("pending", None)
    incident_id = answer["incident_id"]
    facts = gateway.ask("GET", f"/v1/incidents/{incident_id}").json()
    assert (facts["status"], facts["frozen_at"]) == ("opened", None)
    assert gateway.steps(incident_id) == []
    repeated = gateway.ask("POST", "/v1/alarms", body, as_=DETECTOR)
    assert repeated.status_code == 200
    assert repeated.json() | {"freeze": "pending", "time_to_freeze_ms": None} == answer
    assert repeated.json()["freeze"] == "done"
    assert standing(sandbox, account_id) == 1
    assert [each["kind"] for each in gateway.steps(incident_id)] == ["freeze"]


def test_a_closed_account_is_refused_for_good_and_recorded(
    gateway: RunningGateway, sandbox: RunningSandbox
) -> None:
    account_id = sandbox.account()
    sandbox.control("POST", f"/accounts/{account_id}/close")
    body = alarm_body(account_id)
    refused = gateway.ask("POST", "/v1/alarms", body, as_=DETECTOR)
    assert (refused.status_code, refused.json()["code"]) == (409, "wallet_refused")
    again = gateway.ask("POST", "/v1/alarms", body, as_=DETECTOR)
    assert (again.status_code, again.json()["code"]) == (409, "wallet_refused")
    (row,) = gateway.rows(
        "SELECT id, outcome FROM incident WHERE account_id = :account_id", account_id=account_id
    )
    assert row.outcome == "not_frozen"
    assert [step["status"] for step in gateway.steps(row.id)] == ["refused"]


def test_alarms_are_accepted_without_temporal_and_stay_due(
    gateway: RunningGateway, sandbox: RunningSandbox
) -> None:
    answers = [gateway.alarm(sandbox.account()) for _ in range(10)]
    assert {each.status_code for each in answers} == {201}
    due = gateway.rows("SELECT incident_id FROM hand_over WHERE done_at IS NULL")
    assert {each.json()["incident_id"] for each in answers} <= {row.incident_id for row in due}
    ready = gateway.client.get("/ready")
    assert ready.status_code == 200
    assert ready.json()["parts"] == {"database": "ok", "wallet": "ok", "temporal": "unreachable"}


class OwnDatabase:
    """A PostgreSQL of one test, which may be stopped."""

    def __init__(self, server: EmbeddedPostgres, url: str) -> None:
        self.server = server
        self.url = url

    def signal(self, number: int) -> None:
        """Send a signal to every process of the cluster."""
        assert self.server._child is not None
        parent = psutil.Process(self.server._child.pid)
        for process in (parent, *parent.children(recursive=True)):
            process.send_signal(number)


@pytest.fixture(scope="module")
def own_database() -> Iterator[OwnDatabase]:
    with EmbeddedPostgres(throwaway=True) as server:
        migrate(server.url("stanch", roles.OWNER))
        yield OwnDatabase(server, server.url("stanch"))


@pytest.fixture(scope="module")
def own_gateway(
    own_database: OwnDatabase, shared_sandbox: RunningSandbox, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningGateway]:
    log = tmp_path_factory.mktemp("own") / "gateway.log"
    with run_gateway(own_database.url, shared_sandbox, free_port(), log) as running:
        yield running


def refused_in_time(gateway: RunningGateway, bodies: list[dict[str, object]]) -> None:
    """Within the budget, and what a busy machine adds to it."""
    budget = Settings().intake_budget_ms / 1000
    for body in bodies:
        began = perf_counter()
        refused = gateway.ask("POST", "/v1/alarms", body, as_=DETECTOR)
        took = perf_counter() - began
        assert (refused.status_code, refused.json()["code"]) == (503, "not_accepted")
        assert refused.headers["retry-after"] == "1"
        assert took < budget + 0.5, f"{took * 1000:.0f} ms"


def test_a_stopped_database_refuses_ten_alarms_plainly_and_all_freeze_when_repeated(
    own_gateway: RunningGateway, own_database: OwnDatabase, sandbox: RunningSandbox
) -> None:
    accounts = [sandbox.account() for _ in range(11)]
    assert own_gateway.alarm(accounts.pop()).status_code == 201
    bodies = [alarm_body(each) for each in accounts]
    own_database.server.kill()
    refused_in_time(own_gateway, bodies)
    ready = own_gateway.client.get("/ready")
    assert (ready.status_code, ready.json()["code"]) == (503, "database_unreachable")
    assert [standing(sandbox, each) for each in accounts] == [0] * 10
    own_database.server.start()
    answers = [own_gateway.ask("POST", "/v1/alarms", body, as_=DETECTOR) for body in bodies]
    assert [each.status_code for each in answers] == [201] * 10
    assert [standing(sandbox, each) for each in accounts] == [1] * 10


def test_a_database_that_hangs_refuses_as_fast(
    own_gateway: RunningGateway, own_database: OwnDatabase, sandbox: RunningSandbox
) -> None:
    accounts = [sandbox.account() for _ in range(3)]
    bodies = [alarm_body(each) for each in accounts]
    assert own_gateway.alarm(sandbox.account()).status_code == 201
    own_database.signal(signal.SIGSTOP)
    try:
        refused_in_time(own_gateway, bodies)
        assert [standing(sandbox, each) for each in accounts] == [0] * 3
        reading = own_gateway.ask("GET", "/v1/incidents", as_="auditor")
        assert (reading.status_code, reading.json()["code"]) == (503, "database_unreachable")
    finally:
        own_database.signal(signal.SIGCONT)
    answers = [own_gateway.ask("POST", "/v1/alarms", body, as_=DETECTOR) for body in bodies]
    assert {each.status_code for each in answers} <= {200, 201}
    assert [standing(sandbox, each) for each in accounts] == [1] * 3


def test_what_is_not_recorded_is_not_called_frozen(
    own_gateway: RunningGateway, own_database: OwnDatabase, sandbox: RunningSandbox
) -> None:
    """The database goes away while the wallet is at work: frozen at the wallet, pending to the caller, whole after."""
    account_id = sandbox.account()
    body = alarm_body(account_id)
    assert own_gateway.alarm(sandbox.account()).status_code == 201
    sandbox.fault(PLACING, "latency", ms=700)
    with ThreadPoolExecutor(1) as thread:
        asked = thread.submit(own_gateway.ask, "POST", "/v1/alarms", body, as_=DETECTOR)
        wait_for_attempt(own_gateway, account_id)
        own_database.server.kill()
        answer = asked.result()
    assert (answer.status_code, answer.json()["freeze"]) == (202, "pending")
    assert standing(sandbox, account_id) == 1
    own_database.server.start()
    assert own_gateway.steps(answer.json()["incident_id"]) == []
    again = own_gateway.ask("POST", "/v1/alarms", body, as_=DETECTOR)
    assert (again.status_code, again.json()["freeze"]) == (200, "done")
    assert standing(sandbox, account_id) == 1


def wait_for_attempt(gateway: RunningGateway, account_id: str) -> None:
    query = "SELECT 1 FROM step_attempt a JOIN incident i ON i.id = a.incident_id WHERE i.account_id = :account_id"
    until = perf_counter() + 10
    while perf_counter() < until:
        if gateway.rows(query, account_id=account_id):
            return
    pytest.fail("the attempt was never committed")


def test_a_gateway_killed_in_the_middle_loses_nothing(
    database_url: str, sandbox: RunningSandbox, tmp_path: Path
) -> None:
    account_id = sandbox.account()
    body = alarm_body(account_id)
    port = free_port()
    with run_gateway(database_url, sandbox, port, tmp_path / "first.log") as first:
        former = first
        sandbox.fault(PLACING, "latency", ms=1500)
        with ThreadPoolExecutor(1) as thread:
            asked = thread.submit(first.ask, "POST", "/v1/alarms", body, as_=DETECTOR)
            wait_for_attempt(first, account_id)
            first.kill()
            with pytest.raises(httpx2.TransportError):
                asked.result()
    with run_gateway(database_url, sandbox, port, tmp_path / "second.log", former=former) as second:
        due = second.rows("SELECT done_at FROM hand_over")
        assert [row.done_at for row in due] == [None]
        again = second.ask("POST", "/v1/alarms", body, as_=DETECTOR)
        assert (again.status_code, again.json()["freeze"]) == (200, "done")
        assert standing(sandbox, account_id) == 1
        assert second.stop() == 0
