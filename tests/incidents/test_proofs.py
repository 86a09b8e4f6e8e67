"""The owner's proof: what may come in between, what does not arrive, and what comes too late."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from temporalio import activity

from activities.changes import MoveIncident, RecordProof, SetCompromisedSince
from activities.codes import ROUNDS_APART, challenge_reference
from activities.steps import Effect, Running
from models.contracts.claims import CheckProofInput, CheckProofResult
from models.contracts.identity import AnsweredCode
from models.contracts.incidents import IncidentFacts
from models.contracts.steps import Origin, StepInput, StepResult
from models.errors import ErrorCode, StanchError
from models.lifecycle import Event, Status
from models.names import DecisionKind, Role, StepKind, StepStatus
from models.registered import Activity
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


async def test_codes_that_fall_between_the_look_and_the_record_are_no_half_proof(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The compromise time moves before one of two answered contacts: one alone must not prove the owner."""
    theft = house.steal(9_000)
    recent = (datetime.now(UTC) - timedelta(hours=3)).isoformat()
    path = f"/people/{theft.account_id}/entries/{theft.account_id}-email-1/clock"
    house.sandbox.control("POST", path, {"set_at": recent})
    incident_id = (await house.alarm(theft)).incident_id
    codes = await house.both_codes(incident_id)
    look = house.wiring.challenges.answered

    async def overtaken(asked: str, episode: int) -> list[AnsweredCode]:
        seen = await look(asked, episode)
        if activity.in_activity() and asked == incident_id and len(seen) == 2:
            monkeypatch.undo()
            await _move_earlier(house, incident_id, datetime.now(UTC) - timedelta(hours=4))
        return seen

    monkeypatch.setattr(house.wiring.challenges, "answered", overtaken)
    for challenge_id, code in codes:
        await house.answer(challenge_id, code)
    await house.until_rows(
        "SELECT id FROM step WHERE incident_id = :id AND step_key = 'alarm/earlier'", id=incident_id
    )
    await house.looked(incident_id)
    assert await house.rows("SELECT step_id FROM proof WHERE incident_id = :id", id=incident_id) == []
    assert (await house.facts(incident_id)).status is Status.FROZEN


async def test_an_owner_who_comes_too_late_gets_new_codes_from_an_agent(house: House) -> None:
    """All codes have run out in an hour, and the next would only come after days."""
    theft = house.steal(9_000)
    with house.rules.changed(
        identity={"phone_code_seconds": 1, "email_code_seconds": 1, "codes_per_contact": 1}
    ):
        incident_id = (await house.alarm(theft)).incident_id
        late = await house.both_codes(incident_id)
        await house.until_rows(
            "SELECT 1 FROM identity_challenge WHERE incident_id = :id AND expires_at < now() HAVING count(*) = 2",
            id=incident_id,
        )
        for challenge_id, code in late:
            with pytest.raises(StanchError) as refused:
                await house.answer(challenge_id, code)
            assert refused.value.matches(ErrorCode.CODE_LATE)
    # The story was told with the rules of its beginning, so these codes live long by the ones in force now.
    await house.decide(incident_id, DecisionKind.NEW_CODES, "send")
    await house.until_rows(
        "SELECT 1 FROM step WHERE incident_id = :id AND step_key LIKE 'identity/code/2/%' HAVING count(*) = 2",
        id=incident_id,
    )
    (sent,) = await house.steps(incident_id, StepKind.DECISION)
    assert (sent.actor.value, sent.role) == ("agent", house.people[Role.AGENT].operator_id)
    await house.prove_owner(incident_id)
    with pytest.raises(StanchError) as needless:
        await house.decide(incident_id, DecisionKind.NEW_CODES, "send")
    assert needless.value.matches(ErrorCode.REFUSED_BY_RULE)


async def test_one_contact_that_nothing_reaches_does_not_take_the_other_ones_code_away(house: House) -> None:
    theft = house.steal(9_000)
    contacts = house.sandbox.control("GET", f"/people/{theft.account_id}")["contacts"]
    raised = await house.raise_quietly(theft)
    incident_id = raised.incident_id
    with house.gate.hold(Activity.PLAN_IDENTITY, incident_id, after=True) as planned:
        await house.parts.wake.now(incident_id)
        await planned.stands()
        plan = (await house.steps(incident_id, StepKind.PLAN_IDENTITY))[0].result["usable"]
        email = next(each["contact_id"] for each in plan if each["kind"] == "email")
        # The message company knows this message's id for something else, and will never take it.
        await house.wiring.messages.send(
            f"{challenge_reference(incident_id, 1, email)}-{ROUNDS_APART}",
            "sms",
            contacts["phone"],
            "",
            "something else",
        )
    await house.until_rows(
        "SELECT 1 FROM step WHERE incident_id = :id AND kind = 'challenge' HAVING count(*) = 2",
        id=incident_id,
    )
    sent = await house.steps(incident_id, StepKind.CHALLENGE)
    assert {step.status for step in sent} == {StepStatus.DONE, StepStatus.REFUSED}
    ((challenge_id, code),) = (await house.codes(incident_id)).values()
    await house.answer(challenge_id, code)
    assert await house.rows("SELECT kind FROM decision_task WHERE incident_id = :id", id=incident_id) == []


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


async def _move_earlier(house: House, incident_id: str, since: datetime) -> None:
    step = StepInput(incident_id=incident_id, episode=1, step_key="alarm/earlier")

    async def effect(running: Running) -> Effect[StepResult]:
        del running
        return Effect(StepResult(step_key=step.step_key), changes=(SetCompromisedSince(since, voids=True),))

    await house.wiring.steps.run(
        step, StepKind.ALARM, StepResult, effect, origin=Origin(gateway_attempt="0" * 26)
    )
