"""The owner's proof and an alarm that says it began earlier, at the same moment."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from temporalio import activity

from activities.changes import MoveIncident, RecordProof
from activities.steps import Effect, Running
from models.contracts.incidents import CheckProofInput, CheckProofResult, IncidentFacts
from models.contracts.steps import Origin
from models.lifecycle import Event, Status
from models.names import Activity, StepKind
from tests.incidents.house import House


async def test_a_proof_recorded_while_an_earlier_beginning_is_taken_up_falls_and_is_asked_for_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise the incident counts as verified, its return is refused for want of a proof, and nobody asks for one."""
    theft = house.steal(9_000)
    incident_id = (await house.alarm(theft)).incident_id
    await house.both_codes(incident_id)
    before = await house.facts(incident_id)
    since = before.compromised_since
    assert since is not None
    read = house.wiring.incidents.facts

    async def proven_meanwhile(asked: str) -> IncidentFacts | None:
        facts = await read(asked)
        if activity.in_activity() and activity.info().activity_type == Activity.TAKE_UP_ALARM:
            monkeypatch.undo()
            await _prove(house, incident_id, since - timedelta(seconds=1))
            assert (await house.facts(incident_id)).status is Status.VERIFIED
        return facts

    monkeypatch.setattr(house.wiring.incidents, "facts", proven_meanwhile)
    await house.report(theft, compromised_since=since - timedelta(hours=1))
    await house.until_rows(
        "SELECT 1 FROM step WHERE incident_id = :id AND step_key LIKE 'identity/code/2/%' HAVING count(*) = 2",
        id=incident_id,
    )
    assert (await house.facts(incident_id)).status is Status.FROZEN
    await house.give_back(incident_id)
    await house.until_closed(incident_id)


async def _prove(house: House, incident_id: str, newest: datetime) -> None:
    """What the identity workflow commits when both codes are answered."""
    facts = await house.facts(incident_id)
    assert facts.compromised_since is not None
    step = CheckProofInput(
        incident_id=incident_id,
        episode=1,
        step_key="identity/proof/1",
        compromised_since=facts.compromised_since,
    )

    async def effect(running: Running) -> Effect[CheckProofResult]:
        proof = RecordProof(("phone:a", "email:b"), newest, running.started_at)
        result = CheckProofResult(step_key=step.step_key, proven=True, factors=proof.factors)
        return Effect(result, changes=(proof, MoveIncident(Event.IDENTITY_PROVEN)))

    await house.wiring.steps.run(step, StepKind.VERIFY_IDENTITY, CheckProofResult, effect, origin=Origin())
