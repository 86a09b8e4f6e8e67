"""A closed incident goes on as a new one: frozen at once, with everything that was known."""

from __future__ import annotations

import pytest

from models.errors import ErrorCode, StanchError
from models.names import DecisionKind, Outcome, Role, StepKind
from tests.incidents.house import House
from use_cases.raise_alarm import FreezeState, RaisedAlarm

THEFTS = "SELECT transfer_id, basis, withdrawn_at FROM theft WHERE incident_id = :id ORDER BY transfer_id"


async def reopen(house: House, incident_id: str, reason: str = "she found one more device") -> RaisedAlarm:
    raised = await house.parts.reopen.run(
        incident_id, reason, by=house.people[Role.AGENT], receipt=house.parts.raise_alarm.receive()
    )
    await house.parts.wake.now(raised.incident_id)
    return raised


async def released(house: House, incident_id: str) -> None:
    await house.request_and_approve(incident_id, DecisionKind.UNPROVEN_OWNER, Outcome.RELEASED.value)
    await house.parts.wake.now(incident_id)
    await house.until_closed(incident_id)


async def test_a_reopened_incident_freezes_at_once_and_knows_what_was_known(house: House) -> None:
    theft = house.steal(20_000, 30_000)
    first = (await house.alarm(theft, stolen_transfers=tuple(theft.transfers[:1]))).incident_id
    with pytest.raises(StanchError) as still_open:
        await reopen(house, first)
    assert still_open.value.code is ErrorCode.REFUSED_BY_RULE
    await house.until_rows(THEFTS, id=first)
    await house.until_rows("SELECT 1 FROM trace_run WHERE incident_id = :id", id=first)
    await released(house, first)
    assert house.standing(theft.account_id) == {}

    raised = await reopen(house, first)
    second = raised.incident_id
    assert (raised.freeze, second != first) == (FreezeState.DONE, True)
    assert house.standing(theft.account_id) == {f"{second}/1/outgoing": "outgoing"}
    before, now = await house.facts(first), await house.facts(second)
    assert (before.reopened_as, now.reopens) == (second, first)
    view = await house.wiring.overview.incidents(
        status=None, account_id=theft.account_id, limit=9, after=None
    )
    assert [(each.reopens, each.reopened_as) for each in view.incidents] == [(first, None), (None, second)]
    known = await house.rows(THEFTS, id=first)
    assert known
    assert set(known) <= set(await house.rows(THEFTS, id=second)), (
        "with their basis; what is found anew comes beside"
    )
    found = await house.until_rows("SELECT thefts FROM trace_run WHERE incident_id = :id", id=second)
    assert set(found[0].thefts) >= {row.transfer_id for row in known}
    after = await house.facts(second)
    assert before.compromised_since is not None
    assert after.compromised_since is not None
    assert after.compromised_since <= before.compromised_since
    again = await reopen(house, first)
    assert (again.incident_id, again.repeated) == (second, True), "the same word again is the same incident"

    await released(house, second)
    with pytest.raises(StanchError) as elsewhere:
        await reopen(house, first)
    assert elsewhere.value.code is ErrorCode.REFUSED_BY_RULE
    assert second in elsewhere.value.message
    third = (await house.alarm(theft)).incident_id
    with pytest.raises(StanchError) as beside:
        await reopen(house, second)
    assert beside.value.code is ErrorCode.REFUSED_BY_RULE
    assert third in beside.value.message
    assert len(await house.steps(second, StepKind.FREEZE)) == 1
    assert (await house.audit(second)).findings == ()
