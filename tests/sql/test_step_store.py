"""One way to record a step: one effect, one row, and a boundary that only the database decides (DESIGN 4 and 5)."""

from __future__ import annotations

import asyncio
import itertools
import json
from datetime import timedelta

import pytest
from sqlalchemy import text

from activities.changes import (
    AcknowledgeAlarm,
    CloseDecisionTasks,
    CloseIncident,
    FrozenNow,
    MoveIncident,
    OpenDecisionTask,
    QueueNotice,
    RecordThefts,
    RenewFreeze,
)
from models.contracts.alarms import AcceptedAlarm
from models.contracts.steps import Origin
from models.digests import canonical, digest
from models.errors import ErrorCode, StanchError
from models.ids import new_id
from models.lifecycle import LIFTED, REPEATABLE, TRANSITIONS, Event, Status
from models.names import (
    DecisionKind,
    Outcome,
    Scope,
    StepKind,
    StepStatus,
)
from tests.sql.house import House, compromised, now, receipt_of


async def test_a_step_is_its_row_its_changes_and_its_leaf_in_one_commit(house: House) -> None:
    accepted = await house.accept(house.trigger())
    origin = Origin(gateway_attempt=new_id())
    attempt = house.freeze_attempt(accepted.incident_id, 1, "acc-1", Scope.FULL, origin=origin)
    await house.steps.begin(attempt)
    step = house.finished(attempt, receipt=receipt_of(attempt))
    recorded = await house.steps.finish(step, (FrozenNow(now()),))
    assert recorded == await house.steps.done(accepted.incident_id, 1, "freeze/full")
    assert (await house.facts(accepted)).status is Status.FROZEN
    leaf = json.loads(
        await house.scalar("SELECT leaf FROM ledger_outbox WHERE step_id = :id", id=recorded.step_id)
    )
    assert leaf["result_digest"] == recorded.result_digest == digest(step.result)
    assert leaf["input_digest"] == digest(step.input)
    assert leaf["receipt_id"] == recorded.receipt_id
    assert canonical(leaf) == await house.scalar("SELECT leaf FROM ledger_outbox")


async def test_a_step_without_its_attempt_cannot_be_recorded(house: House) -> None:
    accepted = await house.accept(house.trigger())
    attempt = house.attempt(accepted.incident_id, 1, "x", StepKind.CATCH_UP)
    with pytest.raises(Exception, match="step_attempt"):
        await house.steps.finish(house.finished(attempt), ())
    assert await house.counts("step") == {"step": 0}


async def test_of_many_attempts_at_once_one_wins_and_all_hear_its_row(house: House) -> None:
    accepted = await house.accept(house.trigger())
    attempts = [house.attempt(accepted.incident_id, 1, "trace/1", StepKind.TRACE) for _ in range(20)]
    for attempt in attempts:
        await house.steps.begin(attempt)
    recorded = await asyncio.gather(
        *(
            house.steps.finish(
                house.finished(attempt, result={"step_key": "trace/1", "n": n}),
                (RecordThefts(((f"t-{n}", "named"),), now()), QueueNotice("told", "sms", {"n": str(n)})),
            )
            for n, attempt in enumerate(attempts)
        )
    )
    assert len({each.step_id for each in recorded}) == 1
    assert len({each.result["n"] for each in recorded}) == 1
    assert await house.counts("step", "ledger_outbox", "theft", "notice_outbox") == {
        "step": 1,
        "ledger_outbox": 1,
        "theft": 1,
        "notice_outbox": 1,
    }
    assert await house.scalar("SELECT transfer_id FROM theft") == f"t-{recorded[0].result['n']}"


async def test_a_refusal_is_evidence_and_no_obstacle(house: House) -> None:
    accepted = await house.accept(house.trigger())
    for _ in range(2):
        await house.do(accepted.incident_id, 1, "freeze/full", StepKind.FREEZE, status=StepStatus.REFUSED)
    assert await house.steps.done(accepted.incident_id, 1, "freeze/full") is None
    done = await house.freeze(accepted)
    assert done.status is StepStatus.DONE
    await house.do(accepted.incident_id, 1, "freeze/full", StepKind.FREEZE, status=StepStatus.REFUSED)
    assert await house.counts("step", "ledger_outbox") == {"step": 4, "ledger_outbox": 4}


