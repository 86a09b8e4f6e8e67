"""The life of a hold, from its claim to its end."""

from __future__ import annotations

from datetime import timedelta

import pytest

from activities import steps
from models.errors import ErrorCode, StanchError
from models.names import DecisionKind, HoldEnding, NoticeTemplate, Role, StepKind, StepStatus
from models.registered import Activity
from tests.incidents.house import House
from tests.incidents.recovering import (
    LEGAL_BASIS,
    agree,
    choose,
    holds,
    promised,
    stolen,
    unheard,
    until_closed,
    until_ended,
    until_held,
    until_promised,
)


async def test_holds_follow_a_mule_that_keeps_moving_the_money(house: House) -> None:
    """One round sees the money at the first mule; it moves on before the hold; the pursuit holds it at the next."""
    with house.rules.changed(trace={"rounds": 1}):
        theft = house.steal(50_000, mules=1)
        mule, nextone = theft.mules[0], house.sandbox.customer().sign_up()
        house.sandbox.fault("POST /v1/accounts/[^/]+/holds", "error", count=3)
        raised = await house.alarm(theft)
        with house.gate.hold(Activity.HOLD, raised.incident_id) as hold:
            await hold.stands()
            mule.pay(nextone.account_id, 50_000)
    await until_held(house, raised.incident_id, 50_000)
    (held,) = await holds(house, raised.incident_id)
    assert held.account_id == nextone.account_id
    assert house.placed_holds(mule.account_id, nextone.account_id) == {
        mule.account_id: 0,
        nextone.account_id: 50_000,
    }
    rounds = [step.step_key for step in await house.steps(raised.incident_id, StepKind.TRACE)]
    assert any(key.startswith("pursuit/") for key in rounds)


async def test_a_wallet_that_bears_no_more_holds_is_waited_for_as_it_says_and_none_is_lost(
    house: House,
) -> None:
    theft = house.steal(*[10_000] * 5, mules=5)
    house.sandbox.fault("POST /v1/accounts/[^/]+/holds", "error", count=4, status=429, ms=2_500)
    incident_id = (await house.alarm(theft)).incident_id
    await until_held(house, incident_id, 50_000)
    tried = await house.rows(
        "SELECT min(requested_at) AS first, max(requested_at) AS last FROM step_attempt "
        "WHERE incident_id = :id AND kind = 'hold' GROUP BY episode, step_key HAVING count(*) > 1",
        id=incident_id,
    )
    assert tried
    assert all((each.last - each.first).total_seconds() >= 2.5 for each in tried)
    assert sum(house.placed_holds(*(mule.account_id for mule in theft.mules)).values()) == 50_000
    assert {step.status for step in await house.steps(incident_id, StepKind.HOLD)} == {StepStatus.DONE}


async def test_a_hold_that_is_not_checked_in_time_ends_and_its_units_are_held_anew(house: House) -> None:
    theft = house.steal(40_000, mules=1)
    house.sandbox.fault("POST /v1/accounts/[^/]+/holds", "lost_answer", count=1000)
    incident_id = (await house.alarm(theft)).incident_id
    (claimed,) = await house.until_rows(
        "SELECT id FROM hold_claim WHERE incident_id = :id AND state = 'claimed'", id=incident_id
    )
    await house.change(
        "UPDATE hold_claim SET created_at = created_at - interval '61 seconds' WHERE id = :id", id=claimed.id
    )
    ended = await until_ended(house, claimed.id)
    assert ended.ended_reason == HoldEnding.UNCHECKED
    house.sandbox.clear_faults()
    await until_held(house, incident_id, 40_000)
    standing = {
        one["hold_id"]
        for one in house.sandbox.ask("GET", "/v1/holds", params={"placer": "stanch", "limit": 1000}).json()[
            "holds"
        ]
        if one["account_id"] == theft.mules[0].account_id
    }
    assert claimed.id not in standing
    assert standing == {hold.hold_id for hold in await holds(house, incident_id)}


async def test_a_hold_that_ran_out_is_ended_and_not_placed_again(house: House) -> None:
    with house.rules.changed(trace={"hold_seconds": 6}):
        theft, incident_id = await stolen(house, 30_000, mules=1)
        (hold,) = await holds(house, incident_id, state=None)
        ended = await until_ended(house, hold.hold_id)
    assert ended.ended_reason == HoldEnding.EXPIRED
    assert house.placed_holds(theft.mules[0].account_id) == {theft.mules[0].account_id: 0}
    (row,) = await house.rows(
        "SELECT released_seq, (SELECT max(seq) FROM transfer_index WHERE posted_at <= :at) AS last "
        "FROM transfer_hold WHERE hold_id = :id",
        id=hold.hold_id,
        at=hold.expires_at,
    )
    assert row.released_seq == row.last
    again = house.sandbox.customer().sign_up()
    theft.mules[0].pay(again.account_id, 30_000)
    await house.parts.wake.now(incident_id)
    # The next holder has had no period yet; the first one is not held again.
    await until_held(house, incident_id, 30_000)
    assert [each.account_id for each in await holds(house, incident_id, None)] == [
        theft.mules[0].account_id,
        again.account_id,
    ]


