"""Who gets in, and how often the database is asked."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from starlette.requests import Request

from gateway.auth.door import Door
from gateway.auth.permissions import PERMISSIONS, Operation
from models.contracts.alarms import Sender
from models.errors import ErrorCode, StanchError
from models.names import Role
from use_cases.admission import Admission
from use_cases.create_operator import credential_digest

pytestmark = pytest.mark.fast

CREDENTIAL = f"stanch_agent_{'a' * 43}"


class Counting:
    """An operator table that counts how often it is asked."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.sender: Sender | None = Sender(operator_id="0" * 26, name="ann", role=Role.AGENT)

    async def by_credential(self, digest: str) -> Sender | None:
        self.asked[digest] += 1
        return self.sender if digest == credential_digest(CREDENTIAL) else None


def request(authorization: str | None) -> Request:
    headers = [] if authorization is None else [(b"authorization", authorization.encode())]
    return Request({"type": "http", "method": "GET", "path": "/", "headers": headers})


async def refusal(door: Door, authorization: str | None, operation: Operation = Operation.LOOK) -> ErrorCode:
    with pytest.raises(StanchError) as refused:
        await door.enter(request(authorization), operation)
    return refused.value.code


async def test_an_operator_is_looked_up_once(monkeypatch: pytest.MonkeyPatch) -> None:
    operators, now = Counting(), 1000.0
    monkeypatch.setattr("gateway.auth.door.monotonic", lambda: now)
    door = Door(operators.by_credential, Admission(places=2, budget=1))
    for _ in range(3):
        assert (await door.enter(request(f"Bearer {CREDENTIAL}"), Operation.LOOK)).name == "ann"
    assert operators.asked.total() == 1
    now += 6
    operators.sender = None
    assert await refusal(door, f"Bearer {CREDENTIAL}") is ErrorCode.UNAUTHENTICATED


async def test_many_requests_of_one_operator_at_once_ask_once() -> None:
    operators = Counting()
    door = Door(operators.by_credential, Admission(places=2, budget=1))
    asked = request(f"Bearer {CREDENTIAL}")
    senders = await asyncio.gather(*(door.enter(asked, Operation.LOOK) for _ in range(20)))
    assert {each.name for each in senders} == {"ann"}
    assert operators.asked.total() == 1


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        f"Basic {CREDENTIAL}",
        f"Bearer {CREDENTIAL}x",
        "Bearer stanch_agent_",
        "Bearer \xff",
    ],
)
async def test_what_cannot_be_a_credential_asks_nobody(authorization: str | None) -> None:
    operators = Counting()
    assert (
        await refusal(Door(operators.by_credential, Admission(places=2, budget=1)), authorization)
        is ErrorCode.UNAUTHENTICATED
    )
    assert operators.asked.total() == 0


async def test_a_made_up_credential_is_nobody() -> None:
    assert (
        await refusal(
            Door(Counting().by_credential, Admission(places=2, budget=1)), f"Bearer stanch_agent_{'b' * 43}"
        )
        is ErrorCode.UNAUTHENTICATED
    )


async def test_a_role_does_what_its_row_says() -> None:
    operators = Counting()
    for role in Role:
        operators.sender = Sender(operator_id="0" * 26, name="ann", role=role)
        door = Door(operators.by_credential, Admission(places=2, budget=1))
        for operation in Operation:
            if role in PERMISSIONS[operation]:
                assert (await door.enter(request(f"Bearer {CREDENTIAL}"), operation)).role is role
            else:
                assert await refusal(door, f"Bearer {CREDENTIAL}", operation) is ErrorCode.FORBIDDEN


def test_auditors_and_triggers_change_nothing_else() -> None:
    assert [each for each in Operation if Role.AUDITOR in PERMISSIONS[each]] == [
        Operation.LOOK,
        Operation.LOOK_AT_TOTALS,
    ]
    assert [each for each in Operation if Role.TRIGGER in PERMISSIONS[each]] == [Operation.RAISE_ALARM]
    assert PERMISSIONS[Operation.APPROVE] == {Role.SUPERVISOR}
