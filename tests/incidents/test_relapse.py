"""Alarms that come while protection is being lifted: none is lost, and nothing of before undoes what they froze."""

from __future__ import annotations

import pytest

from models.errors import ErrorCode, StanchError
from models.ids import recovery_workflow_id, restriction_id
from models.lifecycle import Status
from models.names import (
    WAKE,
    DecisionKind,
    NoticeTemplate,
    Outcome,
    Role,
    Scope,
    SecurityItem,
    StepKind,
    StepStatus,
)
from models.registered import Activity
from tests.incidents.house import LONG, House
from tests.incidents.recovering import agree, closing_fields, unheard, until_closed, until_promised
from tests.running_sandbox import Theft
from use_cases.raise_alarm import FreezeState


async def test_an_alarm_between_the_last_stage_and_the_closing_is_not_lost(house: House) -> None:
    theft = house.steal(11_000)
    incident_id = (await house.alarm(theft)).incident_id
    with house.gate.hold(Activity.CLOSE_INCIDENT, incident_id) as closing:
        await house.give_back(incident_id)
        await closing.stands()
        assert house.standing(theft.account_id) == {}
        again = await house.alarm(theft)
        assert (again.incident_id, again.episode, again.freeze) == (incident_id, 2, FreezeState.DONE)
        assert house.standing(theft.account_id) == {f"{incident_id}/2/full": "full"}
    # What was proven and reset before the relapse does not count after it.
    await house.both_codes(incident_id)
    facts = await house.facts(incident_id)
    assert (facts.status, facts.episode, facts.closed_at) == (Status.FROZEN, 2, None)
    assert not await house.wiring.incidents.proven(incident_id, 2)
    assert await house.wiring.incidents.proven(incident_id, 1)
    assert (
        await house.rows(
            "SELECT id FROM decision_task WHERE incident_id = :id AND closed_at IS NULL", id=incident_id
        )
        == []
    )

    await house.give_back(incident_id)
    closed = await house.until_closed(incident_id)
    assert (closed.outcome, closed.episode) == (Outcome.RESTORED, 2)
    view = await house.wiring.overview.incident(incident_id)
    assert view is not None
    assert view.summary is not None
    assert view.summary["refreezes"] == 1
    second = [step for step in await house.steps(incident_id) if step.episode == 2]
    assert {step.result["item"] for step in second if step.kind is StepKind.RESET_ITEM} == set(SecurityItem)
    assert len([step for step in second if step.kind is StepKind.STAGE]) == 3
    alarms = await house.rows(
        "SELECT episode, acknowledged_at FROM alarm WHERE incident_id = :id ORDER BY received_at",
        id=incident_id,
    )
    assert [row.episode for row in alarms] == [1, 2]
    assert all(row.acknowledged_at for row in alarms)


async def still_claimed(house: House, theft: Theft, incident_id: str) -> None:
    """The owner was proven once and called it a theft: however the incident ended, the money stays held and is pursued."""
    for _ in range(2):  # the first may belong to a turn that began before the ending
        with house.gate.hold(Activity.LOOK_AT_MONEY, incident_id, after=True) as pursuing:
            await house.client.get_workflow_handle(recovery_workflow_id(incident_id)).signal(WAKE)
            await pursuing.stands()
    assert sum(house.placed_holds(*(mule.account_id for mule in theft.mules)).values()) == sum(theft.amounts)


@pytest.mark.parametrize(
    ("day", "happened"),
    [("latency", True), ("lost_answer", True), ("error", False)],
    ids=["slow", "answer lost", "not done at all"],
)
async def test_a_refreeze_stands_whatever_becomes_of_the_release_under_way(
    house: House, day: str, *, happened: bool
) -> None:
    with house.rules.changed(stage_seconds=LONG):
        theft = house.steal(11_000)
        incident_id = (await house.alarm(theft)).incident_id
    await house.prove_owner(incident_id)
    await house.question(incident_id, DecisionKind.RETURN_ACCOUNT)
    path = f"POST /v1/accounts/{theft.account_id}/restrictions/release"
    house.sandbox.fault(path, day, ms=1500, count=1 if happened else 1000)
    await house.decide(incident_id, DecisionKind.RETURN_ACCOUNT, Outcome.RESTORED.value)
    await house.until_status(incident_id, Status.RETURNING)
    again = await house.alarm(theft)
    assert (again.episode, again.freeze) == (2, FreezeState.DONE)
    first, second = f"{incident_id}/1/full", f"{incident_id}/2/full"
    if happened:

        async def released() -> bool:
            return first not in house.standing(theft.account_id)

        await house.until(released, "the wallet has done the release of episode 1")
    assert house.standing(theft.account_id) == {second: "full"} | ({} if happened else {first: "full"})
    await house.both_codes(incident_id)
    assert (await house.facts(incident_id)).status is Status.FROZEN

    house.sandbox.clear_faults()
    await house.request_and_approve(incident_id, DecisionKind.UNPROVEN_OWNER, Outcome.RELEASED.value)
    await house.parts.wake.now(incident_id)
    await house.until_closed(incident_id)
    assert house.standing(theft.account_id) == {}, "what the first release left standing ends with the second"
    await still_claimed(house, theft, incident_id)