async def test_a_hold_is_renewed_on_a_legal_basis_by_two_people_and_only_once(house: House) -> None:
    _, incident_id = await stolen(house, 20_000, mules=1)
    (hold,) = await holds(house, incident_id)
    ask, agent = house.parts.recover.renew, house.people[Role.AGENT]
    with pytest.raises(StanchError) as refused:
        await ask(hold.hold_id, "please", by=agent)
    assert refused.value.code is ErrorCode.REFUSED_BY_RULE
    view = await ask(hold.hold_id, LEGAL_BASIS, by=agent)
    with pytest.raises(StanchError) as alone:
        await house.parts.decide.approve(view.requests[-1].request_id, "mine", by=agent)
    assert alone.value.code is ErrorCode.FOUR_EYES
    yes = house.approve(view.requests[-1].request_id)
    async with unheard(house, Activity.RENEW_HOLD, incident_id, "POST /v1/holds/[^/]+/renew", yes):
        await house.change("UPDATE decision_task SET closed_at = now() WHERE id = :id", id=view.task_id)
    await house.until_rows("SELECT 1 FROM hold_claim WHERE id = :id AND periods = 2", id=hold.hold_id)
    (renewed,) = await holds(house, incident_id)
    period = timedelta(seconds=house.rules.current().trace.hold_seconds)
    assert (renewed.periods, renewed.expires_at - hold.expires_at) == (2, period)
    at_wallet = next(
        one
        for one in house.sandbox.ask("GET", "/v1/holds", params={"placer": "stanch", "limit": 1000}).json()[
            "holds"
        ]
        if one["hold_id"] == hold.hold_id
    )
    assert at_wallet["expires_at"] == renewed.expires_at.isoformat()
    (step,) = await house.steps(incident_id, StepKind.RENEW_HOLD)
    assert step.step_key == f"approval/{view.requests[-1].request_id}"
    stored = await house.rows("SELECT reason FROM decision_request WHERE task_id = :id", id=view.task_id)
    assert LEGAL_BASIS.encode() not in bytes(stored[0].reason)
    with pytest.raises(StanchError) as third:
        await ask(hold.hold_id, LEGAL_BASIS, by=agent)
    assert third.value.code is ErrorCode.REFUSED_BY_RULE


async def test_a_holder_objects_and_two_people_keep_the_hold_or_release_it(house: House) -> None:
    theft, incident_id = await stolen(house, 20_000, 25_000, mules=2)
    first, second = await holds(house, incident_id)
    agent = house.people[Role.AGENT]
    for hold, choice in ((first, "keep"), (second, "release")):
        task = await house.parts.recover.object(hold.hold_id, "That was my salary.", by=agent)
        assert (task.kind, task.four_eyes) == (DecisionKind.HOLD_OBJECTION, True)
        await choose(house, task, choice)
        await until_closed(house, task.task_id)
    (kept,) = await holds(house, incident_id)
    assert (kept.hold_id, kept.objections) == (first.hold_id, 1)
    ended = await until_ended(house, second.hold_id)
    assert ended.ended_reason == HoldEnding.OBJECTION
    received = await promised(house, incident_id, NoticeTemplate.OBJECTION_RECEIVED)
    decided = await promised(house, incident_id, NoticeTemplate.OBJECTION_DECIDED)
    assert {fields["reference"] for _, fields in received} == {first.hold_id, second.hold_id}
    assert {fields["reference"]: fields["decision"] for _, fields in decided} == {
        first.hold_id: "rejected",
        second.hold_id: "upheld",
    }
    assert {notice.account_id for notice, _ in decided} == {first.account_id, second.account_id}
    await house.looked(incident_id)
    assert sum(house.placed_holds(*(mule.account_id for mule in theft.mules)).values()) == first.amount
    with pytest.raises(StanchError) as over:
        await house.parts.recover.object(second.hold_id, "again", by=agent)
    assert over.value.code is ErrorCode.REFUSED_BY_RULE


async def test_a_holder_is_told_at_once_or_only_when_it_tips_nobody_off(house: House) -> None:
    theft, incident_id = await stolen(house, 10_000, mules=1)
    (hold,) = await holds(house, incident_id)
    ((told, fields),) = await until_promised(house, incident_id, NoticeTemplate.MONEY_HELD)
    assert told.account_id == theft.mules[0].account_id
    assert (fields["amount"], fields["state"], fields["reference"]) == ("10000", "held", hold.hold_id)
    with house.rules.changed(recovery={"tipping_off_forbidden": True}):
        theft, incident_id = await stolen(house, 11_000, mules=1)
        (quiet,) = await holds(house, incident_id)
        await house.until_rows(
            "SELECT 1 FROM hold_claim WHERE id = :id AND told = 'withheld'", id=quiet.hold_id
        )
    await house.parts.recover.object(quiet.hold_id, "where is my money?", by=house.people[Role.AGENT])
    view = await agree(
        house,
        house.parts.recover.release(quiet.hold_id, "the money was his own", by=house.people[Role.AGENT]),
    )
    await until_closed(house, view.task_id)
    ((_, fields),) = await until_promised(house, incident_id, NoticeTemplate.MONEY_HELD)
    assert (fields["amount"], fields["state"]) == ("11000", "released")
    assert await promised(house, incident_id, NoticeTemplate.OBJECTION_RECEIVED) == [], (
        "it would have told of it"
    )


