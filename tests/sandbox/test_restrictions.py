"""Restrictions have identities: what has ended never comes back, and any one of them is enough."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.running_sandbox import RunningSandbox


def code_of(response: object) -> str:
    return str(response.json()["code"])  # type: ignore[attr-defined]


def test_a_full_restriction_refuses_money_login_payees_and_ends_sessions(sandbox: RunningSandbox) -> None:
    account_id = sandbox.rich_account()
    owner = sandbox.owner(account_id)
    receipt = sandbox.restrict(account_id, "full-1/1/full").json()
    assert receipt["result"] == {"restriction_id": "full-1/1/full", "scope": "full"}

    assert code_of(owner.send("mer-001", 100)) == "account_restricted"
    assert code_of(owner.add_payee("exit-bank-01")) == "account_restricted"
    assert (
        code_of(owner.ask("POST", "/contacts", {"kind": "phone", "value": "+8610000000"}))
        == "account_restricted"
    )
    assert code_of(owner.ask("GET", "/me")) == "account_restricted"
    with pytest.raises(Exception, match="403"):
        sandbox.owner(account_id)

    state = sandbox.state(account_id)
    assert not [entry for entry in state["security"]["sessions"] if entry["active"]]
    assert not [entry for entry in state["security"]["refresh_tokens"] if entry["active"]]
    attempts = sandbox.attempts(account_id)
    assert attempts["refused_while_restricted"] == 5
    assert attempts["by_action"] == {
        "transfer": 1,
        "add_payee": 1,
        "change_contact": 1,
        "read": 1,
        "login": 1,
    }


def test_a_session_ended_by_a_restriction_stays_ended_after_the_release(sandbox: RunningSandbox) -> None:
    account_id = sandbox.account()
    thief = sandbox.owner(account_id)
    sandbox.restrict(account_id, "ended-session/1/full")
    sandbox.release(account_id, ["ended-session/1/full"])
    assert code_of(thief.ask("GET", "/me")) == "session_ended"
    assert sandbox.owner(account_id).ask("GET", "/me").status_code == 200


def test_an_outgoing_restriction_leaves_reading(sandbox: RunningSandbox) -> None:
    account_id = sandbox.rich_account()
    owner = sandbox.owner(account_id)
    sandbox.restrict(account_id, "outgoing-1/1/outgoing", "outgoing").raise_for_status()
    assert owner.ask("GET", "/me").json()["restricted"] is True
    assert sandbox.owner(account_id).ask("GET", "/me").status_code == 200
    assert code_of(owner.send("mer-001", 100)) == "account_restricted"
    assert code_of(owner.add_payee("exit-bank-01")) == "account_restricted"


def test_money_still_arrives_at_a_restricted_account(sandbox: RunningSandbox) -> None:
    sender, receiver = sandbox.rich_account(), sandbox.account()
    sandbox.restrict(receiver, "arrives/1/full").raise_for_status()
    before = sandbox.balance(receiver)["balance"]
    sandbox.owner(sender).pay(receiver, 700)
    assert sandbox.balance(receiver)["balance"] == before + 700


def test_an_account_is_restricted_while_any_restriction_stands(sandbox: RunningSandbox) -> None:
    account_id = sandbox.rich_account()
    sandbox.restrict(account_id, "any/1/outgoing", "outgoing").raise_for_status()
    sandbox.restrict(account_id, "any/2/full").raise_for_status()
    released = sandbox.release(account_id, ["any/2/full"]).json()
    assert released["result"] == {"ended": ["any/2/full"], "still_standing": ["any/1/outgoing"]}
    assert code_of(sandbox.owner(account_id).send("mer-001", 100)) == "account_restricted"
    assert sandbox.release(account_id, ["any/1/outgoing"]).json()["result"]["still_standing"] == []
    assert sandbox.owner(account_id).send("mer-001", 100).status_code == 201


def test_an_ended_id_is_never_placed_again(sandbox: RunningSandbox) -> None:
    account_id = sandbox.account()
    sandbox.restrict(account_id, "late/1/full", key="late-key-1").raise_for_status()
    sandbox.release(account_id, ["late/1/full"]).raise_for_status()
    # The same key tells what happened then; it restricts nothing.
    repeated = sandbox.restrict(account_id, "late/1/full", key="late-key-1")
    assert repeated.status_code == 200
    assert repeated.headers["Idempotency-Replayed"] == "true"
    refused = sandbox.restrict(account_id, "late/1/full", key="late-key-2")
    assert (refused.status_code, code_of(refused)) == (409, "restriction_ended")
    assert sandbox.state(account_id)["restrictions"] == []


def test_releasing_an_id_that_was_never_placed_refuses_its_late_placing(sandbox: RunningSandbox) -> None:
    account_id = sandbox.account()
    released = sandbox.release(account_id, ["never/1/full"]).json()
    assert released["result"] == {"ended": ["never/1/full"], "still_standing": []}
    refused = sandbox.restrict(account_id, "never/1/full")
    assert (refused.status_code, code_of(refused)) == (409, "restriction_ended")
    assert sandbox.state(account_id)["restrictions"] == []
    # A refusal uses no key up and leaves no receipt.
    assert sandbox.ask("GET", "/v1/receipts/never/1/full").status_code == 404


def test_an_id_belongs_to_one_account_and_one_scope(sandbox: RunningSandbox) -> None:
    one, other = sandbox.account(), sandbox.account()
    sandbox.restrict(one, "mine/1/full").raise_for_status()
    assert code_of(sandbox.restrict(other, "mine/1/full", key="mine-2")) == "restriction_conflict"
    assert code_of(sandbox.restrict(one, "mine/1/full", "outgoing", key="mine-3")) == "restriction_conflict"
    assert code_of(sandbox.release(other, ["mine/1/full"])) == "restriction_conflict"
    again = sandbox.restrict(one, "mine/1/full", key="mine-4")
    assert again.status_code == 200
    assert [one["restriction_id"] for one in sandbox.state(one)["restrictions"]] == ["mine/1/full"]


def test_a_restriction_that_expired_has_ended_for_good(sandbox: RunningSandbox) -> None:
    account_id = sandbox.rich_account()
    past = (datetime.now(UTC) - timedelta(seconds=1)).isoformat()
    sandbox.restrict(account_id, "expired/1/outgoing", "outgoing", expires_at=past).raise_for_status()
    assert sandbox.state(account_id)["restrictions"] == []
    assert sandbox.owner(account_id).send("mer-001", 100).status_code == 201
    assert (
        code_of(sandbox.restrict(account_id, "expired/1/outgoing", "outgoing", key="other"))
        == "restriction_ended"
    )


def test_what_stands_is_listed_by_placer_page_by_page(sandbox: RunningSandbox) -> None:
    placed = {f"listed/{number}/full": sandbox.account() for number in range(5)}
    for restriction_id, account_id in placed.items():
        sandbox.restrict(account_id, restriction_id, placer="lister").raise_for_status()
    sandbox.release(placed["listed/3/full"], ["listed/3/full"]).raise_for_status()
    found: list[str] = []
    after = None
    while True:
        params = {"placer": "lister", "limit": 2, **({"after": after} if after else {})}
        page = sandbox.ask("GET", "/v1/restrictions", params=params).json()
        found += [one["restriction_id"] for one in page["restrictions"]]
        after = page["next"]
        if after is None:
            break
    assert found == [f"listed/{number}/full" for number in (0, 1, 2, 4)]


def test_unknown_and_closed_accounts_and_exits_are_refused(sandbox: RunningSandbox) -> None:
    assert code_of(sandbox.restrict("acc-nobody", "unknown/1/full")) == "account_unknown"
    assert code_of(sandbox.restrict("exit-bank-01", "unknown/2/full")) == "account_unknown"
    account_id = sandbox.account()
    sandbox.control("POST", f"/accounts/{account_id}/close")
    refused = sandbox.restrict(account_id, "closed/1/full")
    assert (refused.status_code, code_of(refused)) == (409, "account_closed")


def test_the_receipt_says_after_which_posting_the_restriction_took_effect(sandbox: RunningSandbox) -> None:
    account_id = sandbox.rich_account()
    sent = sandbox.owner(account_id).pay("mer-001", 100)
    receipt = sandbox.restrict(account_id, "seq/1/full").json()
    assert receipt["effective_seq"] >= sent["seq"]
    assert sandbox.ask("GET", "/v1/receipts/seq/1/full").json() == receipt
