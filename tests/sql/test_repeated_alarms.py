"""Alarms that come again, and reports that come too often."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import text

from models.lifecycle import Status
from models.names import Scope
from tests.sql.ended import closed, lifted, released
from tests.sql.house import House, now


async def test_a_late_repeat_of_a_closed_incidents_alarm_freezes_nothing(house: House) -> None:
    alarm = house.trigger()
    first = await house.frozen(alarm)
    await lifted(house, first)
    await closed(house, first)
    attempts = await house.scalar("SELECT count(*) FROM step_attempt")
    again = await house.accept(alarm)
    assert (again.incident_id, again.repeated, again.closed, again.frozen_before) == (
        first.incident_id,
        True,
        True,
        True,
    )
    second = await house.accept(house.trigger())
    assert second.incident_id != first.incident_id
    late = await house.accept(alarm)
    assert (late.incident_id, late.closed) == (first.incident_id, True)
    assert await house.scalar("SELECT count(*) FROM step_attempt") == attempts + 1


async def test_a_repeat_from_an_earlier_episode_freezes_nothing_and_says_what_that_episode_did(
    house: House,
) -> None:
    report = house.report()
    first = await house.frozen(report)
    await lifted(house, first)
    await house.accept(house.trigger())
    attempts = await house.scalar("SELECT count(*) FROM step_attempt")
    again = await house.accept(report)
    assert (again.episode, again.scope, again.frozen_before) == (1, Scope.OUTGOING, True)
    assert await house.scalar("SELECT count(*) FROM step_attempt") == attempts


async def test_a_repeat_while_protection_is_lifted_does_not_try_to_freeze_under_an_ended_name(
    house: House,
) -> None:
    alarm = house.trigger()
    first = await house.accept(alarm)
    await house.take_up(first)
    await lifted(house, first)
    attempts = await house.scalar("SELECT count(*) FROM step_attempt")
    again = await house.accept(alarm)
    assert again.closed
    assert not again.frozen_before
    assert await house.scalar("SELECT count(*) FROM step_attempt") == attempts


async def test_after_one_unproven_freeze_a_further_report_goes_to_an_agent(house: House) -> None:
    await released(house, "acc-1")
    attempts = await house.scalar("SELECT count(*) FROM step_attempt")
    held = await house.accept(house.report())
    assert held.held_back
    assert await house.scalar("SELECT count(*) FROM step_attempt") == attempts
    facts = await house.facts(held)
    assert (facts.status, facts.held_back) == (Status.OPENED, True)
    second = await house.accept(house.report())
    assert (second.incident_id, second.held_back) == (held.incident_id, True), (
        "two reports freeze no more than one"
    )
    trigger = await house.accept(house.trigger())
    assert (trigger.incident_id, trigger.held_back, trigger.scope) == (held.incident_id, False, Scope.FULL)
    assert not (await house.facts(held)).held_back
    joins = await house.accept(house.report())
    assert not joins.held_back


async def test_a_trigger_is_never_held_back(house: House) -> None:
    await released(house, "acc-1")
    assert not (await house.accept(house.trigger())).held_back


async def test_what_was_held_back_and_never_frozen_is_no_unproven_freeze(house: House) -> None:
    policy_window_ago = now() - timedelta(days=31)
    await released(house, "acc-1")
    async with house.engine.begin() as connection:
        await connection.execute(
            text(
                "UPDATE incident SET episode_opened_at = :at, opened_at = :at, closed_at = :at, frozen_at = :at"
            ),
            {"at": policy_window_ago},
        )
    later = await house.accept(house.report())
    assert not later.held_back, "the window has passed"


async def test_a_held_back_report_that_ended_is_not_counted_as_a_freeze(house: House) -> None:
    await released(house, "acc-1")
    held = await house.accept(house.report())
    await house.take_up(held)
    await lifted(house, held)
    await closed(house, held)
    async with house.engine.begin() as connection:
        await connection.execute(
            text("UPDATE incident SET episode_opened_at = :at, closed_at = :at WHERE id <> :id"),
            {"at": now() - timedelta(days=31), "id": held.incident_id},
        )
    assert not (await house.accept(house.report())).held_back


async def test_two_refreezes_hold_further_reports_back(house: House) -> None:
    accepted = await house.frozen(house.trigger())
    for _ in range(2):
        await lifted(house, accepted)
        accepted = await house.frozen(house.trigger())
    assert accepted.episode == 3
    await lifted(house, accepted)
    assert (await house.accept(house.report())).held_back