async def test_a_recording_repeated_after_a_lost_answer_is_the_same_row(house: House) -> None:
    accepted = await house.accept(house.trigger())
    for status in (StepStatus.REFUSED, StepStatus.DONE):
        attempt = house.attempt(accepted.incident_id, 1, "freeze/full", StepKind.FREEZE)
        await house.steps.begin(attempt)
        step = house.finished(attempt, status=status)
        first = await house.steps.finish(step, ())
        again = await house.steps.finish(step, ())
        assert first.step_id == again.step_id
    assert await house.counts("step") == {"step": 2}


async def test_different_steps_of_one_incident_at_once_do_not_wait_for_each_other_for_ever(
    house: House,
) -> None:
    """Each inserts a row that refers to the incident and then changes the incident: no deadlock."""
    accepted = await house.frozen(house.trigger())
    await house.do(
        accepted.incident_id, 1, "v", StepKind.VERIFY_IDENTITY, (MoveIncident(Event.IDENTITY_PROVEN),)
    )
    for round_number in range(5):
        recorded = await asyncio.gather(
            *(
                house.do(
                    accepted.incident_id,
                    1,
                    f"v/{round_number}/{n}",
                    StepKind.VERIFY_IDENTITY,
                    (MoveIncident(Event.IDENTITY_PROVEN),),
                )
                for n in range(8)
            )
        )
        assert len(recorded) == 8


async def test_an_alarm_and_a_step_that_moves_the_incident_at_once_both_get_through(house: House) -> None:
    accepted = await house.frozen(house.trigger())
    answers = await asyncio.gather(
        *(house.accept(house.trigger()) for _ in range(20)),
        *(
            house.do(accepted.incident_id, 1, f"m/{n}", StepKind.ALARM, (MoveIncident(Event.FREEZE_DONE),))
            for n in range(20)
        ),
    )
    assert len(answers) == 40


async def test_a_refused_freeze_and_the_taking_up_of_its_alarm_at_once_do_not_deadlock(house: House) -> None:
    for number in range(20):
        accepted = await house.accept(house.trigger(f"acc-{number}"))
        ending = CloseIncident(Outcome.NOT_FROZEN, now(), {"reason": "account_unknown"}, forced=True)
        outcomes = await asyncio.gather(
            house.do(
                accepted.incident_id, 1, "freeze/full", StepKind.FREEZE, (ending,), status=StepStatus.REFUSED
            ),
            house.take_up(accepted, compromised(now())),
            return_exceptions=True,
        )
        assert not [each for each in outcomes if isinstance(each, BaseException)]
        assert (await house.facts(accepted)).status is Status.CLOSED


# ---------------------------------------------------------------- the lifecycle table
async def test_a_freeze_moves_the_incident_as_the_table_says_whoever_did_it(house: House) -> None:
    by_gateway = Origin(gateway_attempt=new_id())
    by_workflow = Origin(workflow_id="incident:x", run_id="r", activity_id="1")
    for status, origin in itertools.product(set(Status) - {Status.CLOSED}, (by_gateway, by_workflow)):
        accepted = await house.accept(house.trigger(f"acc-{status}-{origin.workflow_id is None}"))
        await house.do(
            accepted.incident_id,
            1,
            "ask/1",
            StepKind.ASK_DECISION,
            (question(DecisionKind.FREEZE_ON_REPORT),),
        )
        await put(house, accepted, status)
        at = now()
        changes = (FrozenNow(at), CloseDecisionTasks((DecisionKind.FREEZE_ON_REPORT,), at))
        recorded = await house.freeze(accepted, origin=origin, changes=changes)
        assert recorded.status is StepStatus.DONE, "what was done is never unrecorded"
        facts = await house.facts(accepted)
        assert facts.status is TRANSITIONS.get((status, Event.FREEZE_DONE), status)
        assert facts.frozen_at == at
        if status not in LIFTED:
            assert (status, Event.FREEZE_DONE) in REPEATABLE or facts.status is not status
        again = await house.freeze(accepted, origin=origin, changes=(FrozenNow(now()), *changes[1:]))
        assert again.step_id == recorded.step_id
        assert (await house.facts(accepted)).frozen_at == at
    assert await house.scalar("SELECT count(*) FROM decision_task WHERE closed_at IS NULL") == 0
    steps = 4 * (len(Status) - 1)
    assert await house.counts("step", "ledger_outbox") == {"step": steps, "ledger_outbox": steps}


