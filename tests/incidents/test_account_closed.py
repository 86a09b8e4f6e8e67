"""The proven owner does not want the account back: it is paid out where two people agreed, and what still comes goes there."""

from __future__ import annotations

import json

import pytest

from adapters.secrets.keys import Sealer
from adapters.sql.notices import BODY
from models.contracts.closure import BankDestination, ProvenDestination, WalletDestination
from models.errors import ErrorCode, StanchError
from models.lifecycle import Status
from models.names import DecisionKind, Outcome, Role, StepKind, StepStatus
from models.registered import Activity
from tests.incidents.house import LONG, House
from tests.incidents.recovering import choose, closing_fields, remedy, unheard
from use_cases.raise_alarm import FreezeState

BANK = BankDestination(kind="bank", bic="BKCHCNBJXXX", account="6222020200099887", holder="L. Wei")
PROOF = "statement of account with her name, seen by video"


async def ask(house: House, incident_id: str, destination: BankDestination | WalletDestination) -> str:
    """An agent enters the destination; the request's id."""
    view = await house.parts.ask_to_close.ask(
        incident_id,
        ProvenDestination(destination=destination, how_proven=PROOF),
        "she wants no account any more",
        by=house.people[Role.AGENT],
    )
    return view.requests[-1].request_id


async def test_all_money_goes_to_the_proven_destination_and_so_does_what_comes_back(house: House) -> None:
    theft = house.steal(20_000, 30_000)
    incident_id = (await house.alarm(theft)).incident_id
    with pytest.raises(StanchError) as unproven:
        await ask(house, incident_id, BANK)
    assert unproven.value.code is ErrorCode.REFUSED_BY_RULE, "nobody is proven yet"
    await house.prove_owner(incident_id)
    await house.question(incident_id, DecisionKind.RETURN_ACCOUNT)
    had = {each["currency"]: each["balance"] for each in house.sandbox.state(theft.account_id)["balances"]}
    request_id = await ask(house, incident_id, BANK)
    asked = await house.question(incident_id, DecisionKind.CLOSE_ACCOUNT)
    assert json.loads(asked.action["balances"]) == {name: sum_ for name, sum_ in had.items() if sum_}
    assert BANK.account not in json.dumps(asked.action), "no personal data outside the sealed row"
    shown = await house.parts.ask_to_close.look(incident_id, asked.action["destination_id"])
    assert (shown.destination, shown.how_proven) == (BANK, PROOF)
    path = f"POST /v1/accounts/{theft.account_id}/close"
    async with unheard(house, Activity.CLOSE_ACCOUNT, incident_id, path, house.approve(request_id)):
        # What allowed it falls before anybody here knows that it is done: it is done, and recorded so.
        await house.change("UPDATE proof SET voided_at = now() WHERE incident_id = :id", id=incident_id)
    closed = await house.until_closed(incident_id)
    assert closed.outcome is Outcome.ACCOUNT_CLOSED
    state = house.sandbox.state(theft.account_id)
    assert (state["status"], state["restrictions"]) == ("closed", [])
    assert {each["balance"] for each in state["balances"]} == {0}
    (step,) = await house.steps(incident_id, StepKind.CLOSE_ACCOUNT)
    assert {each["currency"]: each["amount"] for each in step.result["paid"]} == {
        name: amount for name, amount in had.items() if amount
    }
    assert await house.steps(incident_id, StepKind.RELEASE) == []
    await the_rating_is_taken_once(house, incident_id)
    held = await remedy(house, incident_id)
    assert (held.stolen, held.on_hold) == (50_000, 50_000)

    offered = await house.question(incident_id, DecisionKind.RESTITUTE)
    await choose(house, offered, "give_back")
    await house.recovered(incident_id)
    after = await remedy(house, incident_id)
    assert (after.stolen, after.returned, after.on_hold) == (50_000, 50_000, 0)
    state = house.sandbox.state(theft.account_id)
    assert {each["balance"] for each in state["balances"]} == {0}, (
        "it was sent on to where the account's money went"
    )
    assert await house.differences(incident_id) == []
    assert (await house.audit(incident_id)).findings == ()


async def the_rating_is_taken_once(house: House, incident_id: str) -> None:
    """The code is in the closing notice, sealed, and nowhere else."""
    (row,) = await house.rows(
        "SELECT body FROM notice_outbox WHERE incident_id = :id AND template = 'incident_closed'",
        id=incident_id,
    )
    sealer = Sealer(house.wiring.keys)
    code = json.loads(await sealer.open(incident_id, BODY, row.body))["rating"]
    with pytest.raises(StanchError) as unknown:
        await house.parts.rate.run("AAAA-AAAA-AAAA-AAAA", 1, None)
    await house.parts.rate.run(code.lower(), 4, "kind, but slow")
    with pytest.raises(StanchError) as used:
        await house.parts.rate.run(code, 1, None)
    assert unknown.value.code is used.value.code is ErrorCode.NOT_FOUND
    assert unknown.value.message == used.value.message
    view = await house.wiring.overview.incident(incident_id)
    assert view is not None
    assert view.rating is not None
    assert (view.rating["rating"], view.rating["comment"]) == (4, "kind, but slow")
    (stored,) = await house.rows("SELECT comment FROM rating WHERE incident_id = :id", id=incident_id)
    assert b"kind" not in stored.comment


