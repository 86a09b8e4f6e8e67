"""Looking up: lists page to their end, and one incident says everything."""

from __future__ import annotations

from tests.running_gateway import RunningGateway
from tests.running_sandbox import RunningSandbox


def test_incidents_page_newest_first_without_loss(gateway: RunningGateway, sandbox: RunningSandbox) -> None:
    made = [gateway.alarm(sandbox.account()).json()["incident_id"] for _ in range(5)]
    seen: list[str] = []
    after = None
    while True:
        query = {"limit": 2} | ({} if after is None else {"after": after})
        page = gateway.ask("GET", "/v1/incidents", params=query, as_="auditor").json()
        seen += [each["incident_id"] for each in page["incidents"]]
        after = page["next"]
        if after is None:
            break
    assert len(seen) == len(set(seen))
    assert [each for each in seen if each in made] == list(reversed(made))


def test_incidents_are_found_by_account_and_status(gateway: RunningGateway, sandbox: RunningSandbox) -> None:
    account_id = sandbox.account()
    incident_id = gateway.alarm(account_id).json()["incident_id"]
    query = {"account_id": account_id, "status": "frozen"}
    (found,) = gateway.ask("GET", "/v1/incidents", params=query).json()["incidents"]
    assert found["incident_id"] == incident_id
    query["status"] = "closed"
    assert gateway.ask("GET", "/v1/incidents", params=query).json()["incidents"] == []


def test_one_incident_says_everything(gateway: RunningGateway, sandbox: RunningSandbox) -> None:
    account_id = sandbox.account()
    incident_id = gateway.alarm(account_id).json()["incident_id"]
    answer = gateway.ask("GET", f"/v1/incidents/{incident_id}", as_="auditor").json()
    assert (answer["account_id"], answer["status"], answer["closed_at"]) == (account_id, "frozen", None)
    assert [each["source"] for each in answer["alarms"]] == ["detector"]
    assert answer["steps"] == {"total": 1, "by_kind": {"freeze": 1}}
    assert set(answer["time_to_freeze_ms"]) == {"wallet_ack", "committed"}
    assert answer["identity"]["verified"] is False
