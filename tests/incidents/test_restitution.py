"""Held money goes back to its proven owner: exactly the held units, once, by two people."""

from __future__ import annotations

import itertools
import json
from datetime import timedelta

import pytest

from models.contracts.remedy_totals import LeftOut
from models.errors import ErrorCode, StanchError
from models.names import DecisionKind, HoldEnding, HoldSource, NoticeTemplate, Role, StepKind, StepStatus
from models.registered import Activity
from tests.incidents.house import House
from tests.incidents.recovering import (
    agree,
    choose,
    holds,
    promised,
    remedy,
    restored,
    robbed_of_the_same,
    stolen,
    until_closed,
    until_held,
)


async def test_what_is_held_goes_back_to_its_owner_to_the_cent(house: House) -> None:
    with house.rules.changed(recovery={"two_supervisors_from": 60_000}):
        theft, incident_id = await stolen(house, 20_000, 30_000, 40_000)
    own = house.sandbox.balance(theft.account_id)["balance"]
    held = await remedy(house, incident_id)
    assert (held.stolen, held.on_hold, held.returned) == (90_000, 90_000, 0)
    assert not [
        each
        for each in await house.wiring.overview.decisions(state="open", incident_id=incident_id)
        if each.kind is DecisionKind.RESTITUTE
    ], "nothing is offered before the owner has the account back"
    await restored(house, incident_id)
    placed = await holds(house, incident_id)
    offered = await house.question(incident_id, DecisionKind.RESTITUTE)
    payments = json.loads(offered.action["give_back"])
    assert {(one["hold_id"], one["to_account_id"], one["amount"]) for one in payments} == {
        (hold.hold_id, theft.account_id, hold.amount) for hold in placed
    }
    assert (offered.four_eyes, offered.requester_role) == (True, Role.SUPERVISOR)
    (disputed,) = [hold for hold in placed if hold.amount == 40_000]
    objected = await house.parts.recover.object(disputed.hold_id, "I sold a car", by=house.people[Role.AGENT])
    await until_closed(house, offered.task_id)
    asked = await house.question(incident_id, DecisionKind.RESTITUTE)
    payments = json.loads(asked.action["give_back"])
    assert sorted(one["amount"] for one in payments) == [20_000, 30_000], "who objects is heard first"
    assert json.loads(asked.action["objections"]) == {disputed.hold_id: [objected.task_id]}
    assert asked.requester_role is Role.AGENT
    chosen = await house.parts.decide.request(
        asked.task_id, "give_back", "it is hers", by=house.people[Role.AGENT]
    )
    with pytest.raises(StanchError) as alone:
        await house.parts.decide.approve(chosen.requests[-1].request_id, "mine", by=house.people[Role.AGENT])
    assert alone.value.code is ErrorCode.FOUR_EYES
    with house.gate.hold(Activity.LOOK_AT_RECOVERY, incident_id, after=True) as looked:
        await house.parts.wake.now(incident_id)
        await looked.stands()
    assert house.sandbox.balance(theft.account_id)["balance"] == own, "nothing moves on one person's word"
    await house.approve(chosen.requests[-1].request_id)
    await choose(house, objected, "keep")
    await until_closed(house, objected.task_id)
    rest = await house.question(incident_id, DecisionKind.RESTITUTE)
    assert (rest.action["amount"], rest.action["in_all"]) == ("40000", "90000")
    assert rest.requester_role is Role.SUPERVISOR, "small amounts one after the other are one amount"
    again = await house.parts.recover.object(disputed.hold_id, "I did!", by=house.people[Role.AGENT])
    last = await house.parts.decide.request(
        rest.task_id, "give_back", "it is hers", by=house.people[Role.SUPERVISOR]
    )
    await house.parts.decide.approve(last.requests[-1].request_id, "seen", by=house.others[Role.SUPERVISOR])
    await house.parts.wake.now(incident_id)
    await until_closed(house, rest.task_id)
    # Who was heard once keeps the money back no longer; and nothing is upheld about money that is gone.
    await choose(house, again, "release")
    ended = await house.recovered(incident_id)
    assert ended.ending == "nothing_left"
    (over,) = await house.steps(incident_id, StepKind.END_HOLD)
    assert over.status is StepStatus.REFUSED
    decided = await promised(house, incident_id, NoticeTemplate.OBJECTION_DECIDED)
    assert [fields["decision"] for _, fields in decided] == ["rejected"]
    told = await promised(house, incident_id, NoticeTemplate.MONEY_HELD)
    assert [
        (fields["state"], fields["amount"]) for _, fields in told if fields["reference"] == disputed.hold_id
    ] == [("held", "40000"), ("given_back", "40000")]
    assert house.sandbox.balance(theft.account_id)["balance"] == own + 90_000
    for mule in theft.mules:
        assert house.sandbox.balance(mule.account_id)["held"] == 0
    after = await remedy(house, incident_id)
    assert (after.stolen, after.returned, after.on_hold, after.at_large) == (90_000, 90_000, 0, 0)
    came_back = await promised(house, incident_id, NoticeTemplate.RESTITUTION_DONE)
    assert [(told.account_id, fields["amount"], fields["currency"]) for told, fields in came_back] == [
        (theft.account_id, "50000", "CNY"),
        (theft.account_id, "40000", "CNY"),
    ]
    in_total, opened_at = house.parts.account_by_remedy.in_total, (await house.facts(incident_id)).opened_at
    totals = await in_total(since=opened_at, until=opened_at + timedelta(milliseconds=1))
    assert (totals.incidents, totals.currencies["CNY"]) == (1, after)
    await house.change(
        "INSERT INTO recall (id, incident_id, episode, transfer_seq, transfer_id, exit_account, exit_kind, currency, amount, "
        "asked, promised, received, chases, wakes, state, opened_at, next_wake_at) "
        "SELECT left(:id, 25) || '0', :id, 1, seq, transfer_id, dst, 'bank', 'CNY', 1, 1, 0, 0, 0, 0, 'sent', now(), 'infinity' "
        "FROM transfer_index WHERE transfer_id = :transfer_id",
        id=incident_id,
        transfer_id=theft.transfers[0],
    )
    wrong = await in_total(since=opened_at, until=opened_at + timedelta(milliseconds=1))
    assert (wrong.currencies, wrong.incidents, wrong.complete) == ({}, 1, False)
    assert wrong.left_out == (LeftOut(incident_id=incident_id, currency="CNY"),)
    with pytest.raises(StanchError) as refused:
        await house.parts.account_by_remedy.of_incident(incident_id)
    assert refused.value.code is ErrorCode.REFUSED_BY_RULE
    told_of = await house.rows(
        "SELECT kind, detail FROM staff_alert WHERE incident_id = :id AND kind = 'money_unaccounted'",
        id=incident_id,
    )
    assert [(each.kind, each.detail) for each in told_of] == [("money_unaccounted", "CNY")], "once"
    others = await in_total(until=opened_at)
    assert (others.left_out, others.complete) == ((), True)
    await house.change(
        "UPDATE recall SET state = 'closed', ending = 'withdrawn' WHERE incident_id = :id", id=incident_id
    )
    steps = await house.steps(incident_id, StepKind.RESTITUTE)
    requests = [each.requests[-1].request_id for each in (chosen, last)]
    keys = [step.step_key for step in steps]
    assert sorted(keys) == sorted(
        [*(f"approval/{requests[0]}/{number}" for number in range(2)), f"approval/{requests[1]}/0"]
    )
    assert all(step.receipt_id for step in steps)
    assert {each.ended_reason for each in await holds(house, incident_id, "ended")} == {HoldEnding.RESTITUTED}
    assert await house.differences(incident_id) == []
    assert (await house.audit(incident_id)).findings == ()
    # Nobody pursues it any more; what people decide about it afterwards is carried out all the same.
    own_after_all = house.parts.recover.thefts(
        incident_id, "withdraw", theft.transfers[:1], "that one was hers", by=house.people[Role.AGENT]
    )
    await until_closed(house, (await agree(house, own_after_all)).task_id)
    assert (await house.recovered(incident_id)).ending == "nothing_left"
    assert (await remedy(house, incident_id)).stolen == 70_000
    assert (await house.audit(incident_id)).findings == ()


