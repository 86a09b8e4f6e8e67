"""Every answer to an alarm."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta

import httpx2
import pytest

from tests.running_gateway import DETECTOR, RunningGateway, alarm_body
from tests.running_sandbox import RunningSandbox


def restrictions(sandbox: RunningSandbox, account_id: str) -> list[str]:
    return [each["restriction_id"] for each in sandbox.state(account_id)["restrictions"]]


def test_a_trigger_freezes_before_it_is_answered(gateway: RunningGateway, sandbox: RunningSandbox) -> None:
    account_id = sandbox.account()
    response = gateway.alarm(account_id)
    assert response.status_code == 201
    answer = response.json()
    assert answer["freeze"] == "done"
    assert answer["episode"] == 1
    assert answer["late"] is False
    assert 0 <= answer["time_to_freeze_ms"]["wallet_ack"] <= answer["time_to_freeze_ms"]["committed"]
    assert restrictions(sandbox, account_id) == [f"{answer['incident_id']}/1/full"]
    (step,) = gateway.steps(answer["incident_id"])
    assert (step["kind"], step["status"], step["actor"], step["role"]) == (
        "freeze",
        "done",
        "trigger",
        DETECTOR,
    )
    assert step["gateway_attempt"] is not None
    assert step["workflow_id"] is None
    incident = gateway.ask("GET", f"/v1/incidents/{answer['incident_id']}").json()
    assert incident["status"] == "frozen"
    assert incident["security"] == {}, "nothing was compared yet"
    path = f"/v1/incidents/{answer['incident_id']}/security"
    assert gateway.ask("GET", path, as_=DETECTOR).status_code == 403
    security = gateway.ask("GET", path).json()
    assert (security["compared"], security["payments"], len(security["items"])) == ("live", [], 12)
    sandbox.fault(f"GET /v1/accounts/{account_id}", "error")
    unseen = gateway.ask("GET", path)
    assert (unseen.status_code, unseen.json()["code"]) == (503, "wallet_unreachable")
    assert gateway.ask("GET", "/v1/incidents/01JNA0Z6Q0V8W5T1V0M5M4T9YB/security").status_code == 404


def test_the_same_again_gets_the_same_answer(gateway: RunningGateway, sandbox: RunningSandbox) -> None:
    account_id = sandbox.account()
    body = alarm_body(account_id)
    first = gateway.ask("POST", "/v1/alarms", body, as_=DETECTOR)
    gateway_rows_settle(gateway, first.json()["incident_id"])
    again = gateway.ask("POST", "/v1/alarms", body, as_=DETECTOR)
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == first.json()
    assert len(restrictions(sandbox, account_id)) == 1


def gateway_rows_settle(gateway: RunningGateway, incident_id: str) -> None:
    """The exact intervals are stored right after the answer; wait for the row."""
    query = "SELECT 1 FROM freeze_time JOIN step ON step.id = step_id WHERE incident_id = :incident_id"
    for _ in range(200):
        if gateway.rows(query, incident_id=incident_id):
            return
    pytest.fail("the intervals were never stored")


def test_the_same_id_with_other_content_is_a_conflict(
    gateway: RunningGateway, sandbox: RunningSandbox
) -> None:
    account_id, other = sandbox.account(), sandbox.account()
    body = alarm_body(account_id)
    assert gateway.ask("POST", "/v1/alarms", body, as_=DETECTOR).status_code == 201
    conflict = gateway.ask("POST", "/v1/alarms", body | {"account_id": other}, as_=DETECTOR)
    assert (conflict.status_code, conflict.json()["code"]) == (409, "alarm_conflict")
    assert restrictions(sandbox, other) == []


def test_an_unknown_account_is_told_and_recorded(gateway: RunningGateway) -> None:
    body = alarm_body("acc-nobody-1")
    first = gateway.ask("POST", "/v1/alarms", body, as_=DETECTOR)
    assert (first.status_code, first.json()["code"]) == (404, "account_unknown")
    rows = gateway.rows(
        "SELECT i.outcome, s.status, s.reason FROM incident i JOIN step s ON s.incident_id = i.id "
        "WHERE i.account_id = 'acc-nobody-1'"
    )
    assert [tuple(row) for row in rows] == [("not_frozen", "refused", "account_unknown")]
    again = gateway.ask("POST", "/v1/alarms", body, as_=DETECTOR)
    assert again.status_code == 404
    assert len(gateway.rows("SELECT 1 FROM incident WHERE account_id = 'acc-nobody-1'")) == 1


def test_an_old_alarm_freezes_and_is_flagged(gateway: RunningGateway, sandbox: RunningSandbox) -> None:
    account_id = sandbox.account()
    occurred = (datetime.now(UTC) - timedelta(hours=25)).isoformat()
    response = gateway.alarm(account_id, occurred_at=occurred, compromised_since=None)
    assert response.status_code == 201
    assert response.json()["late"] is True
    assert len(restrictions(sandbox, account_id)) == 1


def test_a_persons_report_freezes_only_what_goes_out(
    gateway: RunningGateway, sandbox: RunningSandbox
) -> None:
    account_id = sandbox.account()
    response = gateway.alarm(account_id, as_="agent")
    assert response.status_code == 201
    assert restrictions(sandbox, account_id) == [f"{response.json()['incident_id']}/1/outgoing"]


def test_a_trigger_widens_a_report(gateway: RunningGateway, sandbox: RunningSandbox) -> None:
    account_id = sandbox.account()
    report = gateway.alarm(account_id, as_="agent").json()
    trigger = gateway.alarm(account_id)
    assert trigger.status_code == 201
    assert trigger.json()["incident_id"] == report["incident_id"]
    incident = report["incident_id"]
    assert sorted(restrictions(sandbox, account_id)) == [f"{incident}/1/full", f"{incident}/1/outgoing"]


def test_after_an_unproven_freeze_the_next_report_goes_to_an_agent(
    gateway: RunningGateway, sandbox: RunningSandbox
) -> None:
    account_id = sandbox.account()
    first = gateway.alarm(account_id, as_="agent").json()["incident_id"]
    gateway.rows(
        "UPDATE incident SET status = 'closed', outcome = 'released', closed_at = now() WHERE id = :id",
        id=first,
    )
    body = alarm_body(account_id, as_="agent")
    answers = [gateway.ask("POST", "/v1/alarms", body) for _ in range(2)]
    assert [each.status_code for each in answers] == [202, 202]
    assert {each.json()["freeze"] for each in answers} == {"held_back"}
    (second,) = {each.json()["incident_id"] for each in answers}
    assert second != first
    assert restrictions(sandbox, account_id) == [f"{first}/1/outgoing"]
    assert gateway.steps(second) == []
    trigger = gateway.alarm(account_id)
    assert (trigger.status_code, trigger.json()["incident_id"]) == (201, second)
    assert f"{second}/1/full" in restrictions(sandbox, account_id)


def test_a_repeat_after_the_end_freezes_nothing(gateway: RunningGateway, sandbox: RunningSandbox) -> None:
    account_id = sandbox.account()
    body = alarm_body(account_id)
    first = gateway.ask("POST", "/v1/alarms", body, as_=DETECTOR).json()
    name = f"{first['incident_id']}/1/full"
    gateway.rows(
        "UPDATE incident SET status = 'closed', outcome = 'restored', closed_at = now() WHERE id = :id",
        id=first["incident_id"],
    )
    sandbox.release(account_id, [name], key=f"{name}/release").raise_for_status()
    again = gateway.ask("POST", "/v1/alarms", body, as_=DETECTOR)
    assert (again.status_code, again.json()["incident_id"]) == (200, first["incident_id"])
    assert restrictions(sandbox, account_id) == []
    next_one = gateway.alarm(account_id).json()["incident_id"]
    assert restrictions(sandbox, account_id) == [f"{next_one}/1/full"]


async def test_five_times_the_same_at_once_is_one_effect(
    gateway: RunningGateway, sandbox: RunningSandbox
) -> None:
    account_id = sandbox.account()
    answers = await at_once(gateway, [alarm_body(account_id)] * 5)
    assert Counter(each.status_code for each in answers) == {201: 1, 200: 4}
    assert len({each.json()["incident_id"] for each in answers}) == 1
    assert len(restrictions(sandbox, account_id)) == 1
    incident_id = answers[0].json()["incident_id"]
    assert [step["kind"] for step in gateway.steps(incident_id)] == ["freeze"]
    assert len(gateway.rows("SELECT 1 FROM alarm WHERE incident_id = :id", id=incident_id)) == 1


async def test_two_different_at_once_for_one_account_are_one_incident(
    gateway: RunningGateway, sandbox: RunningSandbox
) -> None:
    account_id = sandbox.account()
    answers = await at_once(gateway, [alarm_body(account_id), alarm_body(account_id)])
    assert [each.status_code for each in answers] == [201, 201]
    (incident_id,) = {each.json()["incident_id"] for each in answers}
    assert len({each.json()["alarm_id"] for each in answers}) == 2
    assert len(restrictions(sandbox, account_id)) == 1
    assert [step["kind"] for step in gateway.steps(incident_id)] == ["freeze"]


async def test_a_burst_is_frozen_whole(gateway: RunningGateway, sandbox: RunningSandbox) -> None:
    accounts = [sandbox.account() for _ in range(60)]
    bodies = [alarm_body(each) for each in accounts]
    answers = await at_once(gateway, bodies)
    # A wallet asked by everybody at once may be late for some; whoever asks again is told that it is done.
    assert {each.status_code for each in answers} <= {201, 202}
    late = [body for body, each in zip(bodies, answers, strict=True) if each.status_code == 202]
    repeated = await at_once(gateway, late)
    assert {each.json()["freeze"] for each in [*answers, *repeated] if each.status_code != 202} == {"done"}
    assert len({each.json()["incident_id"] for each in answers}) == 60


async def at_once(gateway: RunningGateway, bodies: list[dict[str, object]]) -> list[httpx2.Response]:
    headers = {"authorization": f"Bearer {gateway.credentials[DETECTOR]}"}
    async with httpx2.AsyncClient(
        base_url=gateway.url, headers=headers, timeout=30, trust_env=False
    ) as client:
        return await asyncio.gather(*(client.post("/v1/alarms", json=body) for body in bodies))
