"""A proof of the owner, and what may come between the look at the codes and its record."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from temporalio.testing import ActivityEnvironment

from activities.identity import CheckProof
from activities.steps import LOOK, Steps
from adapters.clock import SystemClock
from adapters.policies import FixedPolicy
from models.contracts.incidents import CheckProofInput
from models.errors import ErrorCode, StanchError
from models.ids import new_id
from models.lifecycle import Status
from models.names import StepKind
from tests.sql.house import POLICY, House, compromised, now

CODE = "49301127"


async def test_codes_that_fall_between_the_look_and_the_record_are_no_half_proof(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An alarm moves the compromise time before one of two answered contacts: one alone must not prove the owner."""
    accepted = await house.frozen(house.trigger())
    for contact, age in (("phone", timedelta(hours=3)), ("email", timedelta(days=90))):
        await _answered(house, accepted.incident_id, contact, age)
    since = (await house.facts(accepted)).compromised_since
    assert since is not None
    look = house.challenges.answered
    earlier = compromised(now() - timedelta(hours=4), voids=True)

    async def overtaken(incident_id: str, episode: int) -> list[tuple[str, str, object]]:
        seen = await look(incident_id, episode)
        monkeypatch.undo()
        await house.do(incident_id, episode, "alarm/earlier", StepKind.ALARM, (earlier,))
        return list(seen)

    monkeypatch.setattr(house.challenges, "answered", overtaken)
    check = CheckProof(Steps(house.steps, SystemClock()), house.challenges, FixedPolicy(POLICY))
    step = CheckProofInput(
        incident_id=accepted.incident_id, episode=1, step_key="identity/proof/1", compromised_since=since
    )
    with pytest.raises(StanchError) as refused:
        await _environment().run(check.run, step)
    assert refused.value.matches(ErrorCode.INTERNAL), "worth repeating"
    assert await house.counts("proof") == {"proof": 0}
    assert (await house.facts(accepted)).status is Status.FROZEN
    again = await _environment().run(check.run, step)
    assert (again.proven, again.step_key) == (False, LOOK)


def _environment() -> ActivityEnvironment:
    environment = ActivityEnvironment()
    environment.info = replace(environment.info, activity_id="1")
    return environment


async def _answered(house: House, incident_id: str, contact: str, age: timedelta) -> None:
    challenge_id = new_id()
    await house.challenges.prepare(
        challenge_id=challenge_id,
        incident_id=incident_id,
        episode=1,
        contact_id=contact,
        channel=contact,
        contact_set_at=now() - age,
        round_number=1,
        code=CODE,
        sent_at=now(),
        expires_at=now() + timedelta(minutes=10),
        attempts_allowed=10,
    )
    assert (await house.challenges.answer(challenge_id, CODE, now()))[0] == "accepted"