async def test_much_money_takes_two_supervisors_and_is_paid_once_whatever_answers_get_lost(
    house: House,
) -> None:
    with house.rules.changed(recovery={"two_supervisors_from": 50_000}):
        theft, incident_id = await stolen(house, 50_000, mules=1)
        own = house.sandbox.balance(theft.account_id)["balance"]
        await restored(house, incident_id)
        asked = await house.question(incident_id, DecisionKind.RESTITUTE)
    assert asked.requester_role is Role.SUPERVISOR
    request = house.parts.decide.request
    with pytest.raises(StanchError) as refused:
        await request(asked.task_id, "give_back", "it is hers", by=house.people[Role.AGENT])
    assert refused.value.code is ErrorCode.FORBIDDEN
    agreed, first = [], asked
    # The wallet says no for good; the money is still there, so the very same is asked once more.
    for fault in ({"mode": "refused"}, {"mode": "lost_answer", "count": 2}):
        asked = await house.question(incident_id, DecisionKind.RESTITUTE)
        house.sandbox.fault("POST /v1/holds/[^/]+/return", **fault)
        chosen = await request(asked.task_id, "give_back", "it is hers", by=house.people[Role.SUPERVISOR])
        await house.parts.decide.approve(
            chosen.requests[-1].request_id, "seen", by=house.others[Role.SUPERVISOR]
        )
        await house.parts.wake.now(incident_id)
        await until_closed(house, asked.task_id)
        agreed.append(asked.task_id)
    assert len(set(agreed)) == 2
    assert asked.action["give_back"] == first.action["give_back"]
    await house.recovered(incident_id)
    assert house.sandbox.balance(theft.account_id)["balance"] == own + 50_000
    assert [step.status for step in await house.steps(incident_id, StepKind.RESTITUTE)] == [
        StepStatus.REFUSED,
        StepStatus.DONE,
    ]
    (hold,) = await holds(house, incident_id, "ended")
    assert (hold.account_id, hold.returned) == (theft.mules[0].account_id, 50_000)


