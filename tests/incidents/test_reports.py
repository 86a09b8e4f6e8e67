"""Unproven reports: their freeze ends by itself, holds nobody's money, and cannot be had again and again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from models.contracts.alarms import Alarm
from models.errors import ErrorCode, StanchError
from models.ids import new_id
from models.lifecycle import Status
from models.names import AlarmKind, DecisionKind, Outcome, Role, StepKind
from models.registered import Activity
from tests.incidents.house import House
from use_cases.raise_alarm import FreezeState, RaisedAlarm


async def raised(house: House, alarm: Alarm) -> RaisedAlarm:
    """By an agent; the engine looks."""
    answer = await house.parts.raise_alarm.run(
        alarm, sender=house.people[Role.AGENT], receipt=house.parts.raise_alarm.receive()
    )
    await house.parts.wake.now(answer.incident_id)
    return answer


async def test_a_report_freezes_what_goes_out_and_ends_by_its_clock(house: House) -> None:
    """Then a further one goes to an agent, who dismisses it; of the next one the agent freezes."""
    theft = house.steal(9_000, mules=1)
    owner = house.sandbox.owner(theft.account_id)
    with house.rules.changed(freeze={"provisional_seconds": 5}):
        incident_id = (await house.report(theft)).incident_id
        assert house.standing(theft.account_id) == {f"{incident_id}/1/outgoing": "outgoing"}
        assert owner.ask("GET", "/me").status_code == 200, "the owner may read"
        assert owner.send(theft.mules[0].account_id, 1).status_code == 403
        assert owner.add_payee(theft.mules[0].account_id).status_code == 403
        closed = await house.until_closed(incident_id)
    assert closed.outcome is Outcome.RELEASED
    assert closed.closed_at is not None
    assert closed.frozen_at is not None
    assert closed.closed_at - closed.frozen_at >= timedelta(seconds=5)
    assert house.standing(theft.account_id) == {}
    assert await house.steps(incident_id, StepKind.TRACE), (
        "it is traced, so that nothing is lost when it is proven"
    )
    assert await house.steps(incident_id, StepKind.HOLD) == [], "and holds nothing on a stranger's word"
    assert owner.pay(theft.mules[0].account_id, 1)["status"] == "settled"

    said = Alarm(
        source="agent-line",
        id=new_id(),
        account_id=theft.account_id,
        occurred_at=datetime.now(UTC),
        kind=AlarmKind.REPORT,
    )
    second = await raised(house, said)
    assert (second.freeze, second.incident_id != incident_id) == (FreezeState.HELD_BACK, True)
    asked = await house.question(second.incident_id, DecisionKind.FREEZE_ON_REPORT)
    assert (asked.four_eyes, asked.choices) == (False, ("freeze", "released"))
    assert house.standing(theft.account_id) == {}
    await house.decide(second.incident_id, DecisionKind.FREEZE_ON_REPORT, Outcome.RELEASED.value)
    dismissed = await house.until_closed(second.incident_id)
    assert (dismissed.outcome, dismissed.frozen_at) == (Outcome.RELEASED, None)
    assert await house.steps(second.incident_id, StepKind.FREEZE) == []
    repeated = await raised(house, said)
    assert (repeated.freeze, repeated.outcome, repeated.repeated) == (
        FreezeState.ENDED,
        Outcome.RELEASED,
        True,
    ), "nobody waits for what has ended"

    third = await house.report(theft)
    assert third.freeze is FreezeState.HELD_BACK
    await house.question(third.incident_id, DecisionKind.FREEZE_ON_REPORT)
    await house.decide(third.incident_id, DecisionKind.FREEZE_ON_REPORT, "freeze")
    await house.until_status(third.incident_id, Status.FROZEN)
    assert house.standing(theft.account_id) == {f"{third.incident_id}/1/outgoing": "outgoing"}
    assert (await house.facts(third.incident_id)).provisional


async def test_a_joining_report_does_not_extend_the_clock(house: House) -> None:
    theft = house.steal(9_000)
    with house.rules.changed(freeze={"provisional_seconds": 8}):
        incident_id = (await house.report(theft)).incident_id
        await house.until_rows(
            "SELECT id FROM incident WHERE id = :id AND frozen_at + interval '3 s' < now()", id=incident_id
        )
        joined_at = datetime.now(UTC)
        joined = await house.report(theft)
        assert (joined.incident_id, joined.episode, joined.freeze) == (incident_id, 1, FreezeState.DONE)
        await house.until_closed(incident_id)
    (release,) = await house.steps(incident_id, StepKind.RELEASE)
    assert release.requested_at < joined_at + timedelta(seconds=8)


async def test_a_provisional_freeze_is_renewed_once_by_decision_and_not_twice(house: House) -> None:
    theft = house.steal(9_000)
    with house.rules.changed(freeze={"provisional_seconds": 6}):
        incident_id = (await house.report(theft)).incident_id
        await house.decide(incident_id, DecisionKind.RENEW_FREEZE, "renew")
        await house.until_rows("SELECT id FROM incident WHERE id = :id AND renewals = 1", id=incident_id)
        with pytest.raises(StanchError) as refused:
            await house.decide(incident_id, DecisionKind.RENEW_FREEZE, "renew")
        assert refused.value.code is ErrorCode.REFUSED_BY_RULE
        closed = await house.until_closed(incident_id)
    assert closed.closed_at is not None
    assert closed.frozen_at is not None
    assert closed.closed_at - closed.frozen_at >= timedelta(seconds=12)
    assert (closed.outcome, closed.renewals) == (Outcome.RELEASED, 1)
    (decision,) = await house.steps(incident_id, StepKind.DECISION)
    assert (decision.actor.value, decision.role) == ("agent", house.people[Role.AGENT].operator_id)


async def test_a_trigger_that_joins_widens_the_freeze_and_makes_it_stay(house: House) -> None:
    theft = house.steal(9_000, mules=1)
    with house.rules.changed(freeze={"provisional_seconds": 8}):
        incident_id = (await house.report(theft)).incident_id
        await house.until_rows(
            "SELECT id FROM step WHERE incident_id = :id AND step_key = 'identity/plan/1'", id=incident_id
        )
        joined = await house.alarm(theft)
        assert (joined.incident_id, joined.freeze) == (incident_id, FreezeState.DONE)
        assert house.standing(theft.account_id) == {
            f"{incident_id}/1/outgoing": "outgoing",
            f"{incident_id}/1/full": "full",
        }
        # The clock of the report has run out when the engine asks the owner a second time.
        await house.until_rows(
            "SELECT id FROM step WHERE incident_id = :id AND step_key = 'identity/plan/2'", id=incident_id
        )
    facts = await house.facts(incident_id)
    assert (facts.status, facts.provisional) == (Status.FROZEN, False)
    assert len(house.standing(theft.account_id)) == 2

    async def held() -> bool:
        return house.placed_holds(theft.mules[0].account_id) == {theft.mules[0].account_id: 9_000}

    await house.until(held, "what was stolen is held, now that a machine says so")


async def test_a_freeze_never_lapses_once_the_owner_was_proven(house: House) -> None:
    """Told again long after the report's clock, because somebody says it began earlier."""
    theft = house.steal(9_000)
    incident_id = (await house.report(theft)).incident_id
    await house.prove_owner(incident_id)
    first = await house.question(incident_id, DecisionKind.RETURN_ACCOUNT)
    await house.age(incident_id, timedelta(days=3))
    facts = await house.facts(incident_id)
    assert facts.compromised_since is not None
    await house.report(theft, compromised_since=facts.compromised_since - timedelta(hours=1))
    await house.until_rows(
        "SELECT id FROM decision_task WHERE incident_id = :id AND id <> :first AND kind = 'return_account'",
        id=incident_id,
        first=first.task_id,
    )
    after = await house.facts(incident_id)
    assert (after.status, after.closed_at) == (Status.RESET, None)
    assert set(house.standing(theft.account_id).values()) == {"outgoing", "full"}


