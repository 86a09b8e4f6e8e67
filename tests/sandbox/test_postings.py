"""Posting numbers are gapless and visible in order; money is conserved; pending exits can be stopped."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.running_sandbox import RunningSandbox


def read_from(sandbox: RunningSandbox, after_seq: int, limit: int = 10_000) -> dict[str, Any]:
    page: dict[str, Any] = sandbox.ask(
        "GET", "/v1/transfers", params={"after_seq": after_seq, "limit": limit}
    ).json()
    return page


def test_numbers_have_no_gap_whenever_they_are_read_while_many_pay_at_once(sandbox: RunningSandbox) -> None:
    start = read_from(sandbox, 0, 1)["head_seq"]
    customers = [sandbox.owner(sandbox.rich_account(60_000)) for _ in range(8)]
    places = [f"mer-{number:03d}" for number in range(1, 9)]
    done = threading.Event()
    seen: list[int] = []

    def follow() -> None:
        upto = start
        while True:
            finished = done.is_set()
            page = read_from(sandbox, upto)
            numbers = [one["seq"] for one in page["transfers"]]
            assert numbers == list(range(upto + 1, upto + 1 + len(numbers)))
            assert page["head_seq"] >= upto + len(numbers)
            seen.extend(numbers)
            upto += len(numbers)
            if finished:
                return

    with ThreadPoolExecutor(9) as threads:
        following = threads.submit(follow)
        paying = [
            threads.submit(customers[number % 8].send, places[number % 8], 10 + number)
            for number in range(160)
        ]
        assert {one.result().status_code for one in paying} == {201}
        done.set()
        following.result(60)
    assert len(seen) == 160
    books = sandbox.control("GET", "/books")
    assert books["balanced"]
    assert books["gapless"]


def test_payments_in_a_circle_at_once_neither_deadlock_nor_lose_money(sandbox: RunningSandbox) -> None:
    names = [sandbox.rich_account(60_000) for _ in range(4)]
    owners = [sandbox.owner(name) for name in names]
    before = sum(sandbox.balance(name)["balance"] for name in names)
    for owner, to in zip(owners, names[1:] + names[:1], strict=True):
        owner.add_payee(to).raise_for_status()

    def pay(number: int) -> int:
        return owners[number % 4].send(names[(number + 1) % 4], 100).status_code

    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(pay, range(80))) == {201}
    assert sum(sandbox.balance(name)["balance"] for name in names) == before


def test_a_transfer_to_oneself_moves_nothing(sandbox: RunningSandbox) -> None:
    account_id = sandbox.rich_account()
    before = sandbox.balance(account_id)
    sent = sandbox.owner(account_id).send(account_id, 500).raise_for_status().json()
    assert sandbox.balance(account_id) == before
    posted = sandbox.ask("GET", f"/v1/transfers/{sent['transfer_id']}").json()
    assert posted["src"] == posted["dst"] == account_id


def test_a_bank_exit_is_pending_names_what_a_recall_needs_and_can_be_stopped_once(
    sandbox: RunningSandbox,
) -> None:
    account_id = sandbox.rich_account()
    before = sandbox.balance(account_id)["balance"]
    sent = sandbox.owner(account_id).pay("exit-bank-02", 5000)
    posted = sandbox.ask("GET", f"/v1/transfers/{sent['transfer_id']}").json()
    assert posted["status"] == "pending"
    assert posted["dst_kind"] == "bank"
    assert posted["bank"]["bic"] == "ICBKCNBJXXX"
    assert set(posted["bank"]) == {"bic", "end_to_end_id", "uetr", "settlement_date"}

    path = f"/v1/transfers/{sent['transfer_id']}/cancel"
    receipt = sandbox.ask("POST", path, {"reason": "a test"}).json()
    assert receipt["account_id"] == account_id
    reversal = sandbox.ask("GET", f"/v1/transfers/{receipt['result']['reversal_transfer_id']}").json()
    assert (reversal["reverses"], reversal["src"], reversal["dst"]) == (
        sent["transfer_id"],
        "exit-bank-02",
        account_id,
    )
    assert sandbox.balance(account_id)["balance"] == before
    assert sandbox.ask("GET", f"/v1/transfers/{sent['transfer_id']}").json()["status"] == "settled"
    again = sandbox.ask("POST", path, {"reason": "a test"}).json()
    assert again["result"] == receipt["result"]
    assert sandbox.balance(account_id)["balance"] == before


def test_what_has_settled_cannot_be_stopped(sandbox: RunningSandbox) -> None:
    account_id = sandbox.rich_account()
    sent = sandbox.owner(account_id).send("mer-005", 700).json()
    refused = sandbox.ask("POST", f"/v1/transfers/{sent['transfer_id']}/cancel", {"reason": "a test"})
    assert (refused.status_code, refused.json()["code"]) == (409, "transfer_settled")
    old = sandbox.ask("POST", "/v1/transfers/trf-000001/cancel", {"reason": "a test"})
    assert old.json()["code"] == "transfer_settled"
    unknown = sandbox.ask("POST", "/v1/transfers/trf-nothing/cancel", {"reason": "a test"})
    assert (unknown.status_code, unknown.json()["code"]) == (404, "transfer_unknown")


def test_cash_costs_a_fee_of_its_own(sandbox: RunningSandbox) -> None:
    account_id = sandbox.rich_account()
    before = sandbox.balance(account_id)["balance"]
    sent = sandbox.owner(account_id).send("exit-cash-01", 10_000).json()
    assert sent["fee"] == 20
    assert sandbox.balance(account_id)["balance"] == before - 10_020
    fee = read_from(sandbox, sent["seq"], 1)["transfers"][0]
    assert (fee["dst_kind"], fee["amount"], fee["src"]) == ("fee", 20, account_id)


def test_openings_and_transfers_give_the_balances(sandbox: RunningSandbox) -> None:
    """What a follower of the feed computes is what the wallet says."""
    money: dict[tuple[str, str], int] = {}
    after = None
    while True:
        page = sandbox.ask(
            "GET", "/v1/openings", params={"limit": 999, **({"after": after} if after else {})}
        ).json()
        for one in page["openings"]:
            money[one["account_id"], one["currency"]] = one["amount"]
        after = page["next"]
        if after is None:
            break
    assert len(money) > 2000
    upto = 0
    while transfers := read_from(sandbox, upto, 7000)["transfers"]:
        moments = [one["posted_at"] for one in transfers]
        assert moments == sorted(moments)
        for one in transfers:
            upto = one["seq"]
            if one["src"] == one["dst"]:
                continue
            for name, kind, sign in ((one["src"], one["src_kind"], -1), (one["dst"], one["dst_kind"], 1)):
                if kind == "wallet":
                    key = (name, one["currency"])
                    money[key] = money.get(key, 0) + sign * one["amount"]
                    assert money[key] >= 0
    for account_id in [sandbox.account() for _ in range(5)]:
        for balance in sandbox.state(account_id)["balances"]:
            assert money[account_id, balance["currency"]] == balance["balance"]


def test_a_page_of_the_feed_ends_at_its_limit_and_beyond_the_head_is_nothing(sandbox: RunningSandbox) -> None:
    page = read_from(sandbox, 100, 7)
    assert [one["seq"] for one in page["transfers"]] == list(range(101, 108))
    beyond = read_from(sandbox, page["head_seq"] + 10_000)
    assert beyond["transfers"] == []
    assert beyond["head_seq"] >= page["head_seq"]