async def test_claims_of_two_victims_on_one_hold_wait_for_a_decision_with_the_shares(house: House) -> None:
    """The second victim was robbed of the first one's money: both traces end in the same units."""
    with house.rules.changed(trace={"rounds": 1, "rule": "pro_rata"}):
        first, second = robbed_of_the_same(house, 60_000)
        second_victim = second.account_id
        first_id = (await house.alarm(first)).incident_id
        await until_held(house, first_id, 60_000)
        second_id = (await house.alarm(second)).incident_id
        await house.until_rows("SELECT 1 FROM hold_contest WHERE incident_id = :id", id=second_id)
    assert await holds(house, second_id, None) == [], "no unit is held twice"
    await house.prove_owner(second_id)
    await restored(house, first_id)
    asked = await house.question(first_id, DecisionKind.COMPETING_CLAIMS)
    assert set(asked.choices) == {"fifo", "pro_rata"}
    by_time = {one["incident_id"]: one["amount"] for one in json.loads(asked.action["fifo"])}
    by_loss = {one["incident_id"]: one["amount"] for one in json.loads(asked.action["pro_rata"])}
    assert by_time == {first_id: 60_000}
    assert by_loss == {first_id: 30_000, second_id: 30_000}
    own = house.sandbox.balance(first.account_id)["balance"]
    before = house.sandbox.balance(second_victim)["balance"]
    # One payment's answer is lost, and the other must not be made any more: each goes to its own end.
    await house.change("UPDATE proof SET voided_at = now() WHERE incident_id = :id", id=second_id)
    house.sandbox.fault("POST /v1/holds/[^/]+/return", "lost_answer", count=2)
    await choose(house, asked, "pro_rata")
    await until_closed(house, asked.task_id)
    (paid,) = await house.rows("SELECT * FROM restitution WHERE incident_id = :id", id=first_id)
    assert (paid.to_account_id, paid.amount) == (first.account_id, 30_000)
    assert house.sandbox.balance(first.account_id)["balance"] == own + 30_000
    assert house.sandbox.balance(second_victim)["balance"] == before
    assert await house.differences(first_id) == []
    # What the other has to get is asked again once they are proven, and the rest is shared by what each has had.
    await house.change("UPDATE proof SET voided_at = NULL WHERE incident_id = :id", id=second_id)
    await house.parts.wake.now(first_id)
    rest = await house.question(first_id, DecisionKind.COMPETING_CLAIMS)
    by_loss = {one["incident_id"]: one["amount"] for one in json.loads(rest.action["pro_rata"])}
    assert by_loss == {second_id: 30_000}
    assert "waiting" not in rest.action
    await choose(house, rest, "pro_rata")
    await until_closed(house, rest.task_id)
    assert house.sandbox.balance(second_victim)["balance"] == before + 30_000
    cells = await remedy(house, first_id)
    assert (cells.returned, cells.on_hold, cells.lost) == (30_000, 0, 30_000)


