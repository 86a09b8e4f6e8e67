"""Resets bring back what was before; reading the account afterwards shows nothing that came since."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sandbox.wallet.one_time import totp
from tests.running_sandbox import RunningSandbox, Theft

ITEMS = (
    "password",
    "sessions",
    "refresh_tokens",
    "devices",
    "factors",
    "contacts",
    "api_keys",
    "payees",
    "mandates",
    "cards",
    "limits",
    "forwarding",
)


def reset(sandbox: RunningSandbox, theft: Theft, item: str) -> dict[str, Any]:
    body = {"set_since": theft.compromised_since.isoformat(), "reason": "a test"}
    answer = sandbox.ask(
        "POST", f"/v1/accounts/{theft.account_id}/security/{item}/reset", body
    ).raise_for_status()
    result: dict[str, Any] = answer.json()["result"]
    assert result["item"] == item
    return result


@pytest.fixture
def theft(sandbox: RunningSandbox) -> Theft:
    """A takeover in which the thief touched all there is to touch."""
    account_id = sandbox.rich_account()
    theft = sandbox.steal(account_id, [100])
    for item in ("factors", "api_keys", "mandates", "cards", "forwarding"):
        theft.thief.ask("POST", f"/security/{item}", {"label": f"the thief's {item}"}).raise_for_status()
    theft.thief.ask("POST", "/password", {"password": "the thief's password"}).raise_for_status()
    return theft


def test_after_all_twelve_resets_nothing_active_was_set_since(sandbox: RunningSandbox, theft: Theft) -> None:
    before = sandbox.state(theft.account_id)["security"]
    assert set(before) == set(ITEMS)
    sandbox.restrict(theft.account_id, f"{theft.account_id}/resets").raise_for_status()
    touched = [item for item in ITEMS if not reset(sandbox, theft, item)["nothing_to_change"]]
    # The restriction itself had ended the sessions and refresh tokens.
    assert touched == [item for item in ITEMS if item not in ("sessions", "refresh_tokens")]
    after = sandbox.state(theft.account_id)["security"]
    for item, entries in after.items():
        young = [
            one for one in entries if one["active"] and _moment(one["set_at"]) >= theft.compromised_since
        ]
        assert young == [], item
    assert [one["label"] for one in after["password"] if one["ended_at"] is None] == ["must_renew"]


def test_a_second_reset_finds_nothing_to_change_but_cards_and_password_are_done_again(
    sandbox: RunningSandbox, theft: Theft
) -> None:
    for item in ITEMS:
        reset(sandbox, theft, item)
    again = {item: reset(sandbox, theft, item) for item in ITEMS}
    assert [item for item in ITEMS if again[item]["changes"]] == [
        "password",
        *(["cards"] if again["cards"]["changes"] else []),
    ]
    assert again["password"]["changes"][0]["change"] == "must_renew"


def test_contacts_go_back_to_the_value_and_the_time_of_before(sandbox: RunningSandbox, theft: Theft) -> None:
    points = sandbox.state(theft.account_id)["contact_points"]
    old = next(one for one in points if one["kind"] == "phone" and one["removed_at"] is not None)
    new = next(one for one in points if one["kind"] == "phone" and one["removed_at"] is None)
    assert (new["previous_value"], new["previous_set_at"]) == (old["value"], old["set_at"])
    changes = reset(sandbox, theft, "contacts")["changes"]
    assert {(one["id"], one["change"]) for one in changes} == {
        (new["id"], "removed"),
        (old["id"], "restored"),
    }
    assert new["value"] not in str(changes)
    points = {one["id"]: one for one in sandbox.state(theft.account_id)["contact_points"]}
    assert points[old["id"]] == {**old, "removed_at": None}
    assert points[new["id"]]["removed_at"] is not None
    found = sandbox.ask("GET", "/v1/accounts", params={"phone": old["value"]}).json()["accounts"]
    assert [one["account_id"] for one in found] == [theft.account_id]
    assert old["value"] not in str(found)
    assert sandbox.ask("GET", "/v1/accounts", params={"phone": new["value"]}).json()["accounts"] == []


def test_what_the_thief_took_away_comes_back(sandbox: RunningSandbox) -> None:
    account_id = next(
        name
        for name in iter(sandbox.rich_account, None)
        if len(sandbox.state(name)["security"]["payees"]) >= 2
    )
    payee, given_up = sandbox.state(account_id)["security"]["payees"][:2]
    # What the owner gave up before the theft stays given up.
    sandbox.owner(account_id).ask("DELETE", f"/security/payees/{given_up['id']}").raise_for_status()
    theft = sandbox.steal(account_id, [100])
    assert theft.thief.ask("DELETE", f"/security/payees/{payee['id']}").json() == {"removed": True}
    changes = reset(sandbox, theft, "payees")["changes"]
    assert {"id": payee["id"], "change": "restored", "label": payee["label"]} in changes
    payees = {one["id"]: one for one in sandbox.state(account_id)["security"]["payees"]}
    assert payees[payee["id"]]["active"]
    assert payees[payee["id"]]["set_at"] == payee["set_at"]
    assert not payees[given_up["id"]]["active"]


def test_limits_go_back(sandbox: RunningSandbox, theft: Theft) -> None:
    reset(sandbox, theft, "limits")
    limits = [one for one in sandbox.state(theft.account_id)["security"]["limits"] if one["active"]]
    assert [one["id"] for one in limits] == [f"{theft.account_id}-limit-1"]


def test_the_thiefs_password_and_device_are_useless_afterwards(sandbox: RunningSandbox, theft: Theft) -> None:
    for item in ("password", "sessions", "refresh_tokens", "devices"):
        reset(sandbox, theft, item)
    assert theft.thief.ask("GET", "/me").json()["code"] == "session_ended"
    refused = theft.thief.log_in(theft.account_id, "the thief's password")
    assert (refused.status_code, refused.json()["code"]) == (403, "must_renew")


def test_an_earlier_moment_resets_more(sandbox: RunningSandbox) -> None:
    account_id = sandbox.rich_account()
    owner = sandbox.owner(account_id)
    owner.ask("POST", "/security/mandates", {"label": "set between"}).raise_for_status()
    theft = sandbox.steal(account_id, [100])
    assert reset(sandbox, theft, "mandates")["nothing_to_change"]
    body = {"set_since": (theft.compromised_since - timedelta(minutes=1)).isoformat(), "reason": "a test"}
    answer = sandbox.ask("POST", f"/v1/accounts/{account_id}/security/mandates/reset", body).json()
    assert [one["label"] for one in answer["result"]["changes"]] == ["set between"]


def test_the_owner_renews_the_password_with_a_link_of_one_use(sandbox: RunningSandbox, theft: Theft) -> None:
    known = sandbox.control("GET", f"/people/{theft.account_id}")
    reset(sandbox, theft, "contacts")
    reset(sandbox, theft, "password")
    sandbox.restrict(theft.account_id, f"{theft.account_id}/link").raise_for_status()
    body = {
        "purpose": "renew_credentials",
        "contact_point_id": f"{theft.account_id}-email-1",
        "expires_at": (datetime.now(UTC) + timedelta(hours=1)).isoformat(),
    }
    receipt = sandbox.ask("POST", f"/v1/accounts/{theft.account_id}/owner-links", body).json()
    (message,) = sandbox.outbox(known["contacts"]["email"])
    token = message["body"].split("#")[1].split()[0]
    assert token not in str(receipt)
    owner = sandbox.customer(known["device"])
    looked = owner.ask("POST", "/links/look", {"token": token}).json()
    assert (looked["state"], looked["login_allowed"]) == ("open", False)
    used = owner.ask("POST", "/links/use", {"token": token, "password": "a new password"})
    assert used.json()["renewed"] is True
    again = owner.ask("POST", "/links/use", {"token": token, "password": "another password"})
    assert (again.status_code, again.json()["code"]) == (409, "link_used")
    sandbox.release(theft.account_id, [f"{theft.account_id}/link"]).raise_for_status()
    assert owner.log_in(theft.account_id, "another password").status_code == 401
    assert owner.log_in(theft.account_id, "a new password").status_code == 200


def link(sandbox: RunningSandbox, account_id: str, **more: Any) -> str:
    """Have a link sent to the owner's mailbox; the token that arrives there."""
    known = sandbox.control("GET", f"/people/{account_id}")
    body = {
        "purpose": "renew_credentials",
        "contact_point_id": f"{account_id}-email-1",
        "expires_at": (datetime.now(UTC) + timedelta(hours=1)).isoformat(),
        "reference": f"{account_id}/1",
        **more,
    }
    sandbox.ask("POST", f"/v1/accounts/{account_id}/owner-links", body).raise_for_status()
    token: str = sandbox.outbox(known["contacts"]["email"])[-1]["body"].split("#")[1].split()[0]
    return token


