"""Who may do what, asked at the real door."""

from __future__ import annotations

import pytest

from tests.running_gateway import DETECTOR, RunningGateway, alarm_body
from tests.running_sandbox import RunningSandbox

NOWHERE = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
READING = [
    ("GET", "/v1/incidents"),
    ("GET", f"/v1/incidents/{NOWHERE}"),
    ("GET", f"/v1/incidents/{NOWHERE}/steps"),
    ("GET", "/v1/decisions"),
    ("GET", "/v1/notices"),
    ("GET", f"/v1/notices/{NOWHERE}"),
    ("GET", "/v1/staff-alerts"),
    ("GET", "/v1/mule-freezes"),
]
TOTALS = [("GET", "/v1/remedy")]
CHOOSING = [
    ("POST", f"/v1/incidents/{NOWHERE}/decisions"),
    ("POST", f"/v1/incidents/{NOWHERE}/compromise-time"),
    ("POST", f"/v1/decisions/{NOWHERE}/request"),
    ("POST", f"/v1/decisions/{NOWHERE}/withdraw"),
    ("GET", f"/v1/notices/{NOWHERE}/person"),
    ("POST", f"/v1/notices/{NOWHERE}/resend"),
    ("POST", f"/v1/notices/{NOWHERE}/reached"),
]
APPROVING = [("POST", f"/v1/decisions/{NOWHERE}/approve"), ("POST", f"/v1/decisions/{NOWHERE}/decline")]
EVERYTHING = [*READING, *TOTALS, *CHOOSING, *APPROVING, ("POST", "/v1/alarms")]


def status(gateway: RunningGateway, method: str, path: str, as_: str | None) -> int:
    return gateway.ask(method, path, {} if method == "POST" else None, as_=as_).status_code


@pytest.mark.parametrize(("method", "path"), EVERYTHING)
def test_nobody_comes_in_without_a_credential(gateway: RunningGateway, method: str, path: str) -> None:
    for headers in ({}, {"authorization": "Bearer x"}, {"authorization": f"Bearer stanch_agent_{'x' * 43}"}):
        response = gateway.ask(method, path, {} if method == "POST" else None, as_=None, headers=headers)
        assert (response.status_code, response.json()["code"]) == (401, "unauthenticated")
        assert response.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    ("who", "refused"),
    [
        (DETECTOR, [*READING, *TOTALS, *CHOOSING, *APPROVING]),
        ("auditor", [*CHOOSING, *APPROVING, ("POST", "/v1/alarms")]),
        ("agent", [*TOTALS, *APPROVING]),
        ("supervisor", []),
    ],
)
def test_each_role_does_its_own(gateway: RunningGateway, who: str, refused: list[tuple[str, str]]) -> None:
    for method, path in EVERYTHING:
        forbidden = status(gateway, method, path, who) == 403
        assert forbidden == ((method, path) in refused), (method, path)


@pytest.mark.parametrize(
    ("who", "more"),
    [
        (DETECTOR, {"kind": "report"}),
        (DETECTOR, {"source": "another-detector"}),
        ("agent", {"kind": "trigger"}),
        ("supervisor", {"kind": "trigger"}),
    ],
)
def test_nobody_alarms_as_somebody_else(
    gateway: RunningGateway, sandbox: RunningSandbox, who: str, more: dict[str, str]
) -> None:
    account_id = sandbox.account()
    response = gateway.ask("POST", "/v1/alarms", alarm_body(account_id, as_=who) | more, as_=who)
    assert (response.status_code, response.json()["code"]) == (403, "forbidden")
    assert sandbox.state(account_id)["restrictions"] == []


def test_state_is_for_everybody(gateway: RunningGateway) -> None:
    assert gateway.client.get("/health").json() == {"status": "ok"}
    assert gateway.client.get("/ready").json()["parts"]["database"] == "ok"
    metrics = gateway.client.get("/metrics").text
    assert 'stanch_time_to_freeze_seconds_bucket{interval="committed"' in metrics
    assert 'stanch_time_to_freeze_seconds_bucket{interval="wallet_ack"' in metrics