async def test_a_release_is_recorded_though_its_answer_was_lost_and_an_alarm_came_before_its_repetition(
    house: House,
) -> None:
    theft = house.steal(11_000)
    incident_id = (await house.alarm(theft)).incident_id
    await house.both_codes(incident_id)
    asked = house.request_and_approve(incident_id, DecisionKind.UNPROVEN_OWNER, Outcome.RELEASED.value)
    path = f"POST /v1/accounts/{theft.account_id}/restrictions/release"
    async with unheard(house, Activity.RELEASE, incident_id, path, asked):
        assert house.standing(theft.account_id) == {}
        assert (await house.alarm(theft)).episode == 2
    await house.until_rows(
        "SELECT 1 FROM step WHERE incident_id = :id AND episode = 1 AND kind = 'release'", id=incident_id
    )
    (released,) = await house.steps(incident_id, StepKind.RELEASE)
    assert released.status is StepStatus.DONE
    assert f"{incident_id}/1/full" in released.result["ended"]
    await house.both_codes(incident_id)
    facts = await house.facts(incident_id)
    assert (facts.status, facts.episode) == (Status.FROZEN, 2), "it lifts nothing of what the alarm froze"
    assert house.standing(theft.account_id) == {f"{incident_id}/2/full": "full"}


async def test_what_an_episode_still_had_under_way_lifts_nothing_in_the_next(house: House) -> None:
    theft = house.steal(11_000)
    incident_id = (await house.alarm(theft)).incident_id
    with house.gate.hold(Activity.LIFT_LIMITS, incident_id) as lifting:
        await house.give_back(incident_id)
        await lifting.stands()
        assert (await house.alarm(theft)).episode == 2
        with house.gate.hold(Activity.RELEASE, incident_id, after=True) as released:
            await house.give_back(incident_id)
            await released.stands()
            limits = house.sandbox.state(theft.account_id)["stage_limits"]
            assert limits["outgoing_total_blocked"]
            lifting.go()
            # And a lifting that was on its way to the wallet all the time:
            await house.wiring.wallet.lift_stage(
                theft.account_id, f"{incident_id}/1/stage", key=f"late/{incident_id}"
            )
            assert house.sandbox.state(theft.account_id)["stage_limits"] == limits
    closed = await house.until_closed(incident_id)
    assert (closed.outcome, closed.episode) == (Outcome.RESTORED, 2)
    assert house.sandbox.state(theft.account_id)["stage_limits"] is None
    done = [step for step in await house.steps(incident_id, StepKind.LIFT_LIMITS) if step.episode == 1]
    assert done == [], "its intent was refused: the episode was over"


async def test_no_stage_is_loosened_while_an_alarm_waits(house: House) -> None:
    theft = house.steal(11_000)
    incident_id = (await house.alarm(theft)).incident_id
    await house.prove_owner(incident_id)
    await house.question(incident_id, DecisionKind.RETURN_ACCOUNT)
    with house.gate.hold(Activity.RELEASE, incident_id, after=True) as released:
        await house.decide(incident_id, DecisionKind.RETURN_ACCOUNT, Outcome.RESTORED.value)
        await released.stands()
        with house.gate.hold(Activity.ENTER_STAGE, incident_id) as second:
            released.go()
            await second.stands()
            again = await house.raise_quietly(theft)
            assert again.episode == 2
            limits = house.sandbox.state(theft.account_id)["stage_limits"]
            second.go()
            await house.both_codes(incident_id)
    assert house.sandbox.state(theft.account_id)["stage_limits"] == limits
    assert [step.episode for step in await house.steps(incident_id, StepKind.STAGE)] == [1]


