"""`stanch hold ...` and the recovery's verbs of `stanch incident ...`, at a whole house."""

from __future__ import annotations

import json

import pytest

from cli.application import main
from models.names import Role
from tests.bad_days.house import WholeHouse
from tests.bad_days.story import theft_on

pytestmark = pytest.mark.timeout(240)


def test_holds_thefts_mules_and_the_remedy_in_a_terminal(
    house: WholeHouse, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    story = theft_on(house)
    story.alarm()
    for name, value in house.environ().items():
        monkeypatch.setenv(name, value)

    def run(*words: str, code: int = 0) -> str:
        assert main([*words]) == code, capsys.readouterr().err
        return capsys.readouterr().out

    def held() -> list[dict[str, object]] | None:
        listed: list[dict[str, object]] = json.loads(
            run("hold", "list", "--incident", story.incident_id, "--json")
        )["holds"]
        placed = [hold for hold in listed if hold["state"] == "placed"]
        return placed if len(placed) == len(story.theft.amounts) else None

    hold_id = str(house.until(held, "every hold")[0]["hold_id"])
    assert hold_id in run("hold", "list", "--incident", story.incident_id)
    assert "period 1" in run("hold", "show", hold_id)
    stolen = sum(story.theft.amounts)
    cells = json.loads(run("incident", "remedy", story.incident_id, "--json"))["currencies"]["CNY"]
    assert (cells["stolen"], cells["on_hold"]) == (stolen, stolen)
    assert "remedy: stolen 900.00 CNY = on hold 900.00 CNY" in run("incident", "show", story.incident_id)
    assert "hold_objection: keep | release" in run("hold", "object", hold_id, "--statement", "my salary")
    assert "renew_hold: renew" in run("hold", "renew", hold_id, "--legal-basis", "order 17/2026 of the court")
    run("hold", "renew", hold_id, "--legal-basis", "please", code=3)
    assert "release_hold: release" in run("hold", "release", hold_id, "--reason", "a mistake")
    mule, transfer = story.theft.mules[0].account_id, story.theft.transfers[0]
    asked = run("incident", "mule", "freeze", story.incident_id, mule, "--reason", "a ring of mules")
    assert "freeze_mule: freeze  (open; two people must agree)" in asked
    withdrawn = ("theft", "withdraw", story.incident_id, transfer, "--reason", "that one was mine")
    assert "withdraw_theft: withdraw" in run("incident", *withdrawn)
    run("incident", "theft", "add", story.incident_id, "no-such-transfer", "--reason", "x", code=2)
    run("incident", "mule", "freeze", story.incident_id, story.account_id, "--reason", "x", code=3)
    run("hold", "show", "0" * 26, code=2)


def test_a_closing_a_reopening_and_a_supervisor_alone_in_a_terminal(
    house: WholeHouse, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    story = theft_on(house)
    story.alarm()

    def run(*words: str, code: int = 0, role: Role = Role.AGENT) -> str:
        for name, value in house.environ(role).items():
            monkeypatch.setenv(name, value)
        assert main([*words]) == code, capsys.readouterr().err
        return capsys.readouterr().out

    incident = story.incident_id
    bank = ("--to-bank", "BKCHCNBJXXX", "6222020200099887", "L. Wei", "--how-proven", "a statement, seen")
    closing = ("incident", "close-account", incident, *bank, "--reason", "no account any more", "--json")
    run(*closing, code=3)
    story.prove_owner()
    story.until_status("reset")
    asked = json.loads(run(*closing))
    request, entered = asked["requests"][-1]["request_id"], asked["action"]["destination_id"]
    assert "6222020200099887" in run("incident", "destination", incident, entered)
    run("incident", "decide", incident, "--approve", request, "--reason", "seen", role=Role.SUPERVISOR)
    story.until_status("closed")
    assert "account_closed" in run("incident", "show", incident)

    run("incident", "reopen", incident, "--reason", "more is missing", code=3)

    other = theft_on(house)
    other.alarm()
    kept = ("--kind", "unproven_owner", "--choice", "keep", "--reason", "nobody answers", "--json")
    chosen = json.loads(run("incident", "decide", other.incident_id, *kept))
    request = chosen["requests"][-1]["request_id"]
    alone = ("incident", "break-glass", "use", request, "--reason", "nobody is here at night")
    run(*alone, code=3)
    assert "to be judged by" in run(*alone, role=Role.SUPERVISOR)
    own = ("incident", "break-glass", "review", request, "--verdict", "justified", "--reason", "it was night")
    run(*own, code=3, role=Role.SUPERVISOR)
    assert request in run("incident", "break-glass", "list", role=Role.SUPERVISOR)
    # What lifts protection nobody does alone.
    released = ("--kind", "unproven_owner", "--choice", "released", "--reason", "she called it off", "--json")
    chosen = json.loads(run("incident", "decide", other.incident_id, *released))
    request = chosen["requests"][-1]["request_id"]
    run("incident", "break-glass", "use", request, "--reason", "at night", code=3, role=Role.SUPERVISOR)
    run(
        "incident",
        "decide",
        other.incident_id,
        "--approve",
        request,
        "--reason",
        "seen",
        role=Role.SUPERVISOR,
    )
    other.until_status("closed")
    again = json.loads(run("incident", "reopen", other.incident_id, "--reason", "she called", "--json"))
    assert again["reopens"] == other.incident_id
    assert again["incident_id"] not in {incident, other.incident_id}
    assert other.incident_id in run("incident", "show", again["incident_id"])
