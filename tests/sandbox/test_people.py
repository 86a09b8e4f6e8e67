"""Thief, detector and owner as they really run: own processes, the public side, a gateway that records what it gets."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from sandbox.people.plan import make_plan
from tests.running_sandbox import ROOT, RunningSandbox


class RecordingGateway:
    """Takes alarms and identity answers; `refusals` of them are answered 503 first."""

    def __init__(self) -> None:
        self.received: list[tuple[str, dict[str, Any], str]] = []
        self.refusals = 0
        gateway = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                gateway.received.append((self.path, body, self.headers.get("Authorization", "")))
                refused = gateway.refusals > 0
                gateway.refusals -= refused
                self.send_response(503 if refused else 201)
                said = b'{"claim": "the-first"}' if self.path == "/v1/identity/answers" else b"{}"
                said = b"{}" if refused or "claim" in body else said
                self.send_header("Content-Length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)

            def log_message(self, *arguments: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def alarms(self, account_id: str) -> list[dict[str, Any]]:
        return [
            body
            for path, body, _ in self.received
            if path == "/v1/alarms" and body["account_id"] == account_id
        ]


@pytest.fixture
def gateway(sandbox: RunningSandbox) -> Iterator[RecordingGateway]:
    gateway = RecordingGateway()
    sandbox.control("POST", "/detector", {"gateway_url": gateway.url, "alarm_key": "an alarm key"})
    yield gateway
    sandbox.control("POST", "/detector", {"gateway_url": None, "alarm_key": None})
    gateway.close()


def until(seconds: float, condition: Any) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)
    return found


def start(sandbox: RunningSandbox, *arguments: str, **environ: str) -> subprocess.Popen[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SANDBOX_")}
    own = {"PYTHONPATH": str(ROOT), "SANDBOX_URL": sandbox.url, "SANDBOX_ADMIN_KEY": sandbox.admin_key}
    command = [sys.executable, "-m", "sandbox", *arguments]
    return subprocess.Popen(
        command, cwd=ROOT, env={**kept, **own, **environ}, stdout=subprocess.PIPE, text=True
    )


def told(process: subprocess.Popen[str], seconds: float = 30) -> list[dict[str, Any]]:
    output, _ = process.communicate(timeout=seconds)
    assert process.returncode == 0
    return [json.loads(line) for line in output.splitlines()]


def test_the_detector_alarms_after_the_third_stolen_transfer_and_insists(
    sandbox: RunningSandbox, gateway: RecordingGateway
) -> None:
    account_id = sandbox.rich_account(60_000)
    gateway.refusals = 2
    theft = sandbox.steal(account_id, [5000, 5000])
    third = theft.thief.send("mer-001", 100).raise_for_status().json()
    alarms = until(10, lambda: gateway.alarms(account_id) if len(gateway.alarms(account_id)) == 3 else None)
    assert len({alarm["id"] for alarm in alarms}) == 1
    assert alarms[0] == alarms[1] == alarms[2]
    assert alarms[0]["source"] == "sandbox-detector"
    assert alarms[0]["kind"] == "trigger"
    assert alarms[0]["stolen_transfers"] == [*theft.transfers, third["transfer_id"]]
    since = datetime.fromisoformat(alarms[0]["compromised_since"])
    changes = [one for item in sandbox.state(account_id)["security"].values() for one in item]
    young = [one for one in changes if datetime.fromisoformat(one["set_at"]) >= theft.compromised_since]
    assert since < min(datetime.fromisoformat(one["set_at"]) for one in young)
    assert {key for path, _, key in gateway.received if path == "/v1/alarms"} == {"Bearer an alarm key"}


def test_later_thefts_follow_in_an_alarm_of_their_own(
    sandbox: RunningSandbox, gateway: RecordingGateway
) -> None:
    account_id = sandbox.rich_account(60_000)
    theft = sandbox.steal(account_id, [1000, 1000, 1000])
    first = until(10, lambda: gateway.alarms(account_id))[0]
    until(10, lambda: sandbox.control("GET", "/alarms", account_id=account_id)["alarms"][0]["answered_at"])
    later = theft.thief.pay(theft.mules[0].account_id, 1000)["transfer_id"]
    second = until(10, lambda: gateway.alarms(account_id)[1:])[0]
    assert second["id"] != first["id"]
    assert second["stolen_transfers"] == [later]


def test_ordinary_customers_raise_no_alarm(sandbox: RunningSandbox, gateway: RecordingGateway) -> None:
    busy = sandbox.rich_account(60_000)
    owner = sandbox.owner(busy)
    for _ in range(4):
        owner.pay(sandbox.account(), 1000)
    mover = sandbox.rich_account(60_000)
    password = sandbox.control("GET", f"/people/{mover}")["password"]
    new_phone = sandbox.customer()
    new_phone.log_in(mover, password).raise_for_status()
    for _ in range(4):
        new_phone.pay(sandbox.account(), 1000)
    # The detector looks at everything in order, so an alarm about a later theft shows that it saw these first.
    thief = sandbox.rich_account(60_000)
    sandbox.steal(thief, [1000, 1000, 1000])
    until(10, lambda: gateway.alarms(thief))
    assert gateway.alarms(busy) == []
    assert gateway.alarms(mover) == []


def test_the_thief_steals_until_refused_and_the_mules_pass_it_on(
    sandbox: RunningSandbox, gateway: RecordingGateway
) -> None:
    account_id = sandbox.control("GET", "/world")["victim"]["account_id"]
    thief = start(sandbox, "thief", "--seed", "3", "--pace", "0.3", "--afterwards", "1.5")
    until(20, lambda: gateway.alarms(account_id))
    receipt = sandbox.restrict(account_id, "thief/1/full").raise_for_status().json()
    lines = told(thief)
    did = [line["did"] for line in lines]
    thefts = [line for line in lines if line["did"] == "theft"]
    assert len(thefts) >= 3
    assert all(line["seq"] <= receipt["effective_seq"] for line in thefts)
    refused = [line for line in lines if line["did"] == "still_refused"]
    assert {line["attempt"] for line in refused} == {"transfer", "login", "payee"}
    assert {line["refused"] for line in refused} == {"account_restricted"}
    assert did[-1] == "gone"
    passed_on = [line for line in lines if line["did"] == "transfer" and line["who"].startswith("mule-")]
    assert {line["kind"] for line in passed_on} > {"mule"}
    attempts = sandbox.attempts(account_id)
    assert attempts["refused_while_restricted"] >= len(refused)
    books = sandbox.control("GET", "/books")
    assert books["balanced"]
    assert books["gapless"]


@pytest.mark.fast
def test_the_same_seed_is_the_same_plan() -> None:
    assert make_plan(4, "acc-0001") == make_plan(4, "acc-0001")
    assert make_plan(4, "acc-0001") != make_plan(5, "acc-0001")
    assert {mule.layer for mule in make_plan(4, "acc-0001").mules} == {1, 2}


def test_the_owner_answers_codes_of_before_renews_and_comes_back(
    sandbox: RunningSandbox, gateway: RecordingGateway
) -> None:
    account_id = sandbox.rich_account()
    known = sandbox.control("GET", f"/people/{account_id}")
    theft = sandbox.steal(account_id, [100])
    sandbox.restrict(account_id, "owner/1/full").raise_for_status()
    headers = {"Authorization": f"Bearer {sandbox.message_key}"}
    for channel, kind, code in (("sms", "phone", "11112222"), ("email", "email", "33334444")):
        body = f"Stanch code {code} for reference REF{code}. 验证码 {code}。"
        message = {
            "id": f"{account_id}/{kind}",
            "channel": channel,
            "to": known["contacts"][kind],
            "body": body,
        }
        sandbox.client.post("/gateway/messages", json=message, headers=headers).raise_for_status()
    owner = start(sandbox, "owner", "--account", account_id, "--gateway-url", gateway.url, "--pace", "0.2")
    answers = until(
        20,
        lambda: (
            [body for path, body, _ in gateway.received if path == "/v1/identity/answers"][1:]
            and gateway.received
        ),
    )
    assert sorted(body["code"] for path, body, _ in answers if path == "/v1/identity/answers") == [
        "11112222",
        "33334444",
    ]
    carried = [body.get("claim") for path, body, _ in answers if path == "/v1/identity/answers"]
    assert carried == [None, "the-first"]

    since = {"set_since": theft.compromised_since.isoformat(), "reason": "a test"}
    for item in ("contacts", "password", "devices"):
        sandbox.ask("POST", f"/v1/accounts/{account_id}/security/{item}/reset", since).raise_for_status()
    link = {
        "purpose": "renew_credentials",
        "contact_point_id": f"{account_id}-phone-1",
        "expires_at": "2099-01-01T00:00:00Z",
    }
    sandbox.ask("POST", f"/v1/accounts/{account_id}/owner-links", link).raise_for_status()
    until(20, lambda: [one for one in sandbox.state(account_id)["security"]["password"] if one["active"]])
    sandbox.release(account_id, ["owner/1/full"]).raise_for_status()
    did = [line["did"] for line in told(owner)]
    assert did == ["begins", "answered_code", "answered_code", "renewed_password", "logged_in"]
    # Waiting for the release, the owner never knocked at a closed door.
    assert sandbox.attempts(account_id)["total"] == 0


@pytest.mark.parametrize(
    "program", [("owner",), ("agent", "--credential", "x"), ("supervisor", "--credential", "x")]
)
def test_a_person_stops_when_told_to(
    sandbox: RunningSandbox, gateway: RecordingGateway, program: tuple[str, ...]
) -> None:
    process = start(sandbox, *program, "--gateway-url", gateway.url)
    assert process.stdout is not None
    assert json.loads(process.stdout.readline())["did"] == "begins"
    process.send_signal(signal.SIGTERM)
    assert [line["did"] for line in told(process, 10)] == ["stopped"]


def test_a_thief_who_comes_back_finds_new_numbers_and_takes_every_currency(sandbox: RunningSandbox) -> None:
    account_id = sandbox.rich_account(60_000)
    payer = sandbox.control("GET", "/world")["victim"]["account_id"]
    sandbox.release(
        payer, [one["restriction_id"] for one in sandbox.state(payer)["restrictions"]] or ["none/1"]
    )
    sandbox.owner(payer).pay(account_id, 100_000, "USD")  # a share of it is at least 3%: worth a theft
    again = (
        "--account",
        account_id,
        "--pace",
        "0.05",
        "--afterwards",
        "0.1",
        "--currency",
        "USD",
        "--currency",
        "CNY",
    )
    first = told(start(sandbox, "thief", *again))
    assert {line["currency"] for line in first if line["did"] == "theft"} == {"USD", "CNY"}
    second = told(start(sandbox, "thief", *again))
    accounts = [
        {line["account_id"] for line in lines if line["did"] == "signed_up"} for lines in (first, second)
    ]
    assert accounts[0]
    assert len(accounts[0]) == len(accounts[1])
    assert not accounts[0] & accounts[1]
