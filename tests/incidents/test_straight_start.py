"""Workflows started straight at Temporal, by name and with plain JSON: the database decides whose alarm it is."""

from __future__ import annotations

import pytest
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import ActivityError, ApplicationError

from models.ids import incident_workflow_id, new_id
from models.lifecycle import Status
from models.names import Outcome, StepKind
from tests.incidents.house import House


async def test_while_another_incident_is_open_its_alarm_lies_with_that_one(house: House) -> None:
    theft = house.steal(21_000, 22_000)
    opened = (await house.alarm(theft, stolen_transfers=(theft.transfers[0],))).incident_id
    await house.both_codes(opened)
    started = await house.start_straight(theft, stolen_transfers=[theft.transfers[1]])
    ending = await started.result()
    assert (ending.joined, ending.outcome) == (opened, None)
    rows = await house.rows("SELECT id FROM incident WHERE account_id = :id", id=theft.account_id)
    assert [row.id for row in rows] == [opened]
    (alarm,) = await house.until_rows(
        "SELECT incident_id, stolen_transfers FROM alarm WHERE source = 'other-team' AND account_id = :id "
        "AND acknowledged_at IS NOT NULL",
        id=theft.account_id,
    )
    assert (alarm.incident_id, alarm.stolen_transfers) == (opened, [theft.transfers[1]])
    thefts = await house.rows("SELECT transfer_id FROM theft WHERE incident_id = :id", id=opened)
    assert {row.transfer_id for row in thefts} == set(theft.transfers)
    assert house.standing(theft.account_id) == {f"{opened}/1/full": "full"}


async def test_with_no_other_open_it_registers_and_freezes(house: House) -> None:
    theft = house.steal(21_000)
    incident_id = new_id()
    await house.start_straight(theft, incident_id)
    await house.until_rows("SELECT id FROM incident WHERE id = :id AND status = 'frozen'", id=incident_id)
    assert house.standing(theft.account_id) == {f"{incident_id}/1/full": "full"}
    (freeze,) = await house.steps(incident_id, StepKind.FREEZE)
    assert (freeze.workflow_id, freeze.gateway_attempt) == (incident_workflow_id(incident_id), None)
    assert (freeze.wallet_ack_ms, freeze.committed_ms) != (None, None), "timed like any other freeze"
    # From here on it is an incident like any other: the front door joins it.
    assert (await house.alarm(theft)).incident_id == incident_id
    await house.give_back(incident_id)
    assert (await house.until_closed(incident_id)).outcome is Outcome.RESTORED
    assert (await house.ending(incident_id)).outcome is Outcome.RESTORED


async def test_times_that_cannot_be_are_refused_on_this_road_too(house: House) -> None:
    theft = house.steal(21_000)
    started = await house.start_straight(theft, occurred_at="9999-12-31T00:00:00Z")
    with pytest.raises(WorkflowFailureError) as caught:
        await started.result()
    assert isinstance(caught.value.cause, ActivityError)
    assert isinstance(caught.value.cause.cause, ApplicationError)
    assert caught.value.cause.cause.type == "invalid"
    assert await house.rows("SELECT id FROM incident WHERE account_id = :id", id=theft.account_id) == []
    assert house.standing(theft.account_id) == {}


async def test_the_same_alarm_started_twice_is_one_incident(house: House) -> None:
    theft = house.steal(21_000)
    alarm_id = new_id()
    first = await house.start_straight(theft, id=alarm_id, occurred_at="2026-01-01T00:00:00Z")
    second = await house.start_straight(theft, id=alarm_id, occurred_at="2026-01-01T00:00:00Z")
    opened = await house.until_rows("SELECT id FROM incident WHERE account_id = :id", id=theft.account_id)
    assert len(opened) == 1
    loser = first if second.id == incident_workflow_id(opened[0].id) else second
    assert (await loser.result()).joined == opened[0].id
    alarms = await house.rows("SELECT late FROM alarm WHERE account_id = :id", id=theft.account_id)
    assert [row.late for row in alarms] == [True]


@pytest.mark.parametrize(
    ("workflow_incident", "alarm", "code"),
    [(new_id(), True, "invalid"), (None, False, "not_found")],
    ids=["an id that names another incident", "an incident nobody knows"],
)
async def test_what_no_hand_over_would_ever_find_fails_plainly(
    house: House, workflow_incident: str | None, code: str, *, alarm: bool
) -> None:
    incident_id = new_id()
    opening = {"incident_id": incident_id}
    if alarm:
        opening["alarm"] = {  # type: ignore[assignment]
            "source": "other-team",
            "id": new_id(),
            "account_id": house.sandbox.account(),
            "occurred_at": "2026-11-01T00:00:00Z",
            "kind": "trigger",
        }
    started = await house.client.start_workflow(
        "StolenAccountIncident",
        opening,
        id=incident_workflow_id(workflow_incident or incident_id),
        task_queue=house.queue,
    )
    with pytest.raises(WorkflowFailureError) as failed:
        await started.result()
    assert isinstance(failed.value.cause, ActivityError)
    assert isinstance(failed.value.cause.cause, ApplicationError)
    assert failed.value.cause.cause.type == code
    assert await house.rows("SELECT id FROM incident WHERE id = :id", id=incident_id) == []


async def test_an_account_nobody_knows_ends_it(house: House) -> None:
    theft = house.steal(21_000)
    incident_id = new_id()
    started = await house.start_straight(theft, incident_id, account_id="acc-nobody")
    ending = await started.result()
    assert ending.outcome is Outcome.NOT_FROZEN
    facts = await house.facts(incident_id)
    assert (facts.status, facts.outcome) == (Status.CLOSED, Outcome.NOT_FROZEN)
    (freeze,) = await house.steps(incident_id, StepKind.FREEZE)
    assert (freeze.status, freeze.result["refusal"]["code"]) == ("refused", "account_unknown")
