"""Holds: never more than is there, and what is held cannot be spent."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from tests.running_sandbox import RunningSandbox


def test_a_hold_takes_no_more_than_is_available(sandbox: RunningSandbox) -> None:
    account_id = sandbox.rich_account(50_000)
    there = sandbox.balance(account_id)["balance"]
    first = sandbox.hold(account_id, "most/1", there - 300).json()["result"]
    assert first == {"hold_id": "most/1", "placed_amount": there - 300}
    second = sandbox.hold(account_id, "most/2", 1000).json()["result"]
    assert second["placed_amount"] == 300
    third = sandbox.hold(account_id, "most/3", 1000).json()["result"]
    assert third["placed_amount"] == 0
    assert sandbox.balance(account_id) == {"currency": "CNY", "balance": there, "held": there, "available": 0}
    listed = sandbox.ask(
        "GET", "/v1/holds", params={"placer": "stanch", "after": "most/", "limit": 3}
    ).json()["holds"]
    assert [one["hold_id"] for one in listed if one["account_id"] == account_id] == ["most/1", "most/2"]


def test_a_hold_on_an_empty_account_leaves_its_id_free(sandbox: RunningSandbox) -> None:
    empty = sandbox.customer().sign_up().account_id
    assert sandbox.hold(empty, "free/1", 500).json()["result"]["placed_amount"] == 0
    sandbox.owner(sandbox.rich_account()).pay(empty, 200)
    assert sandbox.hold(empty, "free/1", 500).json()["result"]["placed_amount"] == 200


def test_held_money_cannot_be_spent_and_the_rest_can(sandbox: RunningSandbox) -> None:
    account_id = sandbox.rich_account(50_000)
    there = sandbox.balance(account_id)["balance"]
    sandbox.hold(account_id, "spend/1", there - 500).raise_for_status()
    owner = sandbox.owner(account_id)
    refused = owner.send("mer-001", 501)
    assert (refused.status_code, refused.json()["code"]) == (403, "funds_held")
    assert owner.send("mer-001", there + 1).json()["code"] == "insufficient_funds"
    assert owner.send("mer-001", 500).status_code == 201
    sandbox.ask("POST", "/v1/holds/spend/1/release", {"reason": "a test"}).raise_for_status()
    assert owner.send("mer-001", 501).status_code == 201


def test_shrink_says_what_stays_and_never_grows(sandbox: RunningSandbox) -> None:
    account_id = sandbox.rich_account(50_000)
    sandbox.hold(account_id, "shrink/1", 1000).raise_for_status()
    shrunk = sandbox.ask("POST", "/v1/holds/shrink/1/shrink", {"amount": 400}).json()["result"]
    assert (shrunk["amount"], shrunk["released_amount"]) == (400, 600)
    refused = sandbox.ask("POST", "/v1/holds/shrink/1/shrink", {"amount": 401})
    assert (refused.status_code, refused.json()["code"]) == (409, "amount_exceeds_hold")
    assert sandbox.balance(account_id)["held"] == 400
    sandbox.ask("POST", "/v1/holds/shrink/1/shrink", {"amount": 0}).raise_for_status()
    assert sandbox.balance(account_id)["held"] == 0
    assert sandbox.ask("POST", "/v1/holds/shrink/1/shrink", {"amount": 0}).json()["code"] == "hold_ended"
    assert sandbox.hold(account_id, "shrink/1", 1000).json()["code"] == "hold_ended"


def test_a_released_hold_stays_released(sandbox: RunningSandbox) -> None:
    account_id = sandbox.rich_account(50_000)
    sandbox.hold(account_id, "release/1", 1000).raise_for_status()
    first = sandbox.ask("POST", "/v1/holds/release/1/release", {"reason": "a test"}).json()["result"]
    assert (first["amount"], first["released_amount"]) == (0, 1000)
    again = sandbox.ask("POST", "/v1/holds/release/1/release", {"reason": "a test"}).json()["result"]
    assert (again["amount"], again["released_amount"]) == (0, 0)


def test_a_return_pays_exactly_the_held_money_and_says_so_in_the_feed(sandbox: RunningSandbox) -> None:
    holder, owner = sandbox.rich_account(50_000), sandbox.account()
    sandbox.hold(holder, "return/1", 1000).raise_for_status()
    sandbox.restrict(owner, "return/restricted").raise_for_status()
    before = sandbox.balance(holder)["balance"], sandbox.balance(owner)["balance"]
    body = {"to_account_id": owner, "amount": 600, "reason": "restitution"}
    receipt = sandbox.ask("POST", "/v1/holds/return/1/return", body).json()
    assert receipt["result"]["remaining"] == 400
    assert receipt["result"]["seq"] == receipt["effective_seq"] + 1
    transfer = sandbox.ask("GET", f"/v1/transfers/{receipt['result']['transfer_id']}").json()
    assert (transfer["hold_id"], transfer["src"], transfer["dst"], transfer["amount"]) == (
        "return/1",
        holder,
        owner,
        600,
    )
    assert (sandbox.balance(holder)["balance"], sandbox.balance(owner)["balance"]) == (
        before[0] - 600,
        before[1] + 600,
    )
    assert sandbox.balance(holder)["held"] == 400
    too_much = sandbox.ask("POST", "/v1/holds/return/1/return", {**body, "amount": 401})
    assert too_much.json()["code"] == "amount_exceeds_hold"
    unknown = sandbox.ask("POST", "/v1/holds/return/1/return", {**body, "to_account_id": "acc-nobody"})
    assert unknown.json()["code"] == "account_unknown"


def test_an_expired_hold_keeps_nothing_and_cannot_be_renewed(sandbox: RunningSandbox) -> None:
    account_id = sandbox.rich_account(50_000)
    past = (datetime.now(UTC) - timedelta(seconds=1)).isoformat()
    future = (datetime.now(UTC) + timedelta(hours=2)).isoformat()
    sandbox.hold(account_id, "expire/1", 1000).raise_for_status()
    renewed = sandbox.ask("POST", "/v1/holds/expire/1/renew", {"expires_at": future}).json()["result"]
    assert datetime.fromisoformat(renewed["expires_at"]) == datetime.fromisoformat(future)
    sandbox.ask("POST", "/v1/holds/expire/1/renew", {"expires_at": past}).raise_for_status()
    assert sandbox.balance(account_id)["held"] == 0
    refused = sandbox.ask("POST", "/v1/holds/expire/1/renew", {"expires_at": future})
    assert refused.json()["code"] == "hold_ended"


def test_a_hold_id_stands_for_one_content(sandbox: RunningSandbox) -> None:
    one, other = sandbox.rich_account(50_000), sandbox.rich_account(50_000)
    sandbox.hold(one, "content/1", 700).raise_for_status()
    assert sandbox.hold(one, "content/1", 700).json()["result"]["placed_amount"] == 700
    assert sandbox.hold(one, "content/1", 701).json()["code"] == "hold_conflict"
    assert sandbox.hold(other, "content/1", 700).json()["code"] == "hold_conflict"
    assert sandbox.balance(one)["held"] == 700


def test_many_holds_at_once_never_hold_more_than_there_is(sandbox: RunningSandbox) -> None:
    account_id = sandbox.rich_account(50_000)
    there = sandbox.balance(account_id)["balance"]
    with ThreadPoolExecutor(16) as threads:
        placed = threads.map(
            lambda number: sandbox.hold(account_id, f"rush/{number}", there // 10), range(16)
        )
        amounts = [one.json()["result"]["placed_amount"] for one in placed]
    assert sum(amounts) == there
    assert sandbox.balance(account_id)["available"] == 0


def test_a_hold_and_a_payment_at_once_never_share_money(sandbox: RunningSandbox) -> None:
    for number in range(8):
        account_id = sandbox.rich_account(50_000)
        there = sandbox.balance(account_id)["balance"]
        owner = sandbox.owner(account_id)
        with ThreadPoolExecutor(2) as threads:
            paying = threads.submit(owner.send, "mer-001", there)
            holding = threads.submit(sandbox.hold, account_id, f"both/{number}", there)
            paid = there if paying.result().status_code == 201 else 0
            receipt = holding.result().json()
        assert paid + receipt["result"]["placed_amount"] == there
        if paid:
            assert paying.result().json()["seq"] <= receipt["effective_seq"]
