"""Hostile and broken input: a clear answer naming the field, nothing of it repeated, nothing changed."""

from __future__ import annotations

import json
import socket
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.running_gateway import DETECTOR, RunningGateway, alarm_body
from tests.running_sandbox import RunningSandbox

SECRET = "+8613800001187"
"""Stands for personal data that somebody puts where it does not belong."""

WRONG_FIELDS: list[tuple[str, Any]] = [
    ("account_id", ""),
    ("account_id", SECRET),
    ("account_id", "a" * 65),
    ("account_id", "acc 1"),
    ("account_id", "../../etc/passwd"),
    ("account_id", "acc-1\n"),
    ("account_id", "аcc-1"),
    ("account_id", "acc-\u202e1"),
    ("account_id", "acc-1\u0000"),
    ("account_id", "ａｃｃ"),
    ("account_id", None),
    ("account_id", 10**400),
    ("account_id", ["acc-1"]),
    ("account_id", {"$ne": "1"}),
    ("account_id", True),
    ("id", "'; DROP TABLE alarm; --"),
    ("id", ""),
    ("source", "detector\u0000"),
    ("kind", "TRIGGER"),
    ("kind", "release"),
    ("occurred_at", 1_700_000_000),
    ("occurred_at", "1700000000"),
    ("occurred_at", "2026-01-01T10:00:00"),
    ("occurred_at", "yesterday"),
    ("occurred_at", "9999-12-31T23:59:59-23:59"),
    ("occurred_at", "0001-01-01T00:00:00+23:59"),
    ("occurred_at", "2026-02-30T00:00:00Z"),
    ("occurred_at", "２026-01-01T00:00:00Z"),
    ("occurred_at", "2126-01-01T00:00:00Z"),
    ("occurred_at", None),
    ("compromised_since", "2126-01-01T00:00:00Z"),
    ("compromised_since", -1),
    ("compromised_since", {"at": "now"}),
    ("stolen_transfers", "trf-1"),
    ("stolen_transfers", ["trf-1"] * 1001),
    ("stolen_transfers", [1, 2]),
    ("stolen_transfers", ["trf-1", "trf\u00002"]),
    ("stolen_transfers", {"0": "trf-1"}),
    ("detail", "x" * 4001),
    ("detail", "NUL \u0000"),
    ("detail", 5),
]


def changes(gateway: RunningGateway) -> tuple[int, ...]:
    (row,) = gateway.rows(
        "SELECT (SELECT count(*) FROM alarm), (SELECT count(*) FROM incident), (SELECT count(*) FROM step_attempt)"
    )
    return tuple(row)


@pytest.mark.parametrize(("field", "value"), WRONG_FIELDS)
def test_a_wrong_field_is_named_and_never_repeated(
    gateway: RunningGateway, field: str, value: object
) -> None:
    before = changes(gateway)
    body = alarm_body("acc-0900") | {field: value}
    content = json.dumps(body).encode() if field != "account_id" or value != 10**400 else huge(body)
    response = gateway.ask("POST", "/v1/alarms", content=content, as_=DETECTOR)
    problem = response.json()
    assert response.status_code == 422
    assert problem["code"] == "invalid"
    assert field in problem["detail"] or "body" in problem["detail"]
    assert response.headers["content-type"] == "application/problem+json"
    assert SECRET not in response.text
    assert changes(gateway) == before


def huge(body: dict[str, Any]) -> bytes:
    """A number too long for Python to print."""
    return json.dumps(body | {"account_id": "@"}).replace('"@"', "9" * 5000).encode()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"null",
        b"[]",
        b"3",
        b'"text"',
        b"{",
        b"\xff\xfe{}",
        b"\xef\xbb\xbf{}",
        b'{"source": NaN}',
        b'{"source": "a", "source": "b"}',
        b'{"detail": "\\ud800"}',
        b"[" * 60_000,
        b'{"a":' * 10_000,
        b'{"source": "detector", "unknown_field": 1}',
        b'{"__proto__": {"kind": "trigger"}}',
    ],
    ids=lambda content: content[:20].decode(errors="replace"),
)
def test_what_is_no_alarm_at_all(gateway: RunningGateway, content: bytes) -> None:
    before = changes(gateway)
    response = gateway.ask("POST", "/v1/alarms", content=content, as_=DETECTOR)
    assert (response.status_code, response.json()["code"]) == (422, "invalid")
    assert "unknown_field" not in response.text
    assert changes(gateway) == before


