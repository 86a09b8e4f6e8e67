"""What people decide, and that four eyes are four."""

from __future__ import annotations

from typing import Any

from tests.running_gateway import RunningGateway
from tests.running_sandbox import RunningSandbox


def incident(gateway: RunningGateway, sandbox: RunningSandbox, **alarm: str) -> str:
    incident_id: str = gateway.alarm(sandbox.account(), **alarm).json()["incident_id"]
    return incident_id


def asked(
    gateway: RunningGateway, incident_id: str, as_: str = "agent", **more: str
) -> tuple[int, dict[str, Any]]:
    body = {"kind": "end_as_false_alarm", "choice": "false_alarm", "reason": "the owner called back", **more}
    response = gateway.ask("POST", f"/v1/incidents/{incident_id}/decisions", body, as_=as_)
    return response.status_code, response.json()


def judged(gateway: RunningGateway, request_id: str, verdict: str, as_: str) -> tuple[int, dict[str, Any]]:
    body = None if verdict == "withdraw" else {"reason": "I have seen the papers"}
    response = gateway.ask("POST", f"/v1/decisions/{request_id}/{verdict}", body, as_=as_)
    return response.status_code, response.json()


def due(gateway: RunningGateway, incident_id: str) -> int:
    (row,) = gateway.rows("SELECT generation FROM hand_over WHERE incident_id = :id", id=incident_id)
    generation: int = row.generation
    return generation


def test_a_choice_waits_for_another_person(gateway: RunningGateway, sandbox: RunningSandbox) -> None:
    incident_id = incident(gateway, sandbox)
    before = due(gateway, incident_id)
    status, decision = asked(gateway, incident_id, "supervisor")
    assert status == 201
    assert decision["four_eyes"] is True
    (request,) = decision["requests"]
    assert (request["state"], request["choice"]) == ("open", "false_alarm")
    assert due(gateway, incident_id) > before
    listed = gateway.ask("GET", "/v1/decisions", params={"state": "open"}).json()["decisions"]
    assert decision["task_id"] in {each["task_id"] for each in listed}
    own = judged(gateway, request["request_id"], "approve", "supervisor")
    assert (own[0], own[1]["code"]) == (403, "four_eyes")
    status, approved = judged(gateway, request["request_id"], "approve", "supervisor-2")
    assert status == 200
    assert approved["requests"][0]["state"] == "approved"
    again = judged(gateway, request["request_id"], "decline", "supervisor-2")
    assert (again[0], again[1]["code"]) == (409, "already_decided")
    assert "ask_decision" in [step["kind"] for step in gateway.steps(incident_id)]


def test_a_declined_choice_opens_the_question_again(gateway: RunningGateway, sandbox: RunningSandbox) -> None:
    incident_id = incident(gateway, sandbox)
    _, decision = asked(gateway, incident_id)
    request_id = decision["requests"][0]["request_id"]
    second = asked(gateway, incident_id, "supervisor")
    assert (second[0], second[1]["code"]) == (409, "already_decided")
    status, declined = judged(gateway, request_id, "decline", "supervisor")
    assert (status, declined["requests"][0]["state"]) == (200, "declined")
    status, third = asked(gateway, incident_id)
    assert (status, third["task_id"]) == (201, decision["task_id"])


def test_a_choice_is_taken_back_only_by_whoever_made_it(
    gateway: RunningGateway, sandbox: RunningSandbox
) -> None:
    incident_id = incident(gateway, sandbox)
    _, decision = asked(gateway, incident_id)
    request_id = decision["requests"][0]["request_id"]
    other = judged(gateway, request_id, "withdraw", "supervisor")
    assert (other[0], other[1]["code"]) == (403, "forbidden")
    status, withdrawn = judged(gateway, request_id, "withdraw", "agent")
    assert (status, withdrawn["requests"][0]["state"]) == (200, "withdrawn")
    late = judged(gateway, request_id, "approve", "supervisor")
    assert (late[0], late[1]["code"]) == (409, "already_decided")


def test_an_open_question_is_chosen_on_by_its_id(gateway: RunningGateway, sandbox: RunningSandbox) -> None:
    incident_id = incident(gateway, sandbox)
    _, decision = asked(gateway, incident_id)
    judged(gateway, decision["requests"][0]["request_id"], "withdraw", "agent")
    path = f"/v1/decisions/{decision['task_id']}/request"
    wrong = gateway.ask("POST", path, {"choice": "pay_me", "reason": "because"})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "invalid")
    right = gateway.ask("POST", path, {"choice": "false_alarm", "reason": "because"})
    assert right.status_code == 201
    assert [each["state"] for each in right.json()["requests"]] == ["withdrawn", "open"]


def test_people_put_only_their_own_questions(gateway: RunningGateway, sandbox: RunningSandbox) -> None:
    incident_id = incident(gateway, sandbox)
    status, problem = asked(gateway, incident_id, kind="return_account", choice="restored")
    assert (status, problem["code"]) == (409, "refused_by_rule")
    status, problem = asked(gateway, incident_id, choice="restored")
    assert (status, problem["code"]) == (422, "invalid")
    status, problem = asked(gateway, incident_id, reason="   ")
    assert (status, problem["code"]) == (422, "invalid")
    status, problem = asked(gateway, "01ARZ3NDEKTSV4RRFFQ69G5FAV")
    assert (status, problem["code"]) == (404, "not_found")


def test_keeping_protection_up_takes_one_person(gateway: RunningGateway, sandbox: RunningSandbox) -> None:
    incident_id = incident(gateway, sandbox, as_="agent")
    status, decision = asked(gateway, incident_id, kind="renew_freeze", choice="renew")
    assert status == 201
    assert decision["four_eyes"] is False


def test_a_triggers_freeze_has_no_clock_to_renew(gateway: RunningGateway, sandbox: RunningSandbox) -> None:
    status, problem = asked(gateway, incident(gateway, sandbox), kind="renew_freeze", choice="renew")
    assert (status, problem["code"]) == (409, "refused_by_rule")


def test_what_does_not_exist_cannot_be_judged(gateway: RunningGateway) -> None:
    for verdict in ("approve", "decline", "withdraw"):
        for request_id in ("0" * 26, "x", "%00"):
            status, problem = judged(gateway, request_id, verdict, "supervisor")
            assert (status, problem["code"]) == (404, "not_found")
