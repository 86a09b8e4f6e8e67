"""The message gateway delivers each id once."""

from __future__ import annotations

from typing import Any

import httpx2

from tests.running_sandbox import RunningSandbox


def send(sandbox: RunningSandbox, **body: Any) -> httpx2.Response:
    message = {"id": "m/1", "channel": "sms", "to": "+8613800000001", "body": "hello", **body}
    headers = {"Authorization": f"Bearer {sandbox.message_key}"}
    return sandbox.client.post("/gateway/messages", json=message, headers=headers)


def test_a_message_is_delivered_once_however_often_it_is_sent(sandbox: RunningSandbox) -> None:
    for _ in range(3):
        answer = send(sandbox, id="once/1", body="你好")
        assert (answer.status_code, answer.json()) == (202, {"id": "once/1"})
    send(
        sandbox, id="once/2", to="someone@mail.example", channel="email", subject="a subject"
    ).raise_for_status()
    messages = sandbox.outbox("+8613800000001")
    assert [(one["id"], one["body"]) for one in messages] == [("once/1", "你好")]
    (mail,) = sandbox.outbox("someone@mail.example")
    assert (mail["channel"], mail["subject"]) == ("email", "a subject")


def test_another_message_under_the_same_id_is_refused(sandbox: RunningSandbox) -> None:
    send(sandbox, id="twice/1", to="+8613800000002").raise_for_status()
    refused = send(sandbox, id="twice/1", to="+8613800000003")
    assert (refused.status_code, refused.json()["code"]) == (409, "message_conflict")
    assert sandbox.outbox("+8613800000003") == []


def test_the_gateway_wants_its_own_key(sandbox: RunningSandbox) -> None:
    body = {"id": "key/1", "channel": "sms", "to": "+8613800000004", "body": "hello"}
    headers = {"Authorization": f"Bearer {sandbox.wallet_key}"}
    assert sandbox.client.post("/gateway/messages", json=body, headers=headers).status_code == 401
    assert send(sandbox, channel="pigeon").status_code == 422