async def test_a_move_is_the_tables_or_nothing(house: House) -> None:
    events = (Event.IDENTITY_PROVEN, Event.PROOF_VOIDED, Event.IMPOSTOR_FOUND, Event.RESET_COMPLETE)
    for status, event in itertools.product(Status, events):
        accepted = await house.accept(house.trigger(f"acc-{status}-{event}"))
        await put(house, accepted, status)
        allowed = TRANSITIONS.get((status, event), status if (status, event) in REPEATABLE else None)
        moving = house.do(accepted.incident_id, 1, "m", StepKind.ALARM, (MoveIncident(event),))
        if allowed is None:
            with pytest.raises(StanchError) as refused:
                await moving
            assert refused.value.matches(ErrorCode.ILLEGAL_MOVE)
        else:
            await moving
        recorded = await house.steps.done(accepted.incident_id, 1, "m")
        assert (recorded is None) == (allowed is None)
        assert (await house.facts(accepted)).status is (allowed or status)


async def test_a_step_of_an_episode_that_is_over_moves_nothing_in_the_next(house: House) -> None:
    first = await house.frozen(house.trigger())
    await house.do(first.incident_id, 1, "release", StepKind.RELEASE, lifting=Event.RELEASE_INTENDED)
    second = await house.accept(house.trigger())
    assert second.episode == 2
    with pytest.raises(StanchError) as refused:
        await house.do(
            first.incident_id, 1, "v", StepKind.VERIFY_IDENTITY, (MoveIncident(Event.IDENTITY_PROVEN),)
        )
    assert refused.value.matches(ErrorCode.ILLEGAL_MOVE)
    late = await house.do(first.incident_id, 1, "freeze/outgoing", StepKind.FREEZE, (FrozenNow(now()),))
    assert late.episode == 1
    facts = await house.facts(second)
    assert (facts.status, facts.frozen_at) == (Status.OPENED, None)


async def test_frozen_at_is_the_first_freeze_of_the_episode(house: House) -> None:
    accepted = await house.accept(house.report())
    await house.freeze(accepted)
    first = (await house.facts(accepted)).frozen_at
    widened = await house.accept(house.trigger())
    await house.freeze(widened)
    assert (await house.facts(accepted)).frozen_at == first


# ---------------------------------------------------------------- lifting and closing
async def test_closing_refuses_while_an_alarm_waits(house: House) -> None:
    accepted = await house.frozen(house.trigger())
    await house.do(accepted.incident_id, 1, "r", StepKind.RELEASE, lifting=Event.RELEASE_INTENDED)
    waiting = await house.accept(house.trigger())
    for episode in (1, 2):
        with pytest.raises(StanchError) as refused:
            await house.do(
                accepted.incident_id,
                episode,
                "close",
                StepKind.CLOSE,
                (CloseIncident(Outcome.FALSE_ALARM, now(), {}),),
            )
        assert refused.value.code in {ErrorCode.ALARM_WAITING, ErrorCode.ILLEGAL_MOVE}
    assert (await house.facts(waiting)).closed_at is None


async def test_a_refused_freeze_closes_the_incident_and_takes_its_alarms_with_it(house: House) -> None:
    accepted = await house.accept(house.trigger())
    await house.accept(house.report())
    ending = CloseIncident(Outcome.NOT_FROZEN, now(), {"reason": "account_unknown"}, forced=True)
    await house.do(
        accepted.incident_id, 1, "freeze/full", StepKind.FREEZE, (ending,), status=StepStatus.REFUSED
    )
    facts = await house.facts(accepted)
    assert (facts.status, facts.outcome, facts.unacknowledged) == (Status.CLOSED, Outcome.NOT_FROZEN, ())


async def test_a_refused_narrow_freeze_does_not_close_an_incident_that_was_asked_to_freeze_fully(
    house: House,
) -> None:
    report = await house.accept(house.report())
    trigger = await house.accept(house.trigger())
    ending = CloseIncident(Outcome.NOT_FROZEN, now(), {"reason": "wallet_refused"}, forced=True)
    refused = await house.do(
        report.incident_id, 1, "freeze/outgoing", StepKind.FREEZE, (ending,), status=StepStatus.REFUSED
    )
    assert refused.status is StepStatus.REFUSED
    facts = await house.facts(trigger)
    assert facts.closed_at is None
    assert len(facts.unacknowledged) == 2


