"""Intake: whatever comes at once, the database decides, and nothing is half there (DESIGN 4)."""

from __future__ import annotations

import asyncio
from datetime import timedelta, timezone
from typing import Any

import pytest
from sqlalchemy import event, text

from activities.changes import CloseDecisionTasks, FrozenNow, MoveIncident, QueueNotice
from models.contracts.alarms import AcceptedAlarm
from models.contracts.steps import Origin
from models.errors import ErrorCode, StanchError
from models.ids import new_id
from models.lifecycle import Event, Status
from models.names import DecisionKind, NoticeTemplate, Scope, StepKind
from tests.sql.ended import closed, lifted
from tests.sql.house import House, now

RECORDS = ("incident", "alarm", "step_attempt", "hand_over", "data_key")


async def test_one_alarm_is_an_incident_an_attempt_a_hand_over_and_a_key_in_one_commit(house: House) -> None:
    alarm = house.trigger(stolen_transfers=("t-1", "t-2"))
    accepted = await house.accept(alarm)
    assert await house.counts(*RECORDS) == dict.fromkeys(RECORDS, 1)
    assert not accepted.repeated
    assert not accepted.frozen_before
    assert accepted.scope is Scope.FULL
    facts = await house.facts(accepted)
    assert (facts.status, facts.episode, facts.provisional) == (Status.OPENED, 1, False)
    assert facts.unacknowledged == (accepted.alarm_id,)
    assert await house.scalar("SELECT step_key FROM step_attempt") == "freeze/full"
    assert await house.scalar("SELECT generation FROM hand_over WHERE done_at IS NULL") == 1


async def test_the_same_alarm_again_gets_the_same_answer_and_a_new_attempt_until_it_is_frozen(
    house: House,
) -> None:
    alarm = house.trigger()
    first = await house.accept(alarm)
    again = await house.accept(alarm)
    assert again.repeated
    assert (again.incident_id, again.alarm_id, again.episode) == (first.incident_id, first.alarm_id, 1)
    assert not again.frozen_before
    assert await house.counts(*RECORDS) == {**dict.fromkeys(RECORDS, 1), "step_attempt": 2}
    await house.freeze(first)
    attempts = await house.scalar("SELECT count(*) FROM step_attempt")
    third = await house.accept(alarm)
    assert third.frozen_before
    assert await house.scalar("SELECT count(*) FROM step_attempt") == attempts


async def test_the_attempt_a_repeat_commits_can_carry_its_step(house: House) -> None:
    alarm = house.trigger()
    first = await house.accept(alarm)
    attempt = house.freeze_attempt(first.incident_id, 1, "acc-1", Scope.FULL)
    await house.accept(alarm, attempt=attempt)
    recorded = await house.steps.finish(house.finished(attempt), (FrozenNow(now()),))
    assert recorded.step_key == "freeze/full"


async def test_the_same_id_with_other_content_is_a_conflict_and_changes_nothing(house: House) -> None:
    alarm = house.trigger()
    await house.accept(alarm)
    before = await house.counts(*RECORDS)
    for other in (
        {"account_id": "acc-2"},
        {"stolen_transfers": ("t-9",)},
        {"detail": "something else"},
        {"occurred_at": alarm.occurred_at - timedelta(seconds=1)},
    ):
        with pytest.raises(StanchError) as refused:
            await house.accept(alarm.model_copy(update=other))
        assert refused.value.matches(ErrorCode.ALARM_CONFLICT)
    assert await house.counts(*RECORDS) == before


async def test_the_same_instant_in_another_zone_is_the_same_content(house: House) -> None:
    alarm = house.trigger(detail="said so")
    await house.accept(alarm)
    elsewhere = alarm.occurred_at.astimezone(timezone(timedelta(hours=8)))
    again = await house.accept(alarm.model_copy(update={"occurred_at": elsewhere}))
    assert again.repeated


async def test_the_same_alarm_five_times_at_once_is_one(house: House) -> None:
    alarm = house.trigger()
    answers = await asyncio.gather(*(house.accept(alarm) for _ in range(5)))
    assert len({answer.incident_id for answer in answers}) == 1
    assert len({answer.alarm_id for answer in answers}) == 1
    assert sorted(answer.repeated for answer in answers) == [False, True, True, True, True]
    counted = await house.counts("incident", "alarm", "hand_over", "data_key")
    assert set(counted.values()) == {1}


async def test_two_alarms_for_one_account_at_once_share_one_incident(house: House) -> None:
    for number in range(20):
        account = f"acc-{number}"
        one, two = await asyncio.gather(
            house.accept(house.trigger(account)), house.accept(house.report(account))
        )
        assert one.incident_id == two.incident_id
        facts = await house.facts(one)
        assert set(facts.unacknowledged) == {one.alarm_id, two.alarm_id}
        assert facts.scope is Scope.FULL
        assert not facts.provisional