@pytest.mark.parametrize(
    "media_type",
    ["text/plain", "application/x-www-form-urlencoded", "application/jsonx", "multipart/form-data", ""],
)
def test_another_content_type_is_refused(gateway: RunningGateway, media_type: str) -> None:
    content = json.dumps(alarm_body("acc-0900")).encode()
    response = gateway.ask(
        "POST", "/v1/alarms", content=content, headers={"content-type": media_type}, as_=DETECTOR
    )
    assert (response.status_code, response.json()["code"]) == (422, "invalid")
    assert "Content-Type" in response.json()["detail"]


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_beyond_the_limit_is_refused(gateway: RunningGateway, *, chunked: bool) -> None:
    content = json.dumps(alarm_body("acc-0900") | {"detail": "x" * 70_000}).encode()
    headers = {
        "authorization": f"Bearer {gateway.credentials[DETECTOR]}",
        "content-type": "application/json",
    }
    pieces = (content[at : at + 8192] for at in range(0, len(content), 8192)) if chunked else content
    response = gateway.client.post("/v1/alarms", content=pieces, headers=headers)
    assert (response.status_code, response.json()["code"]) == (413, "too_large")


def test_a_body_that_never_arrives_holds_nobody_up(gateway: RunningGateway) -> None:
    address = urlsplit(gateway.url)
    assert address.hostname is not None
    with socket.create_connection((address.hostname, address.port or 80), timeout=10) as connection:
        connection.sendall(
            b"POST /v1/alarms HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 500\r\n"
            b"authorization: Bearer " + gateway.credentials[DETECTOR].encode() + b"\r\n\r\n{"
        )
        assert gateway.client.get("/health").status_code == 200
        answer = connection.recv(4096)
    assert answer.startswith(b"HTTP/1.1 422")


def test_an_honest_alarm_with_every_letter_of_the_world_is_taken(
    gateway: RunningGateway, sandbox: RunningSandbox
) -> None:
    detail = '账户被盗 — 😀 \u0301 \\ " é'
    response = gateway.alarm(
        sandbox.account(), detail=detail, occurred_at="2026-01-01T10:00:00.123456789+05:30"
    )
    assert response.status_code == 201


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing", 404, "not_found"),
        ("GET", "/v1/alarms", 405, "method_not_allowed"),
        ("DELETE", "/v1/alarms", 405, "method_not_allowed"),
        ("POST", "/v1/alarms/", 404, "not_found"),
        ("GET", "/v1/incidents/%00", 404, "not_found"),
        ("GET", "/v1/incidents/acc-1%2F..%2F", 404, "not_found"),
        ("GET", "/v1/incidents/01ARZ3NDEKTSV4RRFFQ69G5FAV", 404, "not_found"),
        ("GET", "/v1/incidents/01arz3ndektsv4rrffq69g5fav", 404, "not_found"),
        ("GET", "/v1/incidents/01ARZ3NDEKTSV4RRFFQ69G5FAV/steps", 404, "not_found"),
        ("GET", "/v1/incidents?limit=0", 422, "invalid"),
        ("GET", "/v1/incidents?limit=9999999999999999999999", 422, "invalid"),
        ("GET", "/v1/incidents?status=gone", 422, "invalid"),
        ("GET", "/v1/incidents?account_id=%2B8613800001187", 422, "invalid"),
        ("GET", "/v1/incidents?account_id=a%00", 422, "invalid"),
        ("GET", "/v1/incidents?after=x", 422, "invalid"),
        ("GET", "/v1/decisions?state=maybe", 422, "invalid"),
    ],
)
def test_addresses_that_lead_nowhere(
    gateway: RunningGateway, method: str, path: str, status: int, code: str
) -> None:
    response = gateway.ask(method, path)
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert response.headers["content-type"] == "application/problem+json"
    assert "13800001187" not in response.text


def test_logs_hold_nobodys_data_and_no_credential(gateway: RunningGateway, sandbox: RunningSandbox) -> None:
    gateway.alarm(sandbox.account(), detail=f"my number is {SECRET}")
    gateway.ask("GET", f"/v1/incidents?account_id={SECRET}")
    gateway.ask("GET", f"/v1/people/{SECRET}")
    gateway.ask("POST", "/v1/alarms", content=SECRET.encode(), as_=DETECTOR)
    written = gateway.log.read_text()
    assert '"route":' in written
    assert SECRET not in written
    assert "13800001187" not in written
    for credential in gateway.credentials.values():
        assert credential not in written
    for line in written.splitlines():
        assert json.loads(line)["level"] in {"info", "warning"}
