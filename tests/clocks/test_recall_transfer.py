"""RecallTransfer by the rules for real accounts: half a year of asking again, and thirteen months until it is given up."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from temporalio.client import WorkflowHandle

from models.contracts.recalls import RecallEnding, RecallTransferResult
from models.errors import ErrorCode, StanchError
from models.ids import recall_workflow_id
from models.names import StepKind
from models.registered import Activity
from tests.clocks.house import PatientHouse, ended_at, on_time, timers
from tests.running_sandbox import Theft
from workflows.failing import FIRST_PAUSE

CHASED = tuple(timedelta(days=days) for days in (15, 21, 30, 60, 90, 180))
GIVEN_UP = timedelta(days=395)
HOUR = timedelta(hours=1)


async def recalled(house: PatientHouse, theft: Theft, behaviour: str) -> tuple[str, WorkflowHandle[Any, Any]]:
    """(incident, the recall): the mule has sent the money on to a bank before anybody noticed."""
    sandbox = house.house.sandbox
    sandbox.control("POST", "/bank/plans", {"exit_account": "exit-bank-07", "behaviour": behaviour})
    theft.mules[0].pay("exit-bank-07", sum(theft.amounts))
    # Nobody can stop the payout any more.
    await house.clock.jump(HOUR)
    incident_id = (await house.house.alarm(theft)).incident_id
    (row,) = await house.house.until_rows(
        "SELECT transfer_seq FROM recall WHERE incident_id = :id", id=incident_id
    )
    workflow_id = recall_workflow_id(incident_id, row.transfer_seq)
    return incident_id, house.house.client.get_workflow_handle(workflow_id, result_type=RecallTransferResult)


async def test_an_institution_that_never_answers_is_asked_again_for_half_a_year_and_given_up_after_thirteen_months(
    house: PatientHouse,
) -> None:
    incident_id, recall = await recalled(house, house.house.steal(25_000, mules=1), "never")
    await house.house.until_rows(
        "SELECT 1 FROM step WHERE incident_id = :id AND kind = 'recall_send'", id=incident_id
    )
    await house.ended_within(recall, GIVEN_UP)
    result = await recall.result()
    assert (result.ending, result.received) == (RecallEnding.UNANSWERED, 0)
    (row,) = await house.house.rows("SELECT sent_at FROM recall WHERE incident_id = :id", id=incident_id)
    chases = await house.house.steps(incident_id, StepKind.RECALL_CHASE)
    assert len(chases) == len(CHASED)
    for chase, after in zip(chases, CHASED, strict=True):
        assert on_time(chase.requested_at, row.sent_at + after)
    assert on_time(await ended_at(recall), row.sent_at + GIVEN_UP)


async def test_a_recall_that_is_stuck_tries_again_after_a_minute(house: PatientHouse) -> None:
    theft = house.house.steal(26_000, mules=1)
    raised = await house.house.raise_quietly(theft)
    refused = StanchError(ErrorCode.WALLET_REFUSED, "No, for good.")
    with house.house.gate.hold(Activity.OPEN_RECALL, raised.incident_id, after=True) as opened:
        house.house.gate.fail(Activity.SEND_RECALL, raised.incident_id, refused)
        incident_id, recall = await recalled(house, theft, "never")
        await opened.stands()
        opened_at = house.clock.now()
    await house.house.until(lambda: waits(recall), "the recall waits")
    assert await house.clock.pass_time(recall, FIRST_PAUSE)
    (sent,) = await house.house.until_rows(
        "SELECT requested_at FROM step WHERE incident_id = :id AND kind = 'recall_send'", id=incident_id
    )
    assert on_time(sent.requested_at, opened_at + FIRST_PAUSE)


async def waits(workflow: WorkflowHandle[Any, Any]) -> bool:
    """Whether it has set a timer."""
    return bool(await timers(workflow))