async def test_a_return_overtaken_by_an_alarm_waits_for_it_and_is_decided_again(house: House) -> None:
    theft = house.steal(11_000)
    incident_id = (await house.alarm(theft)).incident_id
    await house.prove_owner(incident_id)
    first = await house.question(incident_id, DecisionKind.RETURN_ACCOUNT)
    resets = len(await house.steps(incident_id, StepKind.RESET_ITEM))
    with house.gate.hold(Activity.RELEASE, incident_id) as releasing:
        await house.decide(incident_id, DecisionKind.RETURN_ACCOUNT, Outcome.RESTORED.value)
        await releasing.stands()
        joined = await house.raise_quietly(theft)
        assert (joined.episode, joined.freeze) == (1, FreezeState.DONE)
    await house.until_rows(
        "SELECT id FROM decision_task WHERE incident_id = :id AND id <> :first AND kind = 'return_account'",
        id=incident_id,
        first=first.task_id,
    )
    assert house.standing(theft.account_id) == {f"{incident_id}/1/full": "full"}
    assert await house.steps(incident_id, StepKind.RELEASE) == []
    assert len(await house.steps(incident_id, StepKind.RESET_ITEM)) == resets, (
        "what stands is not reset again"
    )
    # It was all theirs after all. Limits that the first try had placed must not stay for ever.
    assert house.sandbox.state(theft.account_id)["stage_limits"] is not None
    await house.question(incident_id, DecisionKind.RETURN_ACCOUNT)
    await house.decide(incident_id, DecisionKind.RETURN_ACCOUNT, Outcome.FALSE_ALARM.value)
    assert (await house.until_closed(incident_id)).outcome is Outcome.FALSE_ALARM
    told = await closing_fields(house, incident_id)
    assert {"stopped", "at"} < set(told), "whoever calls it a false alarm is told what was stopped"
    assert "figures" not in told, "and of no theft"
    assert house.sandbox.state(theft.account_id)["stage_limits"] is None
    assert house.standing(theft.account_id) == {}


async def test_a_false_alarm_after_a_relapse_leaves_nothing_behind(house: House) -> None:
    with house.rules.changed(stage_seconds=LONG, recovery={"tipping_off_forbidden": True}):
        theft = house.steal(11_000, mules=1)
        incident_id = (await house.alarm(theft)).incident_id
    mule, by = theft.mules[0].account_id, house.people[Role.AGENT]
    await house.until_rows(
        "SELECT 1 FROM hold_claim WHERE incident_id = :i AND told = 'withheld'", i=incident_id
    )
    asked = await agree(house, house.parts.recover.mule(incident_id, mule, "freeze", "a ring", by=by))
    await until_closed(house, asked.task_id)
    await house.give_back(incident_id)
    await house.until_rows(
        "SELECT id FROM step WHERE incident_id = :id AND kind = 'release' AND status = 'done'", id=incident_id
    )
    assert (await house.alarm(theft)).episode == 2
    await house.request_and_approve(incident_id, DecisionKind.END_AS_FALSE_ALARM, Outcome.FALSE_ALARM.value)
    await house.both_codes(incident_id)
    for challenge_id, code in await house.both_codes(incident_id):
        await house.answer(challenge_id, code)
    closed = await house.until_closed(incident_id)
    assert (closed.outcome, closed.episode) == (Outcome.FALSE_ALARM, 2)
    assert house.standing(theft.account_id) == {}
    assert house.sandbox.state(theft.account_id)["stage_limits"] is None
    assert set(house.placed_holds(*(mule.account_id for mule in theft.mules)).values()) == {0}
    view = await house.wiring.overview.incident(incident_id)
    assert view is not None
    assert view.summary is not None
    assert (view.summary["refreezes"], view.summary["stages"]) == (1, [])

    async def given_back() -> bool:
        return house.standing(mule) == {}

    await house.until(given_back, "the mule's account has lost the ground of its restriction")
    (told,) = await until_promised(house, incident_id, NoticeTemplate.MONEY_HELD)
    assert (told[0].account_id, told[1]["state"]) == (mule, "released")
    (let_go,) = await house.steps(incident_id, StepKind.RELEASE_MULE)
    assert let_go.reason == "incident ended as false_alarm"
    await house.client.get_workflow_handle(recovery_workflow_id(incident_id)).result()
    late = await agree(house, house.parts.recover.mule(incident_id, mule, "freeze", "too late", by=by))
    await until_closed(house, late.task_id)
    assert house.standing(mule) == {}, "nothing was stolen: the choice is closed, and nobody is frozen"
    assert (await house.audit(incident_id)).findings == ()