async def test_300_alarms_for_one_account_at_once_are_one_incident_and_lose_none(house: House) -> None:
    answers = await asyncio.gather(*(house.accept(house.trigger()) for _ in range(300)))
    assert len({answer.incident_id for answer in answers}) == 1
    assert len({answer.alarm_id for answer in answers}) == 300
    assert await house.counts("incident", "alarm") == {"incident": 1, "alarm": 300}
    assert await house.scalar("SELECT generation FROM hand_over") == 300


async def test_two_accounts_with_the_same_alarm_id_at_once_are_one_alarm_and_one_conflict(
    house: House,
) -> None:
    for number in range(10):
        alarm = house.trigger(f"a-{number}")
        other = alarm.model_copy(update={"account_id": f"b-{number}"})
        outcomes = await asyncio.gather(house.accept(alarm), house.accept(other), return_exceptions=True)
        refusals = [each for each in outcomes if isinstance(each, StanchError)]
        assert [each.code for each in refusals] == [ErrorCode.ALARM_CONFLICT]
    assert await house.counts("incident", "alarm") == {"incident": 10, "alarm": 10}


async def test_a_trigger_that_joins_a_report_widens_the_freeze_and_makes_it_stay(house: House) -> None:
    report = await house.frozen(house.report())
    before = await house.facts(report)
    assert (before.scope, before.provisional) == (Scope.OUTGOING, True)
    trigger = await house.accept(house.trigger())
    assert (trigger.incident_id, trigger.episode, trigger.scope) == (report.incident_id, 1, Scope.FULL)
    assert not trigger.frozen_before
    after = await house.facts(report)
    assert (after.scope, after.provisional) == (Scope.FULL, False)
    assert (after.episode_opened_at, after.frozen_at) == (before.episode_opened_at, before.frozen_at)


async def test_a_report_that_joins_a_report_does_not_extend_its_clock(house: House) -> None:
    first = await house.frozen(house.report())
    before = await house.facts(first)
    second = await house.accept(house.report(), at=now() + timedelta(hours=40))
    after = await house.facts(first)
    assert second.frozen_before
    assert after.provisional
    assert (after.episode_opened_at, after.frozen_at, after.renewals) == (
        before.episode_opened_at,
        before.frozen_at,
        0,
    )


async def test_a_report_that_joins_a_full_freeze_is_answered_by_it(house: House) -> None:
    trigger = await house.frozen(house.trigger())
    report = await house.accept(house.report())
    assert (report.incident_id, report.scope, report.frozen_before) == (trigger.incident_id, Scope.FULL, True)
    facts = await house.facts(trigger)
    assert (facts.scope, facts.provisional) == (Scope.FULL, False)


async def test_an_alarm_while_a_release_is_in_flight_begins_the_next_episode(house: House) -> None:
    first = await house.frozen(house.report())
    await house.do(first.incident_id, 1, "ask", StepKind.ASK_DECISION)
    await lifted(house, first)
    second = await house.accept(house.trigger())
    assert (second.incident_id, second.episode, second.scope) == (first.incident_id, 2, Scope.FULL)
    assert not second.frozen_before
    facts = await house.facts(second)
    assert (facts.status, facts.episode, facts.frozen_at, facts.provisional) == (
        Status.OPENED,
        2,
        None,
        False,
    )
    assert facts.compromised_since is not None, "everything known is kept"
    with pytest.raises(StanchError) as refused:
        await lifted(house, first)
    assert refused.value.code in {ErrorCode.ALARM_WAITING, ErrorCode.ILLEGAL_MOVE}


async def test_alarms_and_a_closing_at_once_leave_no_alarm_in_a_closed_incident(house: House) -> None:
    for number in range(20):
        account = f"acc-{number}"
        first = await house.frozen(house.trigger(account))
        await house.ask(first, DecisionKind.STUCK)
        await lifted(house, first)
        outcomes = await asyncio.gather(
            closed(house, first), house.accept(house.trigger(account)), return_exceptions=True
        )
        accepted = outcomes[1]
        assert isinstance(accepted, AcceptedAlarm)
        facts = await house.facts(accepted)
        assert facts.closed_at is None
        assert accepted.alarm_id in facts.unacknowledged
        if isinstance(outcomes[0], StanchError):
            assert outcomes[0].code in {ErrorCode.ALARM_WAITING, ErrorCode.ILLEGAL_MOVE}
            assert (accepted.incident_id, accepted.episode) == (first.incident_id, 2)
        else:
            assert outcomes[0] is None
            assert accepted.incident_id != first.incident_id


async def test_alarms_and_a_release_intent_at_once_never_end_in_a_lifted_incident_with_a_waiting_alarm(
    house: House,
) -> None:
    for number in range(20):
        account = f"acc-{number}"
        first = await house.frozen(house.trigger(account))
        outcomes = await asyncio.gather(
            lifted(house, first), house.accept(house.trigger(account)), return_exceptions=True
        )
        accepted = outcomes[1]
        assert isinstance(accepted, AcceptedAlarm)
        facts = await house.facts(first)
        if isinstance(outcomes[0], StanchError):
            assert outcomes[0].matches(ErrorCode.ALARM_WAITING)
            assert (facts.status, facts.episode, accepted.frozen_before) == (Status.FROZEN, 1, True)
        else:
            assert (facts.status, facts.episode) == (Status.OPENED, 2)
            assert not accepted.frozen_before