def test_a_scanner_that_opens_every_link_uses_none_up(sandbox: RunningSandbox) -> None:
    account_id = sandbox.account()
    token = link(sandbox, account_id)
    assert len(base64.urlsafe_b64decode(token + "=")) * 8 >= 256
    scanner = sandbox.customer()
    for _ in range(3):
        for path in ("/links/use", "/links/look", f"/links/use?token={token}", f"/renew/{token}"):
            for method in ("GET", "HEAD", "OPTIONS"):
                assert scanner.ask(method, path).status_code in {404, 405}
        # One that runs the page's own script sees what the page sees.
        assert scanner.ask("POST", "/links/look", {"token": token}).json()["state"] == "open"
        assert scanner.ask("POST", "/links/use", {"token": token}).status_code == 422, (
            "nobody entered a secret"
        )
    used = scanner.ask("POST", "/links/use", {"token": token, "password": "the owner's own"}).json()
    assert used == {"renewed": True, "account_id": account_id}, "and nobody is logged in by it"
    assert scanner.ask("GET", "/me").status_code == 401


@pytest.mark.parametrize("why", ["twice", "late", "for another purpose", "overtaken", "after another reset"])
def test_a_link_opens_nothing(sandbox: RunningSandbox, why: str) -> None:
    account_id = sandbox.account()
    soon = (datetime.now(UTC) + timedelta(milliseconds=1)).isoformat()
    token = link(sandbox, account_id, **({"expires_at": soon} if why == "late" else {}))
    owner = sandbox.customer()
    body = {"token": token, "password": "the first one"}
    if why == "twice":
        owner.ask("POST", "/links/use", body).raise_for_status()
    if why == "overtaken":
        link(sandbox, account_id)
    if why == "after another reset":
        since = {"set_since": datetime.now(UTC).isoformat(), "reason": "a test"}
        sandbox.ask("POST", f"/v1/accounts/{account_id}/security/password/reset", since).raise_for_status()
    purpose = "recover_password" if why == "for another purpose" else "renew_credentials"
    refused = owner.ask("POST", "/links/use", body | {"password": "a second one", "purpose": purpose})
    wanted = (403, "link_not_for_this") if why == "for another purpose" else (409, "link_used")
    assert (refused.status_code, refused.json()["code"]) == wanted
    assert owner.log_in(account_id, "a second one").status_code in {401, 403}


