"""VerifyIdentity by the rules for real accounts: how long a code is good, when the next is sent, when patience is over."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from models.errors import ErrorCode, StanchError
from models.names import Role, StepKind
from tests.clocks.house import PatientHouse, ended_at, on_time

TEN_MINUTES = timedelta(minutes=10)
DAY = timedelta(hours=24)
PATIENCE = timedelta(hours=48)
CODES = 5


async def test_each_contact_has_its_own_rounds_and_then_patience_runs_out(house: PatientHouse) -> None:
    incident_id = (await house.house.alarm(house.empty_theft())).incident_id
    await house.house.both_codes(incident_id)
    verifying = house.part(incident_id, "identity/1")
    await house.ended_within(verifying, PATIENCE)

    sent_at = await sent(house, incident_id)
    assert {life: len(times) for life, times in sent_at.items()} == {TEN_MINUTES: CODES, DAY: 2}
    for life, times in sent_at.items():
        for before, after in pairwise(times):
            assert on_time(after, before + life), f"when the one before expires: {life}"
    frozen_at = (await house.house.facts(incident_id)).frozen_at
    assert frozen_at is not None
    assert on_time(await ended_at(verifying), frozen_at + PATIENCE)


async def sent(house: PatientHouse, incident_id: str) -> dict[timedelta, list[datetime]]:
    """When codes of each lifetime were sent in the first round of asking."""
    found: dict[timedelta, list[datetime]] = {}
    for step in await house.house.steps(incident_id, StepKind.CHALLENGE):
        if step.step_key.split("/")[2] == "1":
            life = datetime.fromisoformat(step.result["expires_at"]) - step.requested_at
            found.setdefault(life, []).append(step.requested_at)
    return found


async def test_an_sms_is_late_after_ten_minutes_and_a_mail_is_good_all_day(house: PatientHouse) -> None:
    theft = house.empty_theft()
    incident_id = (await house.house.alarm(theft)).incident_id
    codes = await house.house.codes_by_contact(incident_id)
    phone, mail = sorted(codes, key=lambda value: value.count("@"))
    verifying = house.part(incident_id, "identity/1")
    assert await house.clock.pass_time(verifying, CODES * TEN_MINUTES + TEN_MINUTES)
    newest = await house.house.codes_by_contact(incident_id)
    assert newest[phone] != codes[phone]
    with pytest.raises(StanchError) as late:
        await house.house.answer(*newest[phone])
    assert late.value.code is ErrorCode.CODE_LATE

    # The mail that came first is read an hour later.
    await house.house.answer(*codes[mail])
    assert await house.clock.pass_time(verifying, TEN_MINUTES)
    assert {life: len(times) for life, times in (await sent(house, incident_id)).items()} == {
        TEN_MINUTES: CODES,
        DAY: 1,
    }


async def test_a_claimant_who_slept_asks_for_a_code_and_no_count_begins_anew(house: PatientHouse) -> None:
    identity = house.house.parts.identity
    incident_id = (await house.house.alarm(house.empty_theft())).incident_id
    codes = await house.house.codes_by_contact(incident_id)
    phone, mail = sorted(codes, key=lambda value: value.count("@"))
    opened = await identity.claims.open(incident_id, by=house.house.people[Role.AGENT])
    claim = await identity.claims.enter(opened.token)
    with pytest.raises(StanchError):
        await house.house.answer(codes[phone][0], "00000000")
    await identity.again.run(claim)
    assert await house.house.codes(incident_id) == codes, "a code is good"
    assert await house.clock.pass_time(house.part(incident_id, "identity/1"), CODES * TEN_MINUTES)

    newest = [await house.house.codes(incident_id)]
    for _ in range(CODES):
        await house.clock.jump(TEN_MINUTES)
        await identity.again.run(claim)
        await identity.again.run(claim)
        newest.append(await house.house.codes(incident_id))
    assert len({each[phone] for each in newest}) == CODES + 1, "one each time: while it is good no other"
    assert {each[mail] for each in newest} == {codes[mail]}, "the first mail is good all day"
    failed = await house.house.rows(
        "SELECT attempts FROM identity_challenge WHERE id = :id", id=codes[phone][0]
    )
    assert [row.attempts for row in failed] == [1]
    asked = [
        step for step in await house.house.steps(incident_id, StepKind.CHALLENGE) if step.actor == "claimant"
    ]
    assert [step.result["asked"] for step in asked] == [1] * CODES
    await house.clock.jump(TEN_MINUTES)
    with pytest.raises(StanchError) as refused:
        await identity.again.run(claim)
    assert refused.value.code is ErrorCode.REFUSED_BY_RULE, "asked as often as may be"
    assert await house.house.codes(incident_id) == newest[-1]

    # Another claim's count is its own; who has answered is sent no other code.
    second = await identity.claims.enter(
        (await identity.claims.open(incident_id, by=house.house.people[Role.AGENT])).token
    )
    await identity.again.run(second)
    last = await house.house.codes(incident_id)
    await house.house.parts.answer_challenge.run(*last[phone], claim=second)
    await house.clock.jump(TEN_MINUTES)
    await identity.again.run(second)
    assert await house.house.codes(incident_id) == last


async def test_who_has_answered_is_left_in_peace_until_the_claim_expires(house: PatientHouse) -> None:
    parts = house.house.parts
    incident_id = (await house.house.alarm(house.empty_theft())).incident_id
    codes = await house.house.codes_by_contact(incident_id)
    opened = await parts.identity.claims.open(incident_id, by=house.house.people[Role.AGENT])
    claim = await parts.identity.claims.enter(opened.token)
    phone = next(value for value in codes if "@" not in value)
    await parts.answer_challenge.run(*codes[phone], claim=claim)
    verifying = house.part(incident_id, "identity/1")
    assert await house.clock.pass_time(verifying, DAY - TEN_MINUTES)
    assert len((await sent(house, incident_id))[TEN_MINUTES]) == 1
    assert await house.clock.pass_time(verifying, 2 * TEN_MINUTES)
    _, again = (await sent(house, incident_id))[TEN_MINUTES][:2]
    assert on_time(again, opened.expires_at, late=TEN_MINUTES)
    assert (await house.house.codes_by_contact(incident_id))[phone] != codes[phone]
