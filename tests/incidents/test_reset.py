"""What the thief left behind is shown and undone, what is in flight is stopped, and what fails goes to a person in words."""

from __future__ import annotations

import re
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError

from models.contracts.security import SecurityView, ShownItem
from models.errors import StanchError
from models.lifecycle import Status
from models.names import (
    Actor,
    DecisionKind,
    Happened,
    Outcome,
    PaymentKind,
    PaymentState,
    SecurityItem,
    StepKind,
    StepStatus,
    Treatment,
)
from models.registered import Activity
from tests.incidents.house import House
from tests.incidents.recovering import closing_fields

LATER = 3600


async def seen(house: House, incident_id: str) -> SecurityView:
    """As the gateway shows it."""
    view: SecurityView = await house.parts.see_security.run(incident_id)
    return view


def item(view: SecurityView, name: SecurityItem) -> ShownItem:
    return next(each for each in view.items if each.item is name)


def rows(view: SecurityView, name: SecurityItem) -> dict[Happened, list[Any]]:
    found: dict[Happened, list[Any]] = {}
    for row in item(view, name).changes:
        found.setdefault(row.happened, []).append(row)
    return found


def settled(house: House) -> tuple[str, dict[str, list[dict[str, Any]]]]:
    """An account of old that has payees and a mandate, and what it has."""
    while True:
        account_id = house.sandbox.rich_account()
        security: dict[str, list[dict[str, Any]]] = house.sandbox.state(account_id)["security"]
        if security["payees"] and security["mandates"]:
            return account_id, security