def test_a_link_that_asks_for_a_code_opens_nothing_without_it_and_nothing_more_after_five_wrong_ones(
    sandbox: RunningSandbox,
) -> None:
    account_id = sandbox.account()
    owner = sandbox.customer()
    body = {"token": link(sandbox, account_id, confirmation_code="49301127"), "password": "the owner's own"}
    assert owner.ask("POST", "/links/look", {"token": body["token"]}).json()["asks_confirmation"] is True
    assert "49301127" not in str(
        sandbox.outbox(sandbox.control("GET", f"/people/{account_id}")["contacts"]["email"])
    )
    for wrong in ({}, {"confirmation": "49301128"}):
        refused = owner.ask("POST", "/links/use", body | wrong)
        assert (refused.status_code, refused.json()["code"]) == (403, "confirmation_wrong")
    owner.ask("POST", "/links/use", body | {"confirmation": "49301127"}).raise_for_status()
    owner.log_in(account_id, "the owner's own").raise_for_status()

    body["token"] = link(sandbox, account_id, confirmation_code="49301127")
    for guess in range(5):
        owner.ask("POST", "/links/use", body | {"confirmation": f"{guess:08}"})
    refused = owner.ask("POST", "/links/use", body | {"confirmation": "49301127"})
    assert (refused.status_code, refused.json()["code"]) == (409, "link_used")


def test_a_link_for_a_forgotten_password_opens_nothing_on_a_restricted_account(
    sandbox: RunningSandbox,
) -> None:
    account_id = sandbox.account()
    token = link(sandbox, account_id, purpose="recover_password")
    sandbox.restrict(account_id, f"{account_id}/forgotten", "outgoing").raise_for_status()
    body = {"token": token, "password": "a new password", "purpose": "recover_password"}
    owner = sandbox.customer()
    assert owner.ask("POST", "/links/use", body).json()["code"] == "account_restricted"
    sandbox.release(account_id, [f"{account_id}/forgotten"]).raise_for_status()
    owner.ask("POST", "/links/use", body).raise_for_status()
    assert owner.log_in(account_id, "a new password").status_code == 200