async def test_an_alarm_wins_over_the_closing_before_its_intent_and_after_it(house: House) -> None:
    theft = house.steal(11_000)
    incident_id = (await house.alarm(theft)).incident_id
    await house.prove_owner(incident_id)
    await house.question(incident_id, DecisionKind.RETURN_ACCOUNT)
    receiver = WalletDestination(kind="wallet", account_id=house.sandbox.account())
    before = house.sandbox.balance(theft.account_id)
    # Somebody else's stolen money lies on the account: the wallet refuses, and the account stays as it was.
    house.sandbox.hold(theft.account_id, f"{incident_id}/other", 100).raise_for_status()
    refused = await ask(house, incident_id, receiver)
    await house.approve(refused)
    await house.parts.wake.now(incident_id)
    await house.until_rows(
        "SELECT 1 FROM step WHERE incident_id = :id AND kind = 'close_account' AND status = 'refused' "
        "AND reason = 'account_held'",
        id=incident_id,
    )
    await house.until_status(incident_id, Status.RESET)
    assert house.standing(theft.account_id) == {f"{incident_id}/1/full": "full"}
    house.sandbox.ask(
        "POST", f"/v1/holds/{incident_id}/other/release", {"reason": "a test"}
    ).raise_for_status()
    await house.question(incident_id, DecisionKind.RETURN_ACCOUNT)

    with house.gate.hold(Activity.CLOSE_ACCOUNT, incident_id) as closing:
        await house.approve(await ask(house, incident_id, receiver))
        await house.parts.wake.now(incident_id)
        await closing.stands()
        assert (await house.raise_quietly(theft)).episode == 1
    await house.until_rows(
        "SELECT 1 FROM alarm WHERE incident_id = :id AND acknowledged_at IS NOT NULL OFFSET 1", id=incident_id
    )
    assert [step.status for step in await house.steps(incident_id, StepKind.CLOSE_ACCOUNT)] == ["refused"]
    assert house.standing(theft.account_id) == {f"{incident_id}/1/full": "full"}

    await house.question(incident_id, DecisionKind.RETURN_ACCOUNT)
    house.sandbox.fault(f"POST /v1/accounts/{theft.account_id}/close", "error", count=1000)
    request_id = await ask(house, incident_id, receiver)
    await house.approve(request_id)
    await house.parts.wake.now(incident_id)
    await house.until_status(incident_id, Status.CLOSING)
    again = await house.alarm(theft)
    assert (again.episode, again.freeze) == (2, FreezeState.DONE)
    house.sandbox.clear_faults()
    await house.both_codes(incident_id)
    state = house.sandbox.state(theft.account_id)
    assert state["status"] == "active"
    assert house.sandbox.balance(theft.account_id) == before
    assert f"{incident_id}/2/full" in house.standing(theft.account_id)
    assert (await house.facts(incident_id)).status is Status.FROZEN
    assert [s for s in await house.steps(incident_id, StepKind.CLOSE_ACCOUNT) if s.status == "done"] == []


async def test_an_account_that_comes_back_in_stages_is_closed_after_all(house: House) -> None:
    with house.rules.changed(stage_seconds=LONG):
        theft = house.steal(13_000)
        incident_id = (await house.alarm(theft)).incident_id
    await house.give_back(incident_id)
    await house.until_rows(
        "SELECT 1 FROM step WHERE incident_id = :id AND kind = 'release' AND status = 'done'", id=incident_id
    )
    receiver = WalletDestination(kind="wallet", account_id=house.sandbox.account())
    before = house.sandbox.balance(receiver.account_id)["balance"]
    limits = house.sandbox.state(theft.account_id)["stage_limits"]

    # The wallet refuses: nothing freezes that account any more, so it goes on in its stage and not as if it were frozen.
    house.sandbox.hold(theft.account_id, f"{incident_id}/other", 100).raise_for_status()
    await house.approve(await ask(house, incident_id, receiver))
    await house.parts.wake.now(incident_id)
    await house.until_rows(
        "SELECT 1 FROM step WHERE incident_id = :id AND kind = 'close_account' AND status = 'refused'",
        id=incident_id,
    )
    await house.until_status(incident_id, Status.RETURNING)
    assert house.sandbox.state(theft.account_id)["stage_limits"] == limits
    house.sandbox.ask(
        "POST", f"/v1/holds/{incident_id}/other/release", {"reason": "a test"}
    ).raise_for_status()
    await house.looked(incident_id)
    assert len(await house.steps(incident_id, StepKind.STAGE)) == 1, (
        "the stage goes on, it does not begin again"
    )

    had = house.sandbox.balance(theft.account_id)["balance"]
    request_id = await ask(house, incident_id, receiver)
    asked = await house.question(incident_id, DecisionKind.CLOSE_ACCOUNT)
    assert (asked.four_eyes, json.loads(asked.action["balances"])) == (True, {"CNY": had})
    await house.looked(incident_id)
    assert house.sandbox.state(theft.account_id)["status"] == "active", "one person closes nothing"
    await house.approve(request_id)
    await house.parts.wake.now(incident_id)
    closed = await house.until_closed(incident_id)
    assert closed.outcome is Outcome.ACCOUNT_CLOSED
    state = house.sandbox.state(theft.account_id)
    assert (state["status"], state["restrictions"], state.get("stage_limits")) == ("closed", [], None)
    assert house.sandbox.balance(receiver.account_id)["balance"] == before + had
    kinds = [step.kind for step in await house.steps(incident_id) if step.status is StepStatus.DONE]
    assert (
        kinds.index(StepKind.CLOSE_ACCOUNT) < kinds.index(StepKind.LIFT_LIMITS) < kinds.index(StepKind.CLOSE)
    )
    assert kinds.count(StepKind.STAGE) == 1
    held = await remedy(house, incident_id)
    assert held.on_hold == 13_000, "what is held for the owner stays so"
    assert (await closing_fields(house, incident_id))["outcome"] == Outcome.ACCOUNT_CLOSED
    assert await house.differences(incident_id) == []
    assert (await house.audit(incident_id)).findings == ()
