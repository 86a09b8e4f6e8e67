"""Whole incidents, told through the front door. Each returns the incident's id when it is closed and its money recovered."""

from __future__ import annotations

from models.lifecycle import Status
from models.names import AlarmKind, DecisionKind, Outcome
from tests.replay.living import Engine


async def restored(engine: Engine) -> str:
    """Stolen, proven, reset, returned in stages; what was held goes back."""
    theft = engine.sandbox.steal(engine.sandbox.rich_account())
    incident_id = (await engine.alarm(theft)).incident_id
    await engine.prove_owner(incident_id)
    await engine.question(incident_id, DecisionKind.RETURN_ACCOUNT)
    await engine.decide(incident_id, DecisionKind.RETURN_ACCOUNT, Outcome.RESTORED.value)
    closed = await engine.until_closed(incident_id)
    assert closed.outcome is Outcome.RESTORED
    await engine.give_back_what_is_held(incident_id)
    return incident_id


async def relapsed(engine: Engine) -> str:
    """As restored, but the thief is noticed again during the cool-down: a second episode."""
    theft = engine.sandbox.steal(engine.sandbox.rich_account())
    incident_id = (await engine.alarm(theft)).incident_id
    for episode in (1, 2):
        await engine.prove_owner(incident_id)
        await engine.question(incident_id, DecisionKind.RETURN_ACCOUNT)
        await engine.decide(incident_id, DecisionKind.RETURN_ACCOUNT, Outcome.RESTORED.value)
        if episode == 1:
            await engine.until_status(incident_id, Status.RETURNING)
            again = await engine.alarm(theft)
            assert (again.incident_id, again.episode) == (incident_id, 2)
    closed = await engine.until_closed(incident_id)
    assert (closed.outcome, closed.episode) == (Outcome.RESTORED, 2)
    await engine.give_back_what_is_held(incident_id)
    return incident_id


async def false_alarm(engine: Engine) -> str:
    """The proven owner says it was them."""
    theft = engine.sandbox.steal(engine.sandbox.rich_account())
    incident_id = (await engine.alarm(theft)).incident_id
    await engine.prove_owner(incident_id)
    await engine.decide(incident_id, DecisionKind.END_AS_FALSE_ALARM, Outcome.FALSE_ALARM.value)
    closed = await engine.until_closed(incident_id)
    assert closed.outcome is Outcome.FALSE_ALARM
    await engine.recovered(incident_id)
    return incident_id


async def released(engine: Engine) -> str:
    """A report that nobody proves: its freeze ends by its own clock."""
    theft = engine.sandbox.steal(engine.sandbox.rich_account())
    incident_id = (await engine.alarm(theft, kind=AlarmKind.REPORT)).incident_id
    closed = await engine.until_closed(incident_id)
    assert closed.outcome is Outcome.RELEASED
    return incident_id


STORIES = {each.__name__: each for each in (restored, relapsed, false_alarm, released)}
