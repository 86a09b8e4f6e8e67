"""ReturnAccount by the rules for real accounts: stages of 24, 48 and 72 hours, each to the end."""

from __future__ import annotations

from datetime import datetime, timedelta

from models.lifecycle import Status
from models.names import DecisionKind, Outcome, StepKind
from tests.clocks.house import PatientHouse, on_time

STAGES = (timedelta(hours=24), timedelta(hours=48), timedelta(hours=72))
MINUTE = timedelta(minutes=1)
LOOKED_AT = timedelta(hours=11)


async def test_every_stage_lasts_as_long_as_it_should_and_then_the_limits_go(house: PatientHouse) -> None:
    theft = house.empty_theft()
    # The rules look at the account every half hour: 288 times in these stages, and none of them ends one.
    with house.house.rules.changed(watch={"poll_seconds": LOOKED_AT.total_seconds()}):
        incident_id = (await house.house.alarm(theft)).incident_id
        await house.house.both_codes(incident_id)
    await house.no_money(incident_id)
    await house.house.prove_owner(incident_id)
    await house.house.question(incident_id, DecisionKind.RETURN_ACCOUNT)
    await house.house.decide(incident_id, DecisionKind.RETURN_ACCOUNT, Outcome.RESTORED.value)
    first = await house.step(incident_id, "return/stage/1/1")
    await house.house.until_status(incident_id, Status.RETURNING)
    returning = house.part(incident_id, "return/1")
    due = first.requested_at
    for number, span in enumerate(STAGES, start=1):
        stage = await house.step(incident_id, f"return/stage/1/{number}")
        assert on_time(stage.requested_at, due)
        entered_at, ends_at = (
            datetime.fromisoformat(stage.result[name]) for name in ("entered_at", "ends_at")
        )
        assert on_time(entered_at, stage.requested_at)
        assert ends_at - entered_at == span
        left = ends_at - house.clock.now() - MINUTE
        assert await house.clock.pass_time(returning, left)
        keys = [step.step_key for step in await house.house.steps(incident_id, StepKind.STAGE)]
        assert keys == [f"return/stage/1/{each}" for each in range(1, number + 1)], "not a minute earlier"
        await house.clock.pass_time(returning, 2 * MINUTE)
        due = ends_at
    lifted = await house.step(incident_id, "return/lift-limits")
    assert on_time(lifted.requested_at, due)
    closed = await house.house.until_closed(incident_id)
    assert closed.closed_at is not None
    assert on_time(closed.closed_at, due)
