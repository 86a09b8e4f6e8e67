"""Payments in flight: refused while a restriction stands, gone for good once stopped, and transfers once captured."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from tests.running_sandbox import RunningSandbox

LATER = 3600
"""Seconds until nothing comes due by itself during a test."""


def test_what_is_due_moves_money_as_a_transfer_of_the_device_that_allowed_it(sandbox: RunningSandbox) -> None:
    account_id = sandbox.rich_account()
    theft = sandbox.steal(account_id, [100])
    left = theft.thief.leave_behind(theft.mules[0].account_id, seconds=LATER)
    assert sandbox.run_payments(account_id) == {}, "nothing is due yet"
    before = sandbox.balance(account_id)["balance"]
    now = theft.thief.order("scheduled_payment", theft.mules[0].account_id, 700)
    told = sandbox.payments(account_id, theft.compromised_since)
    while told[now]["state"] == "pending":  # the clerk may be faster
        sandbox.run_payments(account_id)
        told = sandbox.payments(account_id, theft.compromised_since)
    assert set(told) == {now, *left.values()}
    assert sandbox.balance(account_id)["balance"] == before - 700
    transfer = sandbox.ask("GET", f"/v1/transfers/{told[now]['transfer_id']}").json()
    assert (transfer["src"], transfer["amount"]) == (account_id, 700)
    devices = sandbox.state(account_id)["security"]["devices"]
    assert transfer["device_id"] == next(
        each["id"] for each in devices if datetime.fromisoformat(each["set_at"]) >= theft.compromised_since
    )
    refused = sandbox.stop_payment(now)
    assert (refused.status_code, refused.json()["code"]) == (409, "payment_captured")


def test_nothing_is_captured_while_a_restriction_stands_and_nothing_stopped_ever(
    sandbox: RunningSandbox,
) -> None:
    account_id = sandbox.rich_account()
    theft = sandbox.steal(account_id, [100])
    left = theft.thief.leave_behind(theft.mules[0].account_id, seconds=LATER)
    sandbox.restrict(account_id, f"{account_id}/flight", "outgoing").raise_for_status()
    refused = theft.thief.ask(
        "POST",
        "/payments",
        {"kind": "scheduled_payment", "to": "mer-001", "amount": 1, "currency": "CNY", "seconds": 0},
    )
    assert refused.json()["code"] == "account_restricted"
    before = sandbox.balance(account_id)["balance"]
    due(sandbox, account_id)
    run = sandbox.run_payments(account_id)
    assert {each["state"] for each in run.values()} <= {"pending"}
    assert {each["refusal"] for each in run.values()} <= {"account_restricted"}
    by_action = sandbox.attempts(account_id)["by_action"]
    assert {kind: by_action.get(kind) for kind in left} == dict.fromkeys(left, 1), (
        "one line for each, not for each try"
    )

    stopped = [left["card_authorisation"], left["scheduled_payment"]]
    for payment_id in stopped:
        receipt = sandbox.stop_payment(payment_id, key=f"stop-{payment_id}").raise_for_status()
        assert receipt.json()["result"] == {"payment_id": payment_id, "stopped": True}
        assert receipt.json()["account_id"] == account_id
        again = sandbox.stop_payment(payment_id, key=f"stop-{payment_id}")
        assert again.headers["Idempotency-Replayed"] == "true"
        assert sandbox.stop_payment(payment_id).status_code == 200, "stopped is stopped"
    sandbox.release(account_id, [f"{account_id}/flight"]).raise_for_status()
    due(sandbox, account_id)
    sandbox.run_payments(account_id)
    told = sandbox.payments(account_id, theft.compromised_since)
    states = {kind: told[payment_id]["state"] for kind, payment_id in left.items()}
    assert states == {
        "card_authorisation": "stopped",
        "scheduled_payment": "stopped",
        "mandate_collection": "captured",
    }
    assert sandbox.balance(account_id)["balance"] == before - told[left["mandate_collection"]]["amount"]


def test_a_collection_is_as_old_as_its_mandate_and_lapses_with_it(sandbox: RunningSandbox) -> None:
    account_id = sandbox.rich_account()
    owner = sandbox.owner(account_id)
    mandate = owner.ask("POST", "/security/mandates", {"label": "rent", "value": "mer-003"}).json()["id"]
    between = datetime.now(UTC)
    rent = owner.order("mandate_collection", "mer-003", 900, entry_id=mandate, seconds=LATER)
    assert rent not in sandbox.payments(account_id, datetime.now(UTC)) or (
        sandbox.payments(account_id, datetime.now(UTC))[rent]["state"] == "pending"
    )
    listed = sandbox.payments(account_id, between)[rent]
    assert datetime.fromisoformat(listed["authorised_at"]) <= between
    owner.ask("DELETE", f"/security/mandates/{mandate}").raise_for_status()
    due(sandbox, account_id)
    sandbox.run_payments(account_id)
    assert rent not in sandbox.payments(account_id, between), "it is neither in flight nor allowed since"
    known = {each["payment_id"]: each for each in owner.ask("GET", "/payments").json()["payments"]}
    assert known[rent]["state"] == "lapsed"
    assert sandbox.stop_payment(rent).status_code == 200
    assert sandbox.stop_payment("pay-nobody").json()["code"] == "payment_unknown"


def test_payments_rest_on_what_the_account_has(sandbox: RunningSandbox) -> None:
    account_id = sandbox.rich_account()
    owner = sandbox.owner(account_id)
    asked = {"amount": 10, "currency": "CNY", "seconds": 0, "entry_id": f"{account_id}-nothing"}
    for kind, to, code in (
        ("card_authorisation", "mer-001", "card_unknown"),
        ("mandate_collection", "mer-001", "mandate_unknown"),
        ("scheduled_payment", "exit-bank-01", "payee_unknown"),
        ("scheduled_payment", "nobody", "payee_unknown"),
    ):
        assert owner.ask("POST", "/payments", {"kind": kind, "to": to, **asked}).json()["code"] == code


def test_a_stop_and_a_capture_at_once_end_as_one_of_the_two(sandbox: RunningSandbox) -> None:
    account_id = sandbox.rich_account()
    owner, since = sandbox.owner(account_id), datetime.now(UTC)
    before = sandbox.balance(account_id)["balance"]
    ordered = [owner.order("scheduled_payment", "mer-001", 10, seconds=LATER) for _ in range(12)]
    due(sandbox, account_id)
    with ThreadPoolExecutor(max_workers=6) as pool:
        runs = [pool.submit(sandbox.run_payments, account_id) for _ in range(3)]
        stops = {each: pool.submit(sandbox.stop_payment, each) for each in ordered}
        for run in runs:
            run.result()
    told = sandbox.payments(account_id, since)
    for payment_id, stop in stops.items():
        stopped = stop.result().status_code == 200
        assert told[payment_id]["state"] == ("stopped" if stopped else "captured")
        assert (told[payment_id]["transfer_id"] is None) == stopped
    captured = sum(each["state"] == "captured" for each in told.values())
    assert sandbox.balance(account_id)["balance"] == before - 10 * captured
    assert sandbox.control("GET", "/books")["balanced"]


def due(sandbox: RunningSandbox, account_id: str) -> None:
    """Everything in flight on this account is due from now on."""
    sandbox.control("POST", f"/accounts/{account_id}/payments/due")


def test_payments_are_listed_page_by_page(sandbox: RunningSandbox) -> None:
    account_id = sandbox.rich_account()
    owner = sandbox.owner(account_id)
    ordered = {owner.order("scheduled_payment", "mer-001", 5, seconds=LATER) for _ in range(3)}
    found: list[str] = []
    params = {"since": (datetime.now(UTC) + timedelta(days=1)).isoformat(), "limit": 2}
    while True:
        page = sandbox.ask("GET", f"/v1/accounts/{account_id}/payments", params=params).json()
        found += [each["payment_id"] for each in page["payments"]]
        if page["next"] is None:
            break
        params["after"] = page["next"]
    assert len(found) == len(set(found))
    assert ordered <= set(found)
