"""A part that failed for good: people are asked, and the rest of the story goes on."""

from __future__ import annotations

from models.errors import ErrorCode, StanchError
from models.lifecycle import Status
from models.names import DecisionKind, Outcome, Role, StepKind
from models.registered import Activity
from tests.incidents.house import House
from tests.incidents.recovering import stolen, until_closed

OPEN = (
    "SELECT id FROM decision_task WHERE incident_id = :id AND kind = 'recovery_stuck' AND closed_at IS NULL"
)


async def test_money_that_cannot_be_followed_keeps_no_owner_waiting_and_its_question_stays_open(
    house: House,
) -> None:
    """The closing waits for the answer, so the question must be there to be answered after the release, too."""
    theft = house.steal(9_000)
    incident_id = (await house.raise_quietly(theft)).incident_id
    house.gate.fail(
        Activity.FIND_THEFTS,
        incident_id,
        StanchError(ErrorCode.WALLET_REFUSED, "The wallet refused for good."),
    )
    with house.rules.changed(stage_seconds=1):
        await house.parts.wake.now(incident_id)
        stuck = await house.question(incident_id, DecisionKind.STUCK)
        assert (stuck.choices, stuck.action["part"]) == (("try_again", "go_on"), "money")
        await house.give_back(incident_id)
        await house.until_rows(
            "SELECT 1 FROM step WHERE incident_id = :id AND kind = 'lift_limits' AND status = 'done'",
            id=incident_id,
        )
        assert (await house.facts(incident_id)).status is Status.RETURNING
        assert (await house.question(incident_id, DecisionKind.STUCK)).task_id == stuck.task_id
        await house.decide(incident_id, DecisionKind.STUCK, "try_again")
        closed = await house.until_closed(incident_id)
    assert closed.outcome is Outcome.RESTORED
    assert await house.steps(incident_id, StepKind.TRACE), "followed after all"


async def test_a_story_that_is_stuck_leaves_the_question_about_the_money_open(house: House) -> None:
    theft = house.steal(9_000)
    incident_id = (await house.raise_quietly(theft)).incident_id
    for part in (Activity.FIND_THEFTS, Activity.PLAN_IDENTITY):
        house.gate.fail(
            part, incident_id, StanchError(ErrorCode.WALLET_REFUSED, "The wallet refused for good.")
        )
    await house.parts.wake.now(incident_id)
    questions = await house.until_rows(
        "SELECT array_agg(id) AS ids, array_agg(action->>'part' ORDER BY action->>'part') AS parts FROM decision_task "
        "WHERE incident_id = :id AND kind = 'stuck' AND closed_at IS NULL HAVING count(*) = 2",
        id=incident_id,
    )
    assert questions[0].parts == ["money", "story"]
    for task_id in questions[0].ids:
        await house.parts.decide.request(task_id, "try_again", "it is mended", by=house.people[Role.AGENT])
    await house.parts.wake.now(incident_id)
    await house.prove_owner(incident_id)
    await house.until_rows(
        "SELECT 1 FROM step WHERE incident_id = :id AND kind = 'trace' AND status = 'done'", id=incident_id
    )


async def test_a_turn_of_the_recovery_that_fails_for_good_is_a_question_and_mends_by_hand_or_by_itself(
    house: House,
) -> None:
    """The wallet refuses its feed for good: no money is followed any more, and somebody must hear of it."""
    with house.rules.changed(recovery={"slow_poll_seconds": 1, "poll_max_seconds": 1}):
        _, incident_id = await stolen(house, 10_000, mules=1)
    await house.until_rows(
        "SELECT 1 FROM step WHERE incident_id = :id AND kind = 'tell_holder'", id=incident_id
    )
    house.sandbox.fault("GET /v1/transfers", "error", count=100_000, status=409)
    (task,) = await house.until_rows(OPEN, id=incident_id)
    (row,) = await house.rows("SELECT kind, action FROM decision_task WHERE id = :id", id=task.id)
    assert (row.action["part"], row.action["code"]) == ("recovery", ErrorCode.WALLET_REFUSED)
    (alert,) = await house.rows("SELECT kind, severity FROM staff_alert WHERE subject = :id", id=task.id)
    assert tuple(alert) == ("stuck", "critical")
    await house.parts.decide.request(task.id, "try_again", "look again", by=house.people[Role.AGENT])
    await house.parts.wake.now(incident_id)
    await until_closed(house, task.id)
    (other,) = await house.until_rows(OPEN, id=incident_id)
    assert other.id != task.id, "it failed once more, so it is asked once more"
    house.sandbox.clear_faults()
    await until_closed(house, other.id)
    (over,) = await house.rows(
        "SELECT reason FROM step WHERE incident_id = :id AND step_key LIKE 'ask/recovery_stuck/%/over'",
        id=incident_id,
    )
    assert over.reason == "try_again: recovered"
    assert (await house.audit(incident_id)).findings == ()
