"""Closing an account at the wallet: all of it goes to one destination, or nothing happens."""

from __future__ import annotations

from typing import Any

import pytest

from tests.running_sandbox import RunningSandbox

BANK = {"kind": "bank", "bic": "BKCHCNBJXXX", "account": "6222020200099887", "holder": "L. Wei"}


def balances(sandbox: RunningSandbox, account_id: str) -> dict[str, int]:
    return {each["currency"]: each["balance"] for each in sandbox.state(account_id)["balances"]}


def close(sandbox: RunningSandbox, account_id: str, key: str, **other: Any) -> Any:
    body = {
        "destination": BANK,
        "balances": balances(sandbox, account_id),
        "restriction_ids": [],
        "reason": "the owner wants it",
        **other,
    }
    return sandbox.ask("POST", f"/v1/accounts/{account_id}/close", body, key=key)


def test_all_of_it_leaves_and_nothing_can_be_done_with_the_account_any_more(sandbox: RunningSandbox) -> None:
    account_id = sandbox.rich_account()
    owner = sandbox.owner(account_id)
    sandbox.restrict(account_id, f"{account_id}/1/full").raise_for_status()
    had = balances(sandbox, account_id)
    answer = close(sandbox, account_id, f"{account_id}/close", restriction_ids=[f"{account_id}/1/full"])
    assert answer.status_code == 200, answer.text
    result = answer.json()["result"]
    assert {each["currency"]: each["amount"] for each in result["paid"]} == {
        currency: amount for currency, amount in had.items() if amount
    }
    after = sandbox.state(account_id)
    assert after["status"] == "closed"
    assert after["restrictions"] == []
    assert {each["balance"] for each in after["balances"]} == {0}
    posted = sandbox.ask("GET", f"/v1/transfers/{result['paid'][0]['transfer_id']}").json()
    assert (posted["src"], posted["dst_kind"], posted["bank"]["bic"]) == (account_id, "bank", BANK["bic"])
    assert posted["seq"] == answer.json()["effective_seq"] + 1
    assert owner.send("mer-001", 1).json()["code"] == "session_ended"
    again = close(sandbox, account_id, f"{account_id}/close/2")
    assert (again.status_code, again.json()["code"]) == (409, "account_closed")


def test_what_comes_back_to_a_closed_account_is_sent_on_to_its_destination(sandbox: RunningSandbox) -> None:
    account_id, receiver, mule = sandbox.rich_account(), sandbox.rich_account(), sandbox.rich_account()
    assert close(
        sandbox, account_id, f"{account_id}/close", destination={"kind": "wallet", "account_id": receiver}
    ).is_success
    had = sandbox.balance(receiver)["balance"]
    sandbox.hold(mule, f"{mule}/held", 700).raise_for_status()
    giving = {"to_account_id": account_id, "amount": 700, "reason": "restitution"}
    answer = sandbox.ask("POST", f"/v1/holds/{mule}/held/return", giving)
    assert answer.status_code == 200, answer.text
    assert sandbox.balance(receiver)["balance"] == had + 700
    assert sandbox.balance(account_id)["balance"] == 0
    first = answer.json()["result"]["seq"]
    posted = sandbox.ask("GET", "/v1/transfers", params={"after_seq": first - 1, "limit": 2}).json()
    assert [(one["src"], one["dst"]) for one in posted["transfers"]] == [
        (mule, account_id),
        (account_id, receiver),
    ]
    assert sandbox.owner(mule).send(account_id, 5).json()["code"] == "payee_unknown", "nobody else can pay it"


@pytest.mark.parametrize(
    "why",
    ["account_held", "account_restricted", "transfer_pending", "balance_changed", "destination_refused"],
)
def test_what_stands_in_the_way_leaves_everything_as_it_was(sandbox: RunningSandbox, why: str) -> None:
    account_id = sandbox.rich_account()
    other: dict[str, Any] = {}
    if why == "account_held":
        sandbox.hold(account_id, f"{account_id}/held", 100).raise_for_status()
    elif why == "account_restricted":
        sandbox.restrict(account_id, f"{account_id}/other-team").raise_for_status()
    elif why == "transfer_pending":
        sandbox.owner(account_id).pay("exit-bank-01", 100)
    elif why == "balance_changed":
        other["balances"] = {"CNY": balances(sandbox, account_id)["CNY"] + 1}
    else:
        other["destination"] = {"kind": "wallet", "account_id": account_id}
    before = sandbox.state(account_id)
    answer = close(sandbox, account_id, f"{account_id}/{why}", **other)
    assert (answer.status_code, answer.json()["code"]) == (409, why)
    after = sandbox.state(account_id)
    del before["read_at"], after["read_at"]
    assert after == before