async def test_a_late_refusal_is_recorded_and_ends_nothing_that_is_frozen(house: House) -> None:
    ending = CloseIncident(Outcome.NOT_FROZEN, now(), {"reason": "wallet_refused"}, forced=True)
    for status in (Status.FROZEN, Status.VERIFIED, Status.RELEASING, Status.RETURNING):
        accepted = await house.accept(house.trigger(f"acc-{status}"))
        await put(house, accepted, status)
        refused = await house.do(
            accepted.incident_id, 1, "freeze/full", StepKind.FREEZE, (ending,), status=StepStatus.REFUSED
        )
        assert refused.status is StepStatus.REFUSED
        facts = await house.facts(accepted)
        assert (facts.status, facts.closed_at) == (status, None)
        assert facts.unacknowledged == (accepted.alarm_id,)


# ---------------------------------------------------------------- other changes
async def test_questions_open_close_and_bind_their_action(house: House) -> None:
    accepted = await house.frozen(house.trigger())
    task = question(DecisionKind.RETURN_ACCOUNT)
    await house.do(accepted.incident_id, 1, "ask/1", StepKind.ASK_DECISION, (task,))
    assert await house.scalar("SELECT count(*) FROM decision_task WHERE closed_at IS NULL") == 1
    other = CloseDecisionTasks((DecisionKind.STUCK,), now())
    await house.do(accepted.incident_id, 1, "d/1", StepKind.DECISION, (other,))
    assert await house.scalar("SELECT count(*) FROM decision_task WHERE closed_at IS NULL") == 1
    await house.do(
        accepted.incident_id,
        1,
        "d/2",
        StepKind.DECISION,
        (CloseDecisionTasks((task.kind,), now()), RenewFreeze()),
    )
    assert await house.scalar("SELECT count(*) FROM decision_task WHERE closed_at IS NULL") == 0
    assert (await house.facts(accepted)).renewals == 1


async def test_an_alarm_is_acknowledged_with_its_effect_or_not_at_all(house: House) -> None:
    accepted = await house.accept(house.trigger(stolen_transfers=("t-1", "t-2")))
    acknowledged = AcknowledgeAlarm(accepted.alarm_id, now())
    with pytest.raises(StanchError):
        await house.do(
            accepted.incident_id, 1, "a", StepKind.ALARM, (acknowledged, MoveIncident(Event.RESET_COMPLETE))
        )
    assert (await house.facts(accepted)).unacknowledged == (accepted.alarm_id,)
    thefts = RecordThefts((("t-1", "named"), ("t-2", "named")), now())
    await house.take_up(accepted, thefts, thefts)
    assert (await house.facts(accepted)).unacknowledged == ()
    assert await house.counts("theft") == {"theft": 2}
    words = await house.incidents.theft_words(accepted.incident_id)
    assert (words.named, words.claimed) == (("t-1", "t-2"), ())


async def test_a_notice_is_sealed(house: House) -> None:
    accepted = await house.accept(house.trigger())
    await house.do(
        accepted.incident_id, 1, "n", StepKind.STAGE, (QueueNotice("stage", "sms", {"name": "Ada Lovelace"}),)
    )
    assert b"Ada" not in await house.scalar("SELECT body FROM notice_outbox")


async def test_a_workflows_freeze_is_timed_from_the_alarms_receipt(house: House) -> None:
    accepted = await house.accept(house.trigger(), at=now() - timedelta(seconds=30))
    recorded = await house.freeze(accepted)
    again = await house.steps.done(accepted.incident_id, 1, "freeze/full")
    assert again is not None
    assert again.step_id == recorded.step_id
    assert again.wallet_ack_ms is not None
    assert 30_000 <= again.wallet_ack_ms < 40_000
    assert again.committed_ms is not None
    assert again.wallet_ack_ms <= again.committed_ms < 40_000


async def put(house: House, accepted: AcceptedAlarm, status: Status) -> None:
    async with house.engine.begin() as connection:
        await connection.execute(
            text("UPDATE incident SET status = :status WHERE id = :id"),
            {"status": status.value, "id": accepted.incident_id},
        )


def question(kind: DecisionKind) -> OpenDecisionTask:
    return OpenDecisionTask(
        task_id=new_id(),
        task_key="ask/1",
        kind=kind,
        action={"account_id": "acc-1", "episode": "1"},
        choices=("restored",),
        four_eyes=True,
        approver_role="supervisor",
        at=now(),
        expires_at=now() + timedelta(hours=1),
    )