def test_the_owner_sets_a_new_authenticator_with_the_same_link(sandbox: RunningSandbox) -> None:
    account_id = sandbox.account()
    body = {"token": link(sandbox, account_id), "password": "a new password", "authenticator": "my app"}
    told = sandbox.customer().ask("POST", "/links/use", body).raise_for_status().json()
    code = totp(bytes.fromhex(told["seed"]), datetime.now(UTC))
    checked = sandbox.ask(
        "POST",
        f"/v1/accounts/{account_id}/factors/{told['authenticator_id']}/verify",
        {"kind": "totp", "code": code},
    )
    assert checked.json()["result"] == {"accepted": True}


def test_what_was_turned_back_in_time_is_removed_all_the_same(sandbox: RunningSandbox, theft: Theft) -> None:
    payee = next(
        each
        for each in sandbox.state(theft.account_id)["security"]["payees"]
        if datetime.fromisoformat(each["set_at"]) >= theft.compromised_since
    )
    clock = {"set_at": "2020-01-01T00:00:00Z", "changed_at": datetime.now(UTC).isoformat()}
    sandbox.control("POST", f"/people/{theft.account_id}/entries/{payee['id']}/clock", clock)
    assert payee["id"] in {each["id"] for each in reset(sandbox, theft, "payees")["changes"]}


def test_no_link_goes_to_a_contact_that_is_not_set_now(sandbox: RunningSandbox, theft: Theft) -> None:
    replaced = f"{theft.account_id}-phone-1"
    body = {
        "purpose": "renew_credentials",
        "expires_at": "2030-01-01T00:00:00Z",
        "contact_point_id": replaced,
    }
    refused = sandbox.ask("POST", f"/v1/accounts/{theft.account_id}/owner-links", body)
    assert (refused.status_code, refused.json()["code"]) == (404, "contact_point_unknown")


def test_stage_limits_are_enforced_replaced_and_lifted_by_their_own_id_only(sandbox: RunningSandbox) -> None:
    account_id = sandbox.rich_account()
    owner = sandbox.owner(account_id)
    owner.add_payee("exit-bank-01").raise_for_status()
    path = f"/v1/accounts/{account_id}/stage-limits"
    limits = {
        "stage_id": f"{account_id}/stage/1",
        "outgoing_per_day": {"CNY": 500},
        "outgoing_total_blocked": False,
        "new_payees_allowed": False,
        "withdrawals_allowed": False,
    }
    sandbox.ask("PUT", path, limits).raise_for_status()
    assert sandbox.state(account_id)["stage_limits"] == limits
    assert owner.send("mer-001", 400).status_code == 201
    assert owner.send("mer-001", 101).json()["code"] == "stage_limit"
    assert owner.send("exit-bank-01", 10).json()["code"] == "stage_limit"
    assert owner.add_payee("exit-bank-03").json()["code"] == "stage_limit"

    second = {
        **limits,
        "stage_id": f"{account_id}/stage/2",
        "withdrawals_allowed": True,
        "new_payees_allowed": True,
    }
    replaced = sandbox.ask("PUT", path, second).json()["result"]
    assert replaced == {"stage_id": second["stage_id"], "replaced": limits["stage_id"]}
    assert owner.send("exit-bank-01", 10).status_code == 201
    late = sandbox.ask("DELETE", path, params={"stage_id": limits["stage_id"]}).json()["result"]
    assert late == {"stage_id": limits["stage_id"], "lifted": False, "standing": second["stage_id"]}
    assert owner.send("mer-001", 400).json()["code"] == "stage_limit"
    lifted = sandbox.ask("DELETE", path, params={"stage_id": second["stage_id"]}).json()["result"]
    assert lifted == {"stage_id": second["stage_id"], "lifted": True, "standing": None}
    assert owner.send("mer-001", 400).status_code == 201


def test_nothing_leaves_while_a_stage_blocks_everything(sandbox: RunningSandbox) -> None:
    account_id = sandbox.rich_account()
    body = {
        "stage_id": f"{account_id}/stage/0",
        "outgoing_per_day": {},
        "outgoing_total_blocked": True,
        "new_payees_allowed": True,
        "withdrawals_allowed": True,
    }
    sandbox.ask("PUT", f"/v1/accounts/{account_id}/stage-limits", body).raise_for_status()
    assert sandbox.owner(account_id).send("mer-001", 1).json()["code"] == "stage_limit"


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
