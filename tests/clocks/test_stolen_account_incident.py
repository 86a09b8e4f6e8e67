"""StolenAccountIncident by the rules for real accounts: when a freeze ends by itself, and when only people may say so."""

from __future__ import annotations

from datetime import datetime, timedelta

from models.errors import ErrorCode, StanchError
from models.lifecycle import Status
from models.names import AlarmKind, DecisionKind, Outcome, StepKind
from models.registered import Activity
from tests.clocks.house import PatientHouse, on_time

TWO_DAYS = timedelta(hours=48)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


async def reported(house: PatientHouse) -> tuple[str, str, datetime]:
    """(account, incident, when it was frozen): somebody says so, and nothing proves it."""
    theft = house.empty_theft()
    incident_id = (await house.house.report(theft)).incident_id
    await house.house.both_codes(incident_id)
    await house.no_money(incident_id)
    return theft.account_id, incident_id, await frozen_at(house, incident_id)


async def frozen_at(house: PatientHouse, incident_id: str) -> datetime:
    at = (await house.house.facts(incident_id)).frozen_at
    assert at is not None
    return at


async def test_an_unproven_reports_freeze_ends_by_itself_after_two_days(house: PatientHouse) -> None:
    account_id, incident_id, frozen = await reported(house)
    asking = house.part(incident_id, "identity/1")
    assert await house.clock.pass_time(asking, TWO_DAYS - MINUTE)
    assert house.house.standing(account_id) == {f"{incident_id}/1/outgoing": "outgoing"}
    await house.ended_within(asking, MINUTE)
    closed = await house.house.until_closed(incident_id)
    assert closed.outcome is Outcome.RELEASED
    (release,) = await house.house.steps(incident_id, StepKind.RELEASE)
    assert on_time(release.requested_at, frozen + TWO_DAYS)
    assert house.house.standing(account_id) == {}
    plans = await house.house.steps(incident_id, StepKind.PLAN_IDENTITY)
    assert [step.step_key for step in plans] == ["identity/plan/1"], (
        "nobody is asked again at the last second"
    )


async def test_renewed_by_decision_it_ends_after_four_days(house: PatientHouse) -> None:
    account_id, incident_id, frozen = await reported(house)
    assert await house.clock.pass_time(house.part(incident_id, "identity/1"), TWO_DAYS - HOUR)
    await house.house.decide(incident_id, DecisionKind.RENEW_FREEZE, "renew")
    await house.house.until_rows("SELECT 1 FROM incident WHERE id = :id AND renewals = 1", id=incident_id)
    await house.ended_within(house.part(incident_id, "identity/1"), HOUR)
    await house.step(incident_id, "identity/plan/2")
    assert house.house.standing(account_id) == {f"{incident_id}/1/outgoing": "outgoing"}
    await house.ended_within(house.part(incident_id, "identity/2"), TWO_DAYS)
    await house.house.until_closed(incident_id)
    (release,) = await house.house.steps(incident_id, StepKind.RELEASE)
    assert on_time(release.requested_at, frozen + 2 * TWO_DAYS)


async def test_a_triggers_freeze_does_not_lapse_and_people_are_asked_after_two_days(
    house: PatientHouse,
) -> None:
    theft = house.empty_theft()
    incident_id = (await house.house.alarm(theft)).incident_id
    await house.house.both_codes(incident_id)
    await house.no_money(incident_id)
    frozen = await frozen_at(house, incident_id)
    await house.ended_within(house.part(incident_id, "identity/1"), TWO_DAYS)
    asked = await house.house.question(incident_id, DecisionKind.UNPROVEN_OWNER)
    assert on_time(asked.created_at, frozen + TWO_DAYS)
    assert (asked.four_eyes, asked.choices) == (True, ("keep", Outcome.RELEASED.value))
    await house.step(incident_id, "identity/plan/2")
    await house.ended_within(house.part(incident_id, "identity/2"), TWO_DAYS)
    plan = await house.step(incident_id, "identity/plan/3")
    assert on_time(plan.requested_at, frozen + 2 * TWO_DAYS)
    assert (await house.house.facts(incident_id)).status is Status.FROZEN
    assert house.house.standing(theft.account_id) == {f"{incident_id}/1/full": "full"}


async def test_a_story_that_is_stuck_is_tried_again_after_a_minute(house: PatientHouse) -> None:
    raised = await house.house.raise_quietly(house.empty_theft(), AlarmKind.REPORT)
    refused = StanchError(ErrorCode.WALLET_REFUSED, "The wallet refused for good.")
    house.house.gate.fail(Activity.PLAN_IDENTITY, raised.incident_id, refused)
    await house.house.parts.wake.now(raised.incident_id)
    stuck = await house.house.question(raised.incident_id, DecisionKind.STUCK)
    await house.no_money(raised.incident_id)
    assert await house.clock.pass_time(house.house.handle(raised.incident_id), MINUTE)
    plan = await house.step(raised.incident_id, "identity/plan/2")
    assert on_time(plan.requested_at, stuck.created_at + MINUTE)
