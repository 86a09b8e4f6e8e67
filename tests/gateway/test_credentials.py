"""Forgotten passwords at a gateway without an engine: what it answers, and what it does not look at."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cli.application import main
from cli.exit_codes import ExitCode
from tests.running_gateway import RunningGateway
from tests.running_sandbox import RunningSandbox

SHOWN = {"recovery_id", "token", "expires_at"}


def begin(gateway: RunningGateway, body: Any) -> tuple[int, Any]:
    answer = gateway.ask("POST", "/v1/credential-recoveries", body, as_=None)
    return answer.status_code, answer.json()


def test_the_gateway_asks_the_wallet_nothing_so_nothing_about_it_can_be_read_off(
    gateway: RunningGateway, sandbox: RunningSandbox
) -> None:
    """Neither the answer nor its time nor an error can tell who has an account: by then nobody has looked."""
    known = sandbox.control("GET", f"/people/{sandbox.account()}")["contacts"]
    sandbox.fault("GET /v1/accounts", "error", count=50)
    for body in ({"phone": known["phone"]}, {"email": known["email"]}, {"phone": "+4915511111111"}):
        status, said = begin(gateway, body)
        assert (status, set(said)) == (202, SHOWN)
        (row,) = gateway.rows(
            "SELECT state, account_id, asked FROM credential_recovery WHERE id = :id", id=said["recovery_id"]
        )
        assert (row.state, row.account_id) == ("asked", None)
        assert next(iter(body.values())).encode() not in bytes(row.asked)
        assert said["token"] not in gateway.log.read_text()
    assert [each["hits"] for each in sandbox.clear_faults()] == [0]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"phone": "+49155", "email": "a@b.example"},
        {"phone": "anybody"},
        {"email": "no address"},
        {"phone": "+4915511111111", "account_id": "acc-0001"},
    ],
)
def test_what_is_no_number_and_no_address_is_refused_and_nothing_begins(
    gateway: RunningGateway, body: dict[str, str]
) -> None:
    (before,) = gateway.rows("SELECT count(*) AS rows FROM credential_recovery")
    status, said = begin(gateway, body)
    assert (status, said["code"]) == (422, "invalid")
    assert not any(value in said["detail"] for value in body.values())
    assert gateway.rows("SELECT count(*) AS rows FROM credential_recovery") == [before]


def test_a_token_opens_its_own_recovery_and_a_code_of_another_door_counts_nowhere(
    gateway: RunningGateway,
) -> None:
    _, begun = begin(gateway, {"phone": "+4915522222222"})
    headers = {"authorization": f"Bearer {begun['token']}"}
    own = gateway.ask("GET", "/v1/credential-recovery", as_=None, headers=headers).json()
    assert own == {"recovery_id": begun["recovery_id"], "state": "begun", "expires_at": begun["expires_at"]}
    for wrong in ("x", "stanch_credential_" + "A" * 43, begun["token"][:-1]):
        refused = gateway.ask(
            "GET", "/v1/credential-recovery", as_=None, headers={"authorization": f"Bearer {wrong}"}
        )
        assert (refused.status_code, refused.json()["code"]) == (401, "unauthenticated")
    gateway.rows(
        "INSERT INTO identity_challenge (id, incident_id, episode, contact_id, channel, contact_set_at, round, code_digest, "
        "sent_at, expires_at, attempts, attempts_allowed) VALUES (:id, :recovery, 1, 'c', 'phone', now(), 1, 'x', now(), "
        "now() + interval '1 hour', 0, 5)",
        id="0" * 25 + "1",
        recovery=begun["recovery_id"],
    )
    body = {"challenge_id": "0" * 25 + "1", "code": "12345678"}
    elsewhere = gateway.ask("POST", "/v1/identity/answers", body, as_=None)
    assert elsewhere.json()["code"] == "code_wrong"
    (row,) = gateway.rows("SELECT attempts FROM identity_challenge WHERE id = :id", id=body["challenge_id"])
    assert row.attempts == 0, "guessed at the wrong door: not even an attempt"
    gateway.ask("POST", "/v1/credential-recovery/codes", body, as_=None, headers=headers)
    (row,) = gateway.rows("SELECT attempts FROM identity_challenge WHERE id = :id", id=body["challenge_id"])
    assert row.attempts == 1


def test_a_new_recovery_does_not_reset_the_count_and_after_a_hundred_only_people_help(
    gateway: RunningGateway,
) -> None:
    """Counted per number over every recovery of it, and for no account; the person is never shut out: an agent is another road."""
    account = "acc-guessed-at"
    tokens = [begin(gateway, {"phone": number})[1] for number in ("+4915533333330", "+49 155 3333-3330")]
    for each in tokens:
        gateway.rows(
            "UPDATE credential_recovery SET account_id = :account WHERE id = :id",
            account=account,
            id=each["recovery_id"],
        )
    (asked,) = gateway.rows(
        "SELECT DISTINCT counted_for AS number FROM credential_recovery WHERE account_id = :a", a=account
    )
    number = asked.number
    assert "5533333330" not in number, "a keyed digest"
    body = {"challenge_id": "0" * 26, "code": "12345678"}

    def guess(token: str) -> dict[str, Any]:
        # Time passes between two guesses, or they would be refused uncounted.
        gateway.rows("UPDATE identity_limit SET not_before = NULL WHERE disabled_at IS NULL")
        headers = {"authorization": f"Bearer {token}", "x-real": "1"}
        answer = gateway.ask("POST", "/v1/credential-recovery/codes", body, as_=None, headers=headers)
        gateway.rows("DELETE FROM request_pace")
        found: dict[str, Any] = answer.json()
        return found

    said = [guess(tokens[turn % 2]["token"])["detail"] for turn in range(12)]
    (row,) = gateway.rows(
        "SELECT failures FROM identity_limit WHERE scope = 'factor' AND subject = :number", number=number
    )
    assert row.failures == 12
    gateway.rows("UPDATE identity_limit SET failures = 99 WHERE scope = 'factor' AND subject = :n", n=number)
    said += [guess(tokens[0]["token"])["detail"], guess(tokens[1]["token"])["detail"]]
    (row,) = gateway.rows(
        "SELECT failures, disabled_at FROM identity_limit WHERE scope = 'factor' AND subject = :number",
        number=number,
    )
    assert row.failures == 100
    assert row.disabled_at is not None
    assert gateway.rows("SELECT 1 FROM identity_limit WHERE subject = :account", account=account) == [], (
        "nothing of it holds up the owner's proof in an incident"
    )
    assert len(set(said)) == 1, "wrong, too many and switched off sound the same"
    helped = gateway.ask(
        "POST",
        "/v1/credential-recovery/help",
        as_=None,
        headers={"authorization": f"Bearer {tokens[0]['token']}"},
    )
    assert helped.status_code == 202


def test_agents_begin_list_and_show_from_a_terminal(
    gateway: RunningGateway, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STANCH_GATEWAY_URL", gateway.url)
    monkeypatch.setenv("STANCH_CREDENTIAL", gateway.credentials["agent"])

    def run(*words: str, code: int = 0) -> dict[str, Any]:
        assert main(["credential", *words, "--json"]) == code
        document: dict[str, Any] = json.loads(capsys.readouterr().out)
        return document

    begun = run("start", "--phone", "+49 155 444-44444")
    assert set(begun) == SHOWN
    assert begun["recovery_id"] not in json.dumps(run("list")), "nobody's number is in no list"
    gateway.rows(
        "UPDATE credential_recovery SET account_id = 'acc-0001' WHERE id = :id", id=begun["recovery_id"]
    )
    assert begun["recovery_id"] in {each["recovery_id"] for each in run("list")["recoveries"]}
    shown = run("show", begun["recovery_id"])
    assert (shown["recovery"]["state"], shown["steps"], shown["decisions"]) == ("asked", [], [])
    assert main(["credential", "show", begun["recovery_id"]]) == 0
    assert main(["credential", "list"]) == 0
    assert "155" not in capsys.readouterr().out
    refused = run("decide", begun["recovery_id"], "send_link", "--reason", "x", code=ExitCode.REFUSED)
    assert refused["error"]["code"] == "refused_by_rule"
    assert run("start", code=ExitCode.BAD_INPUT)["error"]["code"] == "invalid"
    monkeypatch.setenv("STANCH_CREDENTIAL", gateway.credentials["detector"])
    assert main(["credential", "list", "--json"]) == ExitCode.REFUSED