async def test_a_theft_that_was_the_owners_own_is_withdrawn_and_its_hold_let_go(house: House) -> None:
    theft, incident_id = await stolen(house, 20_000, 25_000, mules=2)
    own, mule = theft.transfers[1], theft.mules[1]
    agent = house.people[Role.AGENT]
    free = house.sandbox.balance(mule.account_id)["available"]
    withdrawing = house.parts.recover.thefts(incident_id, "withdraw", [own], "that one was mine", by=agent)
    await agree(house, withdrawing)
    await until_held(house, incident_id, 20_000)
    assert house.sandbox.balance(mule.account_id)["available"] == free + 25_000
    (row,) = await house.rows(
        "SELECT withdrawn_at, withdrawn_by FROM theft WHERE incident_id = :id AND transfer_id = :own",
        id=incident_id,
        own=own,
    )
    assert row.withdrawn_at is not None
    (released,) = await house.rows(
        "SELECT count(*) AS standing FROM transfer_hold WHERE account_id = :a AND released_seq IS NULL",
        a=mule.account_id,
    )
    assert released.standing == 0, "every unit is back in its place"
    added = await house.parts.recover.thefts(incident_id, "add", [own], "it was not, after all", by=agent)
    assert not added.four_eyes
    await house.parts.wake.now(incident_id)
    await until_held(house, incident_id, 45_000)


async def test_a_mules_whole_account_is_frozen_only_by_two_people(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    theft, incident_id = await stolen(house, 10_000, mules=1)
    mule, agent = theft.mules[0].account_id, house.people[Role.AGENT]
    stranger = house.sandbox.account()
    with pytest.raises(StanchError) as refused:
        await house.parts.recover.mule(incident_id, stranger, "freeze", "looks odd", by=agent)
    assert refused.value.code is ErrorCode.REFUSED_BY_RULE
    assert house.standing(mule) == {}
    # The wallet acts when nobody listens any more, and meanwhile the decision stops standing: a relapse, say.
    monkeypatch.setattr(steps, "ON_ITS_WAY", timedelta(seconds=3))
    house.sandbox.fault(f"POST /v1/accounts/{mule}/restrictions$", "latency", ms=2_500)
    view = await agree(
        house, house.parts.recover.mule(incident_id, mule, "freeze", "a ring of mules", by=agent)
    )
    await house.until_rows(
        "SELECT 1 FROM step_attempt WHERE incident_id = :id AND kind = 'freeze_mule'", id=incident_id
    )
    await house.change("UPDATE decision_task SET closed_at = now() WHERE id = :id", id=view.task_id)
    await house.until_rows("SELECT 1 FROM mule_freeze WHERE incident_id = :id", id=incident_id)
    (done,) = await house.steps(incident_id, StepKind.FREEZE_MULE)
    assert (done.status, done.receipt_id is None) == (StepStatus.DONE, False)
    (name,) = house.standing(mule)
    assert name == f"{incident_id}/1/mule-{view.requests[-1].request_id}"
    assert await house.differences(incident_id) == []
    (listed,) = await house.parts.recover.mules(incident_id=incident_id)
    assert (listed.restriction, listed.account_id, listed.overdue) == (name, mule, False)
    await house.wiring.alert_staff.watch()
    told = "SELECT subject FROM staff_alert WHERE kind = 'mule_freeze_long' AND incident_id = :id"
    assert await house.rows(told, id=incident_id) == [], "it has stood for moments, and may for a week"
    with house.rules.changed(recovery={"mule_review_seconds": 1}):

        async def heard_again() -> bool:
            await house.wiring.alert_staff.watch()
            return len(await house.rows(told, id=incident_id)) > 1

        await house.until(heard_again, "staff hear of it each time it has stood for so long")
        (listed,) = await house.parts.recover.mules(incident_id=incident_id)
        assert (listed.overdue, listed.age_seconds >= 2) == (True, True)
    assert {row.subject.rpartition("/")[0] for row in await house.rows(told, id=incident_id)} == {name}
    view = await agree(
        house, house.parts.recover.mule(incident_id, mule, "release", "it was not his", by=agent)
    )
    await until_closed(house, view.task_id)
    assert house.standing(mule) == {}
    assert await house.parts.recover.mules(incident_id=incident_id) == []
    (ended,) = await house.parts.recover.mules(incident_id=incident_id, every=True)
    assert (ended.ended_at is not None, ended.overdue) == (True, False)