async def test_an_alarm_older_than_a_day_is_accepted_and_flagged(house: House) -> None:
    old = await house.accept(house.trigger(occurred_at=now() - timedelta(hours=25)))
    recent = await house.accept(house.trigger("acc-2", occurred_at=now() - timedelta(hours=23)))
    assert (old.late, recent.late) == (True, False)
    assert (await house.scalar("SELECT late FROM alarm WHERE id = :id", id=old.alarm_id)) is True


async def test_a_workflow_started_straight_at_temporal_uses_the_key_its_payloads_were_sealed_with(
    house: House,
) -> None:
    incident_id = new_id()
    key = await house.keys.key_for(incident_id)
    origin = Origin(workflow_id=f"incident:{incident_id}", run_id="r", activity_id="1")
    accepted = await house.accept(
        house.trigger(detail="the thief called"), incident_id=incident_id, origin=origin
    )
    assert accepted.incident_id == incident_id
    fresh = House(house.url)
    try:
        assert await fresh.keys.key_for(incident_id) == key
        sealed = await fresh.scalar("SELECT detail FROM alarm")
        assert await fresh.sealer.open(incident_id, "alarm.detail", sealed) == b"the thief called"
    finally:
        await fresh.close()


async def test_a_second_incident_started_straight_joins_the_open_one(house: House) -> None:
    first = await house.accept(house.trigger())
    mine = new_id()
    joined = await house.accept(
        house.trigger(detail="words"), incident_id=mine, origin=Origin(workflow_id=f"incident:{mine}")
    )
    assert joined.incident_id == first.incident_id
    assert await house.counts("incident") == {"incident": 1}


async def test_a_statement_that_was_not_committed_left_nothing(house: House) -> None:
    """A gateway killed before its commit: the connection is cut with the transaction open."""
    alarm = house.trigger()
    connection = await house.engine.connect()
    transaction = await connection.begin()
    await connection.execute(
        text(
            "INSERT INTO incident (id, account_id, status, episode, scope, provisional, opened_at, episode_opened_at, "
            "renewals, workflow_id) VALUES (:id, 'acc-1', 'opened', 1, 'full', false, now(), now(), 0, 'w')"
        ),
        {"id": new_id()},
    )
    waiting = asyncio.create_task(house.accept(alarm))
    while not await house.scalar(
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    ):
        pass
    driver = (await connection.get_raw_connection()).driver_connection
    assert driver is not None
    driver.terminate()
    accepted = await waiting
    del transaction
    await connection.invalidate()
    await connection.close()
    assert not accepted.repeated
    assert await house.counts("incident", "alarm") == {"incident": 1, "alarm": 1}


async def test_move_and_status_follow_the_table(house: House) -> None:
    accepted = await house.accept(house.trigger())
    with pytest.raises(StanchError) as refused:
        await house.do(
            accepted.incident_id,
            1,
            "verify/1",
            StepKind.VERIFY_IDENTITY,
            (MoveIncident(Event.IDENTITY_PROVEN),),
        )
    assert refused.value.matches(ErrorCode.ILLEGAL_MOVE)
    assert await house.counts("step") == {"step": 0}


async def test_the_hot_path_is_one_statement_to_accept_and_one_to_record(house: House) -> None:
    """Every further round trip is paid by every victim."""
    one = House(house.url, pool=1)
    await one.freeze(await one.accept(one.trigger("warm")), origin=Origin(gateway_attempt=new_id()))
    pid = await one.scalar("SELECT pg_backend_pid()")
    said: list[str] = []

    def hear(*heard: Any) -> None:
        said.append(heard[2])

    event.listen(one.engine.sync_engine, "before_cursor_execute", hear)

    async def last_heard() -> str:
        """Its beginning. A commit of its own would be the last thing the server heard on this connection."""
        query: str = await house.scalar("SELECT query FROM pg_stat_activity WHERE pid = :pid", pid=pid)
        return query

    try:
        attempt = one.freeze_attempt(
            new_id(), 1, "acc-1", Scope.FULL, origin=Origin(gateway_attempt=new_id())
        )
        accepted = await one.accept(one.trigger(), incident_id=attempt.incident_id, attempt=attempt)
        assert len(said) == 1
        assert said[0].startswith(await last_heard())
        changes = (
            FrozenNow(now()),
            CloseDecisionTasks((DecisionKind.FREEZE_ON_REPORT,), now()),
            QueueNotice(NoticeTemplate.ACCOUNT_FROZEN, fields={"scope": "full", "at": now().isoformat()}),
        )
        await one.steps.finish(one.finished(attempt), changes)
        assert len(said) == 2
        assert said[1].startswith(await last_heard())
        assert (await house.facts(accepted)).status is Status.FROZEN
    finally:
        await one.close()
