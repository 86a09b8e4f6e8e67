"""The whole story, as its owner lives it."""

from __future__ import annotations

import itertools
import json

from models.contracts.incidents import EnterStageResult
from models.lifecycle import Status
from models.names import DecisionKind, Outcome, Role, SecurityItem, StepKind
from tests.incidents.house import House
from tests.incidents.recovering import closing_fields


async def test_a_stolen_account_goes_back_to_its_owner(house: House) -> None:
    theft = house.steal()
    raised = await house.alarm(theft)
    incident_id = raised.incident_id
    assert house.standing(theft.account_id) == {f"{incident_id}/1/full": "full"}
    assert theft.thief.send(theft.mules[0].account_id, 1).status_code in (401, 403)
    assert theft.thief.add_payee(theft.mules[1].account_id).status_code in (401, 403)
    password = house.sandbox.control("GET", f"/people/{theft.account_id}")["password"]
    assert house.sandbox.customer().log_in(theft.account_id, password).status_code == 403

    await house.prove_owner(incident_id)
    asked = await house.question(incident_id, DecisionKind.RETURN_ACCOUNT)
    assert asked.four_eyes
    assert house.standing(theft.account_id), "nothing is lifted before two people have agreed"
    await house.decide(incident_id, DecisionKind.RETURN_ACCOUNT, Outcome.RESTORED.value)
    closed = await house.until_closed(incident_id)
    ending = await house.ending(incident_id)

    assert (closed.outcome, closed.episode) == (Outcome.RESTORED, 1)
    assert (ending.outcome, ending.joined) == (Outcome.RESTORED, None)
    view = await house.wiring.overview.incident(incident_id)
    assert view is not None
    assert view.summary is not None
    assert view.summary["outcome"] == "restored"
    assert view.summary["refreezes"] == 0
    assert len(set(view.summary["factors"])) == 2
    assert {factor.partition(":")[0] for factor in view.summary["factors"]} == {"phone", "email"}
    assert view.summary["stages"] == ["no_withdrawals", "known_payees", "reduced_limits"]
    money = view.summary["money"]["CNY"]
    assert money["stolen"] == sum(theft.amounts)
    assert money["stolen"] == sum(money[each] for each in ("held", "exited", "pooled", "returned", "pruned"))
    assert set(view.security_items) == {item.value for item in SecurityItem}
    assert all(view.security_items.values())
    assert len(set(view.security_items.values())) == len(SecurityItem), "one receipt each"

    assert house.standing(theft.account_id) == {}
    assert house.sandbox.state(theft.account_id).get("stage_limits") is None
    held = house.placed_holds(*(mule.account_id for mule in theft.mules))
    assert sum(held.values()) == sum(theft.amounts), "what was stolen lies held where it was found"
    told = await closing_fields(house, incident_id)
    assert json.loads(told["figures"]) == {
        "CNY": {
            "stolen": sum(theft.amounts),
            "returned": 0,
            "held": sum(theft.amounts),
            "recalled": 0,
            "asked_back": 0,
            "missing": 0,
        }
    }
    assert told["stopped"] == "0"


async def test_each_step_is_recorded_in_the_order_that_protects(house: House) -> None:
    with house.rules.changed(stage_seconds=1):
        theft = house.steal(15_000)
        incident_id = (await house.alarm(theft)).incident_id
        await house.give_back(incident_id)
        await house.until_closed(incident_id)
    steps = await house.steps(incident_id)
    order = [step.kind for step in steps]
    assert order[0] is StepKind.FREEZE
    proven, release = order.index(StepKind.VERIFY_IDENTITY), order.index(StepKind.RELEASE)
    resets = [number for number, kind in enumerate(order) if kind is StepKind.RESET_ITEM]
    stages = [number for number, kind in enumerate(order) if kind is StepKind.STAGE]
    assert proven < min(resets)
    assert max(resets) < order.index(StepKind.READ_BACK) < release
    assert stages[0] < release < stages[1] < stages[2]
    lifted = order.index(StepKind.LIFT_LIMITS)
    # After it only the recovery goes on.
    assert lifted < order.index(StepKind.CLOSE)
    assert stages[2] < lifted

    named = [EnterStageResult.model_validate(steps[number].result) for number in stages]
    assert [each.stage for each in named] == ["no_withdrawals", "known_payees", "reduced_limits"]
    for earlier, later in itertools.pairwise(named):
        assert earlier.ends_at <= later.entered_at, "no stage is cut short"
    # By the wallet's own clock: the first limits stood when the restriction ended.
    receipts = house.sandbox.ask("GET", f"/v1/receipts/{incident_id}/1/return/stage/1/1").json()
    released = next(step for step in steps if step.kind is StepKind.RELEASE)
    freed = house.sandbox.ask("GET", f"/v1/receipts/{incident_id}/1/{released.step_key}").json()
    assert receipts["effective_at"] < freed["effective_at"]
    assert released.step_key.startswith("approval/")
    assert (released.actor.value, released.role) == (
        Role.SUPERVISOR.value,
        house.people[Role.SUPERVISOR].operator_id,
    )
    assert (await house.facts(incident_id)).status is Status.CLOSED


async def test_nothing_is_ever_sent_to_the_thiefs_number(house: House) -> None:
    theft = house.steal(12_000)
    old = house.sandbox.control("GET", f"/people/{theft.account_id}")["contacts"]
    now = {
        point["value"]
        for point in house.sandbox.state(theft.account_id)["contact_points"]
        if point["removed_at"] is None
    }
    thiefs = now - set(old.values())
    assert len(thiefs) == 1, "the thief has bound a number of their own"
    incident_id = (await house.alarm(theft)).incident_id
    await house.prove_owner(incident_id)
    await house.question(incident_id, DecisionKind.RETURN_ACCOUNT)
    assert [message for value in thiefs for message in house.sandbox.outbox(value)] == []
    assert all(house.sandbox.outbox(value) for value in old.values())
    point = {
        one["kind"]: one["value"]
        for one in house.sandbox.state(theft.account_id)["contact_points"]
        if one["removed_at"] is None
    }
    assert point == old, "the owner's contacts stand again"
    planned = next(step for step in await house.steps(incident_id, StepKind.PLAN_IDENTITY))
    assert [choice["kind"] for choice in planned.result["refused"]] == ["phone"]