async def test_two_thefts_that_meet_in_one_account_are_both_held_where_the_rule_knows_no_units(
    house: House,
) -> None:
    """Pro rata says how much of the account each victim lost, not which units: no unit is held twice, none left free."""
    with house.rules.changed(trace={"rule": "pro_rata"}):
        first, second = house.steal(30_000, mules=1), house.steal(20_000, mules=1)
        meeting = first.mules[0].account_id
        second.mules[0].pay(meeting, 20_000)
        first_id = (await house.alarm(first)).incident_id
        second_id = (await house.alarm(second)).incident_id
        await until_held(house, first_id, 30_000)
        await until_held(house, second_id, 20_000)
    claims = await house.rows(
        "SELECT lo, hi FROM hold_claim WHERE account_id = :a AND state = 'placed' ORDER BY lo", a=meeting
    )
    assert all(one.hi <= other.lo for one, other in itertools.pairwise(claims))
    assert house.placed_holds(meeting) == {meeting: 50_000}
    assert (
        await house.rows("SELECT 1 FROM hold_contest WHERE incident_id IN (:a, :b)", a=first_id, b=second_id)
        == []
    )


async def test_a_payout_that_is_stopped_comes_back_is_held_and_goes_to_the_owner(house: House) -> None:
    theft = house.steal(50_000, mules=1)
    mule = theft.mules[0]
    mule.pay("exit-bank-01", 30_000)
    incident_id = (await house.alarm(theft)).incident_id
    await until_held(house, incident_id, 50_000)
    sources = {hold.source: hold.amount for hold in await holds(house, incident_id)}
    assert sources == {HoldSource.TRACE: 20_000, HoldSource.RECALL: 30_000}
    cells = await remedy(house, incident_id)
    assert (cells.on_hold, cells.recalled, cells.at_large, cells.lost) == (20_000, 30_000, 0, 0)
    own = house.sandbox.balance(theft.account_id)["balance"]
    await restored(house, incident_id)
    await choose(house, await house.question(incident_id, DecisionKind.RESTITUTE), "give_back")
    await house.recovered(incident_id)
    assert house.sandbox.balance(theft.account_id)["balance"] == own + 50_000
    after = await remedy(house, incident_id)
    assert (after.stolen, after.returned) == (50_000, 50_000)
    assert (await house.audit(incident_id)).findings == ()