async def test_who_decides_to_keep_a_freeze_may_decide_otherwise_later(house: House) -> None:
    """An owner whose contacts are all lost gets the account back only this way."""
    theft = house.steal(9_000)
    with house.rules.changed(freeze={"escalate_seconds": 2}):
        incident_id = (await house.alarm(theft)).incident_id
        await house.question(incident_id, DecisionKind.UNPROVEN_OWNER)
        await house.decide(incident_id, DecisionKind.UNPROVEN_OWNER, "keep")
        await house.until_rows(
            "SELECT id FROM decision_task WHERE incident_id = :id AND closed_at IS NOT NULL", id=incident_id
        )
    (kept,) = await house.steps(incident_id, StepKind.DECISION)
    assert (kept.role, kept.reason) == (house.people[Role.SUPERVISOR].operator_id, "keep")
    assert house.standing(theft.account_id) == {f"{incident_id}/1/full": "full"}
    await house.decide(incident_id, DecisionKind.UNPROVEN_OWNER, Outcome.RELEASED.value)
    closed = await house.until_closed(incident_id)
    assert closed.outcome is Outcome.RELEASED
    assert house.standing(theft.account_id) == {}


async def test_one_persons_dismissal_does_not_lift_what_a_trigger_asks_for_meanwhile(house: House) -> None:
    theft = house.steal(9_000)
    with house.rules.changed(freeze={"unproven_freezes": 0}):
        incident_id = (await house.report(theft)).incident_id
    await house.question(incident_id, DecisionKind.FREEZE_ON_REPORT)
    # Until the report is taken up: a trigger right behind it would be frozen on before it is taken up itself.
    await house.looked(incident_id)
    house.sandbox.fault(f"POST /v1/accounts/{theft.account_id}/restrictions$", "error", count=3)
    with house.gate.hold(Activity.TAKE_UP_ALARM, incident_id) as taking_up:
        pending = await house.alarm(theft)
        assert pending.freeze is FreezeState.PENDING
        await taking_up.stands()
        await house.parts.decide.ask(
            incident_id,
            DecisionKind.FREEZE_ON_REPORT,
            Outcome.RELEASED.value,
            "nothing in it",
            by=house.people[Role.AGENT],
        )
    await house.until_status(incident_id, Status.FROZEN, Status.CLOSED)
    assert house.standing(theft.account_id) == {f"{incident_id}/1/full": "full"}
    await house.both_codes(incident_id)
    assert (await house.facts(incident_id)).status is Status.FROZEN


