"""RecoverFunds by the rules for real accounts: how long holds stand, and how often the feed is asked for moving money."""

from __future__ import annotations

from datetime import timedelta

import pytest

from models.contracts.recovery import HoldView
from models.errors import ErrorCode, StanchError
from models.names import HoldEnding, Role
from tests.clocks.house import PatientHouse, on_time, timers
from tests.incidents.recovering import LEGAL_BASIS, agree, holds, stolen, until_closed, until_ended

TWO_DAYS = timedelta(hours=48)
HALF_A_DAY = timedelta(hours=12)
WEEK = timedelta(days=7)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)
TRIED_EVERY = timedelta(seconds=10)
"""The longest pause between two tries of the same step, and so how late it may notice that its time is over."""
QUIETER = [timedelta(seconds=seconds) for seconds in (4, 8, 16, 32, 60, 60)]
"""After the first pause, of which no timer tells where a wake came right then."""


async def held(house: PatientHouse, amount: int) -> tuple[str, HoldView]:
    """One hold that has its check behind it, of an incident whose recovery waits."""
    _, incident_id = await stolen(house.house, amount, mules=1)
    (hold,) = await holds(house.house, incident_id)
    await house.house.until_rows(
        "SELECT 1 FROM hold_claim WHERE id = :id AND told = 'withheld'", id=hold.hold_id
    )
    return incident_id, hold


async def warned(house: PatientHouse, incident_id: str) -> list[tuple[str, str]]:
    """What staff hear of holds that run out, once somebody has looked at the clock."""
    await house.house.wiring.alert_staff.watch()
    found = await house.house.rows(
        "SELECT subject, detail FROM staff_alert WHERE kind = 'hold_ending' AND incident_id = :id",
        id=incident_id,
    )
    return [(row.subject, row.detail) for row in found]


async def test_a_hold_ends_after_two_days_and_its_money_is_then_looked_for_less_and_less_often(
    house: PatientHouse,
) -> None:
    incident_id, hold = await held(house, 30_000)
    recovery = house.recovery(incident_id)
    assert on_time(hold.expires_at, hold.created_at + TWO_DAYS)
    unjudged = await house.house.parts.recover.renew(
        hold.hold_id, LEGAL_BASIS, by=house.house.people[Role.AGENT]
    )
    await house.clock.jump(hold.expires_at - house.clock.now() - HALF_A_DAY - MINUTE)
    assert await warned(house, incident_id) == []
    await house.clock.jump(2 * MINUTE)
    for _ in range(2):
        assert await warned(house, incident_id) == [(f"{hold.hold_id}/1", "renew_hold")], "once, and in time"
    await house.clock.jump(hold.expires_at - house.clock.now() - MINUTE)
    await house.look(recovery)
    assert [each.hold_id for each in await holds(house.house, incident_id)] == [hold.hold_id]
    assert await house.clock.pass_time(recovery, 2 * MINUTE)
    ended = await until_ended(house.house, hold.hold_id)
    assert ended.ended_reason == HoldEnding.EXPIRED
    await until_closed(house.house, unjudged.task_id)
    assert ended.ended_at is not None
    assert on_time(ended.ended_at, hold.expires_at)

    assert await house.clock.pass_time(recovery, 5 * MINUTE)
    pauses = await timers(recovery)
    assert QUIETER in [pauses[first : first + len(QUIETER)] for first in range(len(pauses))]
    await house.clock.jump(WEEK)
    await house.look(recovery)
    assert await house.clock.pass_time(recovery, 3 * HOUR)
    assert (await timers(recovery))[-3:] == [HOUR, HOUR, HOUR]


async def test_a_hold_renewed_on_a_legal_basis_ends_after_four_days(house: PatientHouse) -> None:
    incident_id, hold = await held(house, 20_000)
    recovery = house.recovery(incident_id)
    await house.clock.jump(hold.expires_at - house.clock.now() - HOUR)
    await house.look(recovery)
    agent = house.house.people[Role.AGENT]
    view = await agree(house.house, house.house.parts.recover.renew(hold.hold_id, LEGAL_BASIS, by=agent))
    await until_closed(house.house, view.task_id)
    (renewed,) = await holds(house.house, incident_id)
    assert renewed.expires_at == hold.expires_at + TWO_DAYS
    await house.clock.jump(renewed.expires_at - house.clock.now() - MINUTE)
    await house.look(recovery)
    assert [each.hold_id for each in await holds(house.house, incident_id)] == [hold.hold_id]
    with pytest.raises(StanchError) as third:
        await house.house.parts.recover.renew(hold.hold_id, LEGAL_BASIS, by=agent)
    assert third.value.code is ErrorCode.REFUSED_BY_RULE
    assert await house.clock.pass_time(recovery, 2 * MINUTE)
    ended = await until_ended(house.house, hold.hold_id)
    assert ended.ended_at is not None
    assert on_time(ended.ended_at, hold.expires_at + TWO_DAYS)


async def test_a_hold_that_nobody_could_check_ends_after_a_minute(house: PatientHouse) -> None:
    theft = house.house.steal(40_000, mules=1)
    house.house.sandbox.fault("POST /v1/accounts/[^/]+/holds", "lost_answer", count=1000)
    incident_id = (await house.house.alarm(theft)).incident_id
    (claimed,) = await house.house.until_rows(
        "SELECT id, created_at FROM hold_claim WHERE incident_id = :id AND state = 'claimed'", id=incident_id
    )
    assert await house.clock.pass_time(house.part(incident_id, "money/1"), MINUTE - 10 * SECOND)
    (still,) = await house.house.wiring.recoveries.holds(hold_id=claimed.id)
    assert still.state == "claimed"
    await house.clock.pass_time(house.part(incident_id, "money/1"), 20 * SECOND + TRIED_EVERY)
    ended = await until_ended(house.house, claimed.id)
    assert ended.ended_reason == HoldEnding.UNCHECKED
    assert ended.ended_at is not None
    assert on_time(ended.ended_at, claimed.created_at + MINUTE, late=TRIED_EVERY)
