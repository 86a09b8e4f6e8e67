"""What people decide, by the rules for real accounts: how long a choice may wait for the second person, and a question for its first."""

from __future__ import annotations

from datetime import timedelta

import pytest

from models.errors import ErrorCode, StanchError
from models.names import DecisionKind, Outcome
from tests.clocks.house import PatientHouse, on_time

DAY = timedelta(hours=24)
TWO_DAYS = timedelta(hours=48)
MINUTE = timedelta(minutes=1)


async def test_a_choice_waits_a_day_for_the_second_person_and_must_then_be_made_again(
    house: PatientHouse,
) -> None:
    incident_id = (await house.house.report(house.empty_theft())).incident_id
    kind, choice = DecisionKind.END_AS_FALSE_ALARM, Outcome.FALSE_ALARM.value
    first = await house.house.request(incident_id, kind, choice)
    asked = await house.house.question(incident_id, kind)
    assert on_time(asked.created_at + TWO_DAYS, asked.expires_at)
    (request,) = asked.requests
    assert request.expires_at - request.requested_at == DAY
    await house.clock.jump(DAY - MINUTE)
    with pytest.raises(StanchError) as standing:
        await house.house.request(incident_id, kind, choice)
    assert standing.value.code is ErrorCode.ALREADY_DECIDED
    await house.clock.jump(MINUTE)
    with pytest.raises(StanchError) as late:
        await house.house.approve(first)
    assert late.value.code is ErrorCode.REFUSED_BY_RULE
    second = await house.house.request(incident_id, kind, choice)
    await house.clock.jump(DAY - MINUTE)
    await house.house.approve(second)
    approved = (await house.house.question(incident_id, kind)).requests[-1]
    assert (approved.request_id, approved.state) == (second, "approved")
