"""One key, one effect, one receipt: repeated, at once, or with other content."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import asyncpg
import httpx2
import pytest

from tests.running_sandbox import RunningSandbox

TIMES = 20


def at_once(count: int, call: Callable[[int], httpx2.Response]) -> list[httpx2.Response]:
    with ThreadPoolExecutor(count) as threads:
        return list(threads.map(call, range(count)))


@pytest.mark.parametrize("what", ["restriction", "hold"])
def test_the_same_key_many_times_at_once_has_one_effect_and_one_receipt(
    sandbox: RunningSandbox, what: str
) -> None:
    account_id = sandbox.rich_account(50_000)
    expires_at = "2030-01-01T00:00:00+00:00"

    def call(_number: int) -> httpx2.Response:
        if what == "restriction":
            return sandbox.restrict(account_id, f"race/{what}")
        return sandbox.hold(account_id, f"race/{what}", 1000, key=f"race/{what}", expires_at=expires_at)

    answers = at_once(TIMES, call)
    assert [answer.status_code for answer in answers] == [200] * TIMES
    assert len({answer.text for answer in answers}) == 1
    assert sum("Idempotency-Replayed" not in answer.headers for answer in answers) == 1
    state = sandbox.state(account_id)
    if what == "restriction":
        assert len(state["restrictions"]) == 1
    else:
        assert sandbox.balance(account_id)["held"] == 1000


def test_the_same_hold_return_many_times_at_once_pays_once(sandbox: RunningSandbox) -> None:
    holder, owner = sandbox.rich_account(50_000), sandbox.account()
    sandbox.hold(holder, "race/return", 1000).raise_for_status()
    before = sandbox.balance(owner)["balance"]
    body = {"to_account_id": owner, "amount": 400, "reason": "a test"}
    answers = at_once(
        TIMES, lambda _number: sandbox.ask("POST", "/v1/holds/race/return/return", body, key="race/pay")
    )
    assert {answer.status_code for answer in answers} == {200}, answers[0].text
    assert len({answer.text for answer in answers}) == 1
    assert sandbox.balance(owner)["balance"] == before + 400
    assert sandbox.balance(holder)["held"] == 600


async def test_a_key_in_flight_is_waited_for(sandbox: RunningSandbox) -> None:
    """A lock on the account keeps the first request inside its transaction: the second must not overtake it."""
    account_id = sandbox.account()
    address = sandbox.database_url.replace("+asyncpg", "")
    blocker, watcher = await asyncpg.connect(address), await asyncpg.connect(address)
    block = blocker.transaction()
    await block.start()
    await blocker.execute("SELECT 1 FROM wallet.account WHERE account_id = $1 FOR UPDATE", account_id)
    calls = [
        asyncio.create_task(asyncio.to_thread(sandbox.restrict, account_id, "flight/1/full"))
        for _ in range(2)
    ]
    waits: set[str] = set()
    while not {"advisory", "transactionid"} <= waits:
        rows = await watcher.fetch("SELECT wait_event FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
        waits = {row["wait_event"] for row in rows}
    assert not any(call.done() for call in calls)
    await block.rollback()
    answers = await asyncio.gather(*calls)
    await blocker.close()
    await watcher.close()
    assert len({answer.text for answer in answers}) == 1
    assert sum("Idempotency-Replayed" in answer.headers for answer in answers) == 1


def test_another_content_under_the_same_key_is_refused_without_effect(sandbox: RunningSandbox) -> None:
    one, other = sandbox.account(), sandbox.account()
    sandbox.restrict(one, "mismatch/1/full", key="mismatch").raise_for_status()
    refused = sandbox.restrict(one, "mismatch/2/full", key="mismatch")
    assert (refused.status_code, refused.json()["code"]) == (422, "idempotency_mismatch")
    assert sandbox.restrict(other, "mismatch/1/full", key="mismatch").json()["code"] == "idempotency_mismatch"
    assert sandbox.release(one, ["mismatch/1/full"], key="mismatch").json()["code"] == "idempotency_mismatch"
    assert len(sandbox.state(one)["restrictions"]) == 1
    assert sandbox.state(other)["restrictions"] == []


def test_a_refused_write_does_not_use_its_key_up(sandbox: RunningSandbox) -> None:
    body = {"amount": 5}
    for _ in range(2):
        assert (
            sandbox.ask("POST", "/v1/holds/not-yet/shrink", body, key="later").json()["code"]
            == "hold_unknown"
        )
    account_id = sandbox.rich_account(50_000)
    sandbox.hold(account_id, "not-yet", 10).raise_for_status()
    assert sandbox.ask("POST", "/v1/holds/not-yet/shrink", body, key="later").json()["result"]["amount"] == 5


def test_a_receipt_can_be_asked_for_by_its_key(sandbox: RunningSandbox) -> None:
    account_id = sandbox.account()
    receipt = sandbox.restrict(account_id, "asked/1/full").json()
    assert sandbox.ask("GET", "/v1/receipts/asked/1/full").json() == receipt
    assert sandbox.ask("GET", "/v1/receipts/asked%2F1%2Ffull").json() == receipt
    missing = sandbox.ask("GET", "/v1/receipts/never-used")
    assert (missing.status_code, missing.json()["code"]) == (404, "receipt_unknown")


def test_without_a_key_or_without_a_credential_nothing_happens(sandbox: RunningSandbox) -> None:
    account_id = sandbox.account()
    body = {"restriction_id": "nokey/1/full", "scope": "full", "placer": "stanch", "reason": "a test"}
    path = f"/v1/accounts/{account_id}/restrictions"
    known = {"Authorization": f"Bearer {sandbox.wallet_key}"}
    assert sandbox.client.post(path, json=body, headers=known).json()["code"] == "invalid"
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": sandbox.wallet_key}):
        answer = sandbox.client.post(path, json=body, headers={**headers, "Idempotency-Key": "nokey"})
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
        assert answer.headers["content-type"] == "application/problem+json"
    assert sandbox.state(account_id)["restrictions"] == []