async def test_limits_stay_until_people_know_when_a_refreeze_is_refused_for_good(house: House) -> None:
    with house.rules.changed(stage_seconds=LONG):
        theft = house.steal(11_000)
        incident_id = (await house.alarm(theft)).incident_id
    await house.give_back(incident_id)
    await house.until_rows(
        "SELECT id FROM step WHERE incident_id = :id AND kind = 'release' AND status = 'done'", id=incident_id
    )
    limits = house.sandbox.state(theft.account_id)["stage_limits"]
    house.sandbox.control("POST", f"/accounts/{theft.account_id}/close")
    with pytest.raises(StanchError) as refused:
        await house.alarm(theft)
    assert refused.value.code is ErrorCode.WALLET_REFUSED
    await house.parts.wake.now(incident_id)
    asked = await house.question(incident_id, DecisionKind.NOT_FROZEN)
    assert asked.four_eyes
    facts = await house.facts(incident_id)
    assert (facts.status, facts.episode, facts.limits_left) == (Status.OPENED, 2, True)
    assert house.sandbox.state(theft.account_id)["stage_limits"] == limits
    await house.decide(incident_id, DecisionKind.NOT_FROZEN, Outcome.NOT_FROZEN.value)
    assert (await house.until_closed(incident_id)).outcome is Outcome.NOT_FROZEN
    assert house.sandbox.state(theft.account_id)["stage_limits"] is None
    await still_claimed(house, theft, incident_id)
    assert (await house.audit(incident_id)).findings == ()


async def test_holds_are_not_let_go_once_a_new_alarm_has_come(house: House) -> None:
    theft = house.steal(11_000, mules=1)
    incident_id = (await house.alarm(theft)).incident_id
    await house.request_and_approve(incident_id, DecisionKind.END_AS_FALSE_ALARM, Outcome.FALSE_ALARM.value)
    with house.gate.hold(Activity.RELEASE_HOLD, incident_id) as letting_go:
        for challenge_id, code in await house.both_codes(incident_id):
            await house.answer(challenge_id, code)
        await letting_go.stands()
        again = await house.raise_quietly(theft)
        assert again.episode == 2
    await house.both_codes(incident_id)
    assert house.placed_holds(theft.mules[0].account_id) == {theft.mules[0].account_id: 11_000}
    assert await house.steps(incident_id, StepKind.RELEASE_HOLD) == []
    assert (await house.facts(incident_id)).status is Status.FROZEN


async def test_a_late_retry_of_an_earlier_incidents_freeze_freezes_nothing(house: House) -> None:
    theft = house.steal(11_000)
    account_id = theft.account_id
    past: list[str] = []
    for _ in range(2):
        incident_id = (await house.alarm(theft)).incident_id
        assert incident_id not in past
        name = restriction_id(incident_id, 1, "full")
        assert house.standing(account_id) == {name: "full"}
        for earlier in past:
            await late_retries(house, account_id, earlier)
        assert house.standing(account_id) == {name: "full"}
        await house.request_and_approve(incident_id, DecisionKind.END_AS_FALSE_ALARM, "false_alarm")
        for challenge_id, code in await house.both_codes(incident_id):
            await house.answer(challenge_id, code)
        await house.until_closed(incident_id)
        past.append(incident_id)
        await late_retries(house, account_id, incident_id)
        assert house.standing(account_id) == {}
    assert house.sandbox.owner(account_id).account_id == account_id, "the owner is not locked out"


async def late_retries(house: House, account_id: str, incident_id: str) -> None:
    """Under the same key, under another one, and as a step run once more."""
    name = restriction_id(incident_id, 1, "full")
    await house.wiring.wallet.place_restriction(account_id, name, Scope.FULL, key=name)
    with pytest.raises(StanchError) as refused:
        await house.wiring.wallet.place_restriction(account_id, name, Scope.FULL, key=f"{name}/again")
    assert refused.value.code is ErrorCode.WALLET_REFUSED
