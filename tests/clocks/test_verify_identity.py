"""VerifyIdentity by the rules for real accounts: how long a code is good, when the next is sent, when patience is over."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from models.errors import ErrorCode, StanchError
from models.names import StepKind
from tests.clocks.house import PatientHouse, ended_at, on_time

TEN_MINUTES = timedelta(minutes=10)
DAY = timedelta(hours=24)
PATIENCE = timedelta(hours=48)
CODES = 5


async def test_codes_follow_each_other_as_they_expire_and_then_patience_runs_out(house: PatientHouse) -> None:
    incident_id = (await house.house.alarm(house.empty_theft())).incident_id
    await house.house.both_codes(incident_id)
    verifying = house.part(incident_id, "identity/1")
    # It is patient from the freeze on, and what it does at the end takes its time, too.
    assert not await house.clock.pass_time(verifying, PATIENCE + TEN_MINUTES)

    sent = await house.house.steps(incident_id, StepKind.CHALLENGE)
    sent_at: dict[int, dict[timedelta, datetime]] = {}
    for step in sent:
        _, _, attempt, _, number = step.step_key.split("/")
        if attempt == "1":
            life = datetime.fromisoformat(step.result["expires_at"]) - step.requested_at
            sent_at.setdefault(int(number), {})[life] = step.requested_at
    codes = range(1, CODES + 1)
    assert {each: set(sent_at[each]) for each in sent_at} == {each: {TEN_MINUTES, DAY} for each in codes}
    for each in codes[1:]:
        expired = sent_at[each - 1][TEN_MINUTES] + TEN_MINUTES
        assert on_time(sent_at[each][TEN_MINUTES], expired)
        assert on_time(sent_at[each][DAY], expired)
    frozen_at = (await house.house.facts(incident_id)).frozen_at
    assert frozen_at is not None
    assert on_time(await ended_at(verifying), frozen_at + PATIENCE)


async def test_a_code_of_ten_minutes_is_late_then_and_the_next_one_is_good(house: PatientHouse) -> None:
    theft = house.empty_theft()
    incident_id = (await house.house.alarm(theft)).incident_id
    codes = await house.house.codes_by_contact(incident_id)
    phone = next(value for value in codes if not value.count("@"))
    challenge_id, code = codes[phone]
    await house.clock.jump(TEN_MINUTES)
    with pytest.raises(StanchError) as late:
        await house.house.answer(challenge_id, code)
    assert late.value.code is ErrorCode.CODE_LATE

    mail = next(value for value in codes if value.count("@"))
    await house.house.answer(*codes[mail])
    assert await house.clock.pass_time(house.part(incident_id, "identity/1"), TEN_MINUTES)