async def test_what_the_thief_left_is_shown_stopped_and_undone_and_only_what_failed_is_done_again(
    house: House,
) -> None:
    sandbox = house.sandbox
    account_id, belongings = settled(house)
    mandate, bank = belongings["mandates"][0]["id"], belongings["payees"][0]["id"]
    owner = sandbox.owner(account_id)
    rent = owner.order("mandate_collection", "mer-004", 1500, seconds=LATER, entry_id=mandate)
    vouching = {"phones": ["+8613800001187"], "set_at": "2026-01-01T00:00:00Z"}
    (friend,) = sandbox.control("POST", f"/people/{account_id}/trusted-contacts", vouching)["ids"]
    theft = sandbox.steal(account_id, (20_000, 30_000))
    accomplice = {"kind": "phone", "value": "+8613900009999"}
    planted = theft.thief.ask("POST", "/trusted-contacts", accomplice).raise_for_status().json()["id"]
    theft.thief.ask("DELETE", f"/security/trusted_contacts/{friend}").raise_for_status()
    theft.thief.ask("DELETE", f"/security/payees/{bank}").raise_for_status()
    theft.thief.ask("POST", "/security/api_keys", {"label": "sara.wei@mail.example"}).raise_for_status()
    left = theft.thief.leave_behind(theft.mules[0].account_id, seconds=LATER)
    gone = theft.thief.order("scheduled_payment", theft.mules[1].account_id, 4000)
    while sandbox.payments(account_id, theft.compromised_since)[gone]["state"] == "pending":
        sandbox.run_payments(account_id)
    # Nothing is tried again before somebody says so.
    with house.rules.changed(reset={"first_pause_seconds": 600, "longest_pause_seconds": 600}):
        incident_id = (await house.alarm(theft)).incident_id

    async def stopped() -> bool:
        return len(await house.steps(incident_id, StepKind.STOP_PAYMENT)) == len(left)

    await house.until(stopped, "everything the thief left in flight is stopped")
    told = sandbox.payments(account_id, theft.compromised_since)
    assert {told[each]["state"] for each in left.values()} == {"stopped"}
    assert told[rent]["state"] == "pending", "the owner's own goes on when the freeze ends"

    # Before the reset: what it would do.
    live = await seen(house, incident_id)
    assert live.compared == "live"
    assert not any(row.done for each in live.items for row in each.changes)
    states = {each.payment_id: each for each in live.payments}
    assert states[rent].state is PaymentState.KEPT
    assert states[gone].state is PaymentState.CAPTURED
    assert states[gone].transfer_id == told[gone]["transfer_id"]
    assert {states[each].state for each in left.values()} == {PaymentState.STOPPED}
    assert {states[each].kind for each in left.values()} == set(PaymentKind) - {PaymentKind.OTHER}
    receipts = {states[each].receipt_id for each in left.values()}
    assert len(receipts) == len(left)
    assert None not in receipts, "one receipt each"

    # The wallet says no to one item for good, is silent for another, and stumbles over a third.
    path = f"POST /v1/accounts/{account_id}/security"
    sandbox.fault(f"{path}/cards/reset", "refused")
    sandbox.fault(f"{path}/forwarding/reset", "error", count=6)
    sandbox.fault(f"{path}/payees/reset", "error", count=2)
    await house.prove_owner(incident_id)
    asked = await house.question(incident_id, DecisionKind.RESET_INCOMPLETE)
    missing = {SecurityItem.CARDS, SecurityItem.FORWARDING, SecurityItem.LIMITS}
    said = {each: str(asked.action[each]) for each in missing}
    assert not (set(SecurityItem) - missing) & set(asked.action), "what is done is not asked about"
    assert "refused to reset cards" in said[SecurityItem.CARDS]
    assert "no usable answer for forwarding" in said[SecurityItem.FORWARDING]
    assert "limits waits for cards" in said[SecurityItem.LIMITS]
    for sentence in said.values():
        assert "stays frozen" in sentence
    assert (await seen(house, incident_id)).missing == said
    before = {step.step_id for step in await house.steps(incident_id, StepKind.RESET_ITEM)}
    await house.decide(incident_id, DecisionKind.RESET_INCOMPLETE, "try_again")
    await house.question(incident_id, DecisionKind.RETURN_ACCOUNT)
    again = [
        step for step in await house.steps(incident_id, StepKind.RESET_ITEM) if step.step_id not in before
    ]
    assert {step.result["item"] for step in again} == missing
    assert {step.status for step in again} == {StepStatus.DONE}

    # After it: what it did.
    view = await seen(house, incident_id)
    assert (view.compared, view.missing) == ("stored", {})
    assert all(each.receipt_id for each in view.items)
    assert all(row.done for each in view.items for row in each.changes)
    payees_now = rows(view, SecurityItem.PAYEES)
    assert {row.treatment for row in payees_now[Happened.ADDED]} == {Treatment.REVOKED}
    assert [(row.entry_id, row.treatment) for row in payees_now[Happened.REMOVED]] == [
        (bank, Treatment.RESTORED)
    ]
    contacts = rows(view, SecurityItem.CONTACTS)
    (added,), (removed,) = contacts[Happened.ADDED], contacts[Happened.REMOVED]
    assert (added.entry_id, added.label, added.treatment) == (
        planted,
        "trusted phone ***99",
        Treatment.REVOKED,
    )
    assert (removed.entry_id, removed.treatment) == (friend, Treatment.RESTORED)
    trusted = {each["id"]: each["removed_at"] for each in sandbox.state(account_id)["trusted_contacts"]}
    assert trusted[friend] is None
    assert trusted[planted] is not None
    (phone,) = contacts[Happened.CHANGED]
    known = sandbox.control("GET", f"/people/{account_id}")["contacts"]["phone"]
    assert (phone.label[:8], phone.before, phone.treatment) == (
        "phone **",
        f"phone ***{known[-2:]}",
        Treatment.RESTORED,
    )
    (limit,) = rows(view, SecurityItem.LIMITS)[Happened.CHANGED]
    assert limit.treatment is Treatment.RESTORED
    (key,) = rows(view, SecurityItem.API_KEYS)[Happened.ADDED]
    assert (key.label, key.treatment) == ("s***@mail.example", Treatment.REVOKED)
    assert {row.treatment for row in rows(view, SecurityItem.PASSWORD)[Happened.UNCHANGED]} == {
        Treatment.RENEWED
    }
    kept = rows(view, SecurityItem.DEVICES)[Happened.UNCHANGED]
    assert {row.treatment for row in kept} == {Treatment.KEPT}
    assert {row.reason for row in kept} == {"It was set before the compromise time."}
    shown = await house.wiring.overview.incident(incident_id)
    assert shown is not None
    assert shown.security["changed"] == view_total(view, "changed")
    assert (shown.security["payments_stopped"], shown.security["payments_captured"]) == (3, 1)

    # Given back, the account pays nothing that was stopped, however due it is.
    await house.decide(incident_id, DecisionKind.RETURN_ACCOUNT, Outcome.RESTORED.value)
    await house.until_status(incident_id, Status.RETURNING, Status.CLOSED)
    await house.until_closed(incident_id)
    sandbox.control("POST", f"/accounts/{account_id}/payments/due")
    sandbox.run_payments(account_id)
    told = sandbox.payments(account_id, theft.compromised_since)
    assert {told[each]["state"] for each in left.values()} == {"stopped"}
    thefts = await house.rows("SELECT transfer_id FROM theft WHERE incident_id = :id", id=incident_id)
    assert states[gone].transfer_id in {row.transfer_id for row in thefts}, "left for the trace"
    assert (await closing_fields(house, incident_id))["stopped"] == "3", (
        "the owner orders anew what they want"
    )