async def test_a_wider_freeze_is_not_given_up_with_the_narrower_one(house: House) -> None:
    """The wallet refuses what the report asked for while a trigger asks for everything."""
    theft = house.steal(9_000)
    house.sandbox.fault(f"POST /v1/accounts/{theft.account_id}/restrictions$", "error", count=2)
    report = await house.raise_quietly(theft, AlarmKind.REPORT)
    incident_id = report.incident_id
    assert report.freeze is FreezeState.PENDING
    # The key of the narrow freeze is used up by another request: the wallet refuses it for good.
    name = f"{incident_id}/1/outgoing"
    house.sandbox.clear_faults()
    house.sandbox.restrict(theft.account_id, f"x-{incident_id}", "outgoing", key=name).raise_for_status()
    house.sandbox.release(theft.account_id, [f"x-{incident_id}"]).raise_for_status()
    with house.gate.hold(Activity.FREEZE, incident_id) as narrow:
        await house.parts.wake.now(incident_id)
        await narrow.stands()
        house.sandbox.fault(f"POST /v1/accounts/{theft.account_id}/restrictions$", "error", count=1)
        wide = await house.raise_quietly(theft)
        assert wide.freeze is FreezeState.PENDING
    await house.until_status(incident_id, Status.FROZEN, Status.CLOSED)
    assert house.standing(theft.account_id) == {f"{incident_id}/1/full": "full"}
    await house.both_codes(incident_id)