def view_total(view: SecurityView, name: str) -> int:
    return sum(getattr(each, name) for each in view.items)


async def test_nothing_goes_back_while_a_payment_may_still_move_money(house: House) -> None:
    theft = house.steal(12_000)
    in_flight = theft.thief.order("scheduled_payment", theft.mules[0].account_id, 700, seconds=LATER)
    house.sandbox.fault(f"POST /v1/payments/{in_flight}/stop", "refused", count=2)
    with house.rules.changed(reset={"first_pause_seconds": 4}):
        incident_id = (await house.alarm(theft)).incident_id
    with pytest.raises(StanchError, match="proven and everything is reset"):
        await house.decide(incident_id, DecisionKind.OWNER_LINK, "send")
    await house.prove_owner(incident_id)
    asked = await house.question(incident_id, DecisionKind.RESET_INCOMPLETE)
    assert set(asked.action) & {*SecurityItem} == set(), "every item is clean"
    assert "could not be stopped (wallet_refused)" in str(asked.action[in_flight])
    assert (await house.facts(incident_id)).status is Status.VERIFIED
    states = await house.rows("SELECT state FROM in_flight_payment WHERE incident_id = :id", id=incident_id)
    assert [row.state for row in states] == ["found"]
    with pytest.raises(DBAPIError):
        await house.change("UPDATE in_flight_payment SET amount = 1 WHERE incident_id = :id", id=incident_id)
    # Nobody says anything: it is tried again by itself, and the question is closed with it.
    await house.question(incident_id, DecisionKind.RETURN_ACCOUNT)
    listed = await house.wiring.overview.decisions(state="open", incident_id=incident_id)
    assert [each.kind for each in listed] == [DecisionKind.RETURN_ACCOUNT]
    states = await house.rows("SELECT state FROM in_flight_payment WHERE incident_id = :id", id=incident_id)
    assert [row.state for row in states] == ["stopped"]
    assert len(await house.steps(incident_id, StepKind.RESET_ITEM)) == len(SecurityItem)

    # The link is lost: an agent has another one sent, and chooses neither where it goes nor what it sets.
    email = house.sandbox.control("GET", f"/people/{theft.account_id}")["contacts"]["email"]

    def links() -> list[str]:
        bodies = [str(each["body"]) for each in house.sandbox.outbox(email)]
        return [body.split("#")[1].split()[0] for body in bodies if "/renew#" in body]

    (first,) = links()
    await house.decide(incident_id, DecisionKind.OWNER_LINK, "send")

    async def sent() -> bool:
        return len(links()) == 2

    await house.until(sent, "another link")
    await house.until_rows(
        "SELECT 1 FROM step WHERE incident_id = :id AND kind = 'owner_link' AND actor = 'agent'",
        id=incident_id,
    )
    owner = house.sandbox.customer()
    looks = [owner.ask("POST", "/links/look", {"token": each}).json() for each in links()]
    assert [look["state"] for look in looks] == ["overtaken", "open"]
    assert first == links()[0]
    by = [step for step in await house.steps(incident_id, StepKind.OWNER_LINK) if step.actor is Actor.AGENT]
    assert [step.step_key.split("/")[0] for step in by] == ["approval"]
    # Never sufficient alone: the new password is set, and the account is as frozen as before. Who approved the return before
    # that agreed to something else: the question is put anew, with what became of the link.
    before = await house.question(incident_id, DecisionKind.RETURN_ACCOUNT)
    contact = f"email {theft.account_id}-email-1"
    assert before.action["owner_link"] == f"not used yet, sent to {contact}"
    with house.gate.hold(Activity.LOOK_AT_LINK, incident_id) as look:
        await house.decide(incident_id, DecisionKind.RETURN_ACCOUNT, Outcome.RESTORED.value)
        await look.stands()
        used = {"token": links()[1], "password": "the owner's own"}
        owner.ask("POST", "/links/use", used).raise_for_status()
        assert owner.log_in(theft.account_id, "the owner's own").status_code == 403
        assert house.standing(theft.account_id)

    async def put_anew() -> bool:
        return (await house.question(incident_id, DecisionKind.RETURN_ACCOUNT)).task_id != before.task_id

    await house.until(put_anew, "another question")
    asked = await house.question(incident_id, DecisionKind.RETURN_ACCOUNT)
    assert re.fullmatch(rf"used 20\S+Z through {contact}", str(asked.action["owner_link"]))
    assert email not in str(asked.action)
    assert (await house.facts(incident_id)).status is Status.RESET
    await house.decide(incident_id, DecisionKind.RETURN_ACCOUNT, Outcome.RESTORED.value)
    await house.until_status(incident_id, Status.RETURNING, Status.CLOSED)
