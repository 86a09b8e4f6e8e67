"""People's choices: rows that bind the exact action, and four eyes that the database itself insists on (DESIGN 7)."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from activities.changes import CloseDecisionTasks, RecordProof
from activities.ending_changes import UseBreakGlass
from models.alone import MAY_BE_ALONE
from models.contracts.alarms import AcceptedAlarm, Sender
from models.errors import ErrorCode, StanchError
from models.ids import new_id
from models.lifecycle import Event
from models.names import DecisionKind, Outcome, Role, StepKind
from tests.sql.ended import closed, lifted
from tests.sql.house import House, now
from use_cases.ports import DecisionView


@pytest.fixture
async def accepted(house: House) -> AcceptedAlarm:
    return await house.frozen(house.trigger())


@pytest.fixture
async def agent(house: House) -> Sender:
    return await house.operator(Role.AGENT)


@pytest.fixture
async def supervisor(house: House) -> Sender:
    return await house.operator(Role.SUPERVISOR)


async def choose(
    house: House, task_id: str, by: Sender, choice: str = "restored", **given: Any
) -> DecisionView:
    values: dict[str, Any] = {
        "at": now(),
        "expires_at": now() + timedelta(hours=1),
        "reason": "she called from work",
    }
    return await house.decisions.request(
        task_id=task_id, request_id=new_id(), choice=choice, by=by, **(values | given)
    )


def request_of(view: DecisionView) -> str:
    return view.requests[-1].request_id


async def refuses(code: ErrorCode, doing: Any) -> None:
    with pytest.raises(StanchError) as refused:
        await doing
    assert refused.value.matches(code), refused.value


async def test_four_eyes_from_the_question_to_the_act(
    house: House, accepted: AcceptedAlarm, agent: Sender, supervisor: Sender
) -> None:
    task_id = await house.ask(accepted, DecisionKind.RETURN_ACCOUNT)
    generation = await house.scalar("SELECT generation FROM hand_over")
    view = await choose(house, task_id, agent)
    assert (view.requests[0].state, view.requests[0].reason) == ("open", "she called from work")
    assert view.requests[0].requested_by == agent.name
    assert (await house.decisions.standing(accepted.incident_id, 1)).standing == ()
    request_id = request_of(view)
    given: dict[str, Any] = {"incident_id": accepted.incident_id, "episode": 1, "choice": "restored"}
    await refuses(ErrorCode.FOUR_EYES, house.decisions.verify(request_id, **given))
    approved = await house.decisions.approve(request_id=request_id, reason="checked", by=supervisor, at=now())
    assert approved.requests[0].state == "approved"
    (standing,) = (await house.decisions.standing(accepted.incident_id, 1)).standing
    assert (standing.requested_by, standing.approved_by) == (agent.operator_id, supervisor.operator_id)
    assert await house.decisions.verify(request_id, **given) == standing
    assert await house.scalar("SELECT generation FROM hand_over") == generation + 2, (
        "each choice wakes the incident"
    )
    for other in ({"episode": 2}, {"choice": "false_alarm"}, {"incident_id": new_id()}):
        await refuses(ErrorCode.REFUSED_BY_RULE, house.decisions.verify(request_id, **(given | other)))
    await house.do(
        accepted.incident_id,
        1,
        "d",
        StepKind.DECISION,
        (CloseDecisionTasks((DecisionKind.RETURN_ACCOUNT,), now()),),
    )
    assert (await house.decisions.standing(accepted.incident_id, 1)).standing == ()
    await refuses(ErrorCode.REFUSED_BY_RULE, house.decisions.verify(request_id, **given))


async def test_nobody_judges_their_own_choice_not_even_in_sql(
    house: House, accepted: AcceptedAlarm, supervisor: Sender
) -> None:
    task_id = await house.ask(accepted, DecisionKind.RETURN_ACCOUNT)
    request_id = request_of(await choose(house, task_id, supervisor))
    await refuses(
        ErrorCode.FOUR_EYES,
        house.decisions.approve(request_id=request_id, reason="me too", by=supervisor, at=now()),
    )
    insert = text(
        "INSERT INTO decision_approval (request_id, requested_by, action_digest, approved_by, approved_role, verdict, "
        "reason, approved_at) SELECT id, :requested_by, :digest, :approved_by, 'supervisor', 'approved', '', now() "
        "FROM decision_request"
    )
    other = await house.operator(Role.SUPERVISOR)
    action = await house.scalar("SELECT action_digest FROM decision_request")
    mine = supervisor.operator_id
    for requested_by, digest, approved_by, constraint in (
        (mine, action, mine, "four_eyes"),
        (other.operator_id, action, mine, "request_id_requested_by"),
        (mine, "0" * 64, other.operator_id, "request_id_requested_by"),
    ):
        with pytest.raises(IntegrityError, match=constraint):
            async with house.engine.begin() as connection:
                await connection.execute(
                    insert, {"requested_by": requested_by, "digest": digest, "approved_by": approved_by}
                )
    assert await house.counts("decision_approval") == {"decision_approval": 0}


async def test_only_the_role_the_question_names_may_judge(
    house: House, accepted: AcceptedAlarm, agent: Sender
) -> None:
    task_id = await house.ask(accepted, DecisionKind.RETURN_ACCOUNT)
    request_id = request_of(await choose(house, task_id, agent))
    for role in (Role.AGENT, Role.AUDITOR):
        other = await house.operator(role)
        judging = house.decisions.approve(request_id=request_id, reason="", by=other, at=now())
        await refuses(ErrorCode.FORBIDDEN, judging)


async def test_of_two_who_choose_at_once_one_stands(house: House, accepted: AcceptedAlarm) -> None:
    task_id = await house.ask(accepted, DecisionKind.RETURN_ACCOUNT)
    people = [await house.operator(Role.AGENT) for _ in range(6)]
    outcomes = await asyncio.gather(*(choose(house, task_id, by) for by in people), return_exceptions=True)
    refusals = [each for each in outcomes if isinstance(each, StanchError)]
    assert [each.code for each in refusals] == [ErrorCode.ALREADY_DECIDED] * 5


async def test_of_two_who_judge_at_once_one_counts(
    house: House, accepted: AcceptedAlarm, agent: Sender
) -> None:
    task_id = await house.ask(accepted, DecisionKind.RETURN_ACCOUNT)
    request_id = request_of(await choose(house, task_id, agent))
    people = [await house.operator(Role.SUPERVISOR) for _ in range(4)]
    outcomes = await asyncio.gather(
        *(house.decisions.approve(request_id=request_id, reason="", by=by, at=now()) for by in people[:2]),
        *(house.decisions.decline(request_id=request_id, reason="", by=by, at=now()) for by in people[2:]),
        return_exceptions=True,
    )
    refusals = [each for each in outcomes if isinstance(each, StanchError)]
    assert [each.code for each in refusals] == [ErrorCode.ALREADY_DECIDED] * 3
    assert await house.counts("decision_approval") == {"decision_approval": 1}


async def test_a_declined_or_withdrawn_choice_opens_the_question_again(
    house: House, accepted: AcceptedAlarm, agent: Sender, supervisor: Sender
) -> None:
    task_id = await house.ask(accepted, DecisionKind.RETURN_ACCOUNT)
    first = request_of(await choose(house, task_id, agent))
    await refuses(ErrorCode.FORBIDDEN, house.decisions.withdraw(request_id=first, by=supervisor, at=now()))
    await house.decisions.decline(request_id=first, reason="not yet", by=supervisor, at=now())
    second = request_of(await choose(house, task_id, agent))
    view = await house.decisions.withdraw(request_id=second, by=agent, at=now())
    assert [each.state for each in view.requests] == ["declined", "withdrawn"]
    for settled in (first, second):
        judging = house.decisions.approve(request_id=settled, reason="", by=supervisor, at=now())
        await refuses(ErrorCode.ALREADY_DECIDED, judging)
    third = await choose(house, task_id, agent, "false_alarm")
    assert third.requests[-1].state == "open"


async def test_an_expired_choice_cannot_be_approved_and_stands_in_nobodys_way(
    house: House, accepted: AcceptedAlarm, agent: Sender, supervisor: Sender
) -> None:
    task_id = await house.ask(accepted, DecisionKind.RETURN_ACCOUNT)
    past = now() - timedelta(seconds=1)
    expired = request_of(await choose(house, task_id, agent, at=past - timedelta(hours=1), expires_at=past))
    judging = house.decisions.approve(request_id=expired, reason="", by=supervisor, at=now())
    await refuses(ErrorCode.REFUSED_BY_RULE, judging)
    assert (await choose(house, task_id, agent)).requests[-1].state == "open"


async def test_what_one_did_alone_is_carried_out_however_late(
    house: House, accepted: AcceptedAlarm, agent: Sender, supervisor: Sender
) -> None:
    """The worker may be down for a day: a choice made alone in time is settled, and neither undone nor asked about."""
    past = now() - timedelta(seconds=1)
    task_id = await house.ask(
        accepted, DecisionKind.UNPROVEN_OWNER, choices=("keep", "released"), expires_at=past
    )
    early = {"at": past - timedelta(hours=1), "expires_at": past}
    request_id = request_of(await choose(house, task_id, supervisor, "keep", **early))
    used = UseBreakGlass(
        request_id, MAY_BE_ALONE, supervisor, "nobody answers", past - timedelta(minutes=1), now()
    )
    await house.do(accepted.incident_id, 1, "alone", StepKind.BREAK_GLASS, (used,))
    assert await house.decisions.escalate(now()) == []
    await refuses(ErrorCode.ALREADY_DECIDED, choose(house, task_id, supervisor, "released"))
    (standing,) = (await house.decisions.standing(accepted.incident_id, 1)).standing
    assert (standing.request_id, standing.approved_by) == (request_id, supervisor.operator_id)


async def test_what_one_did_alone_and_may_not_waits_for_the_second(
    house: House, accepted: AcceptedAlarm, agent: Sender, supervisor: Sender
) -> None:
    """Earlier versions let a supervisor alone end a freeze: the rows of a house that has just been brought up to date."""
    task_id = await house.ask(accepted, DecisionKind.UNPROVEN_OWNER, choices=("keep", "released"))
    request_id = request_of(await choose(house, task_id, agent, "released"))
    far = UseBreakGlass(
        request_id,
        frozenset({(DecisionKind.UNPROVEN_OWNER, "released")}),
        supervisor,
        "at night",
        now(),
        now(),
    )
    await refuses(
        ErrorCode.REFUSED_BY_RULE,
        house.do(accepted.incident_id, 1, "alone", StepKind.BREAK_GLASS, (far,)),
    )
    step = await house.do(accepted.incident_id, 1, "earlier", StepKind.BREAK_GLASS)
    await house.change(
        "INSERT INTO break_glass (request_id, incident_id, step_id, used_by, reason, used_at, review_due_at) "
        "VALUES (:request, :incident, :step, :by, '', now(), now())",
        request=request_id,
        incident=accepted.incident_id,
        step=step.step_id,
        by=supervisor.operator_id,
    )
    given: dict[str, Any] = {"incident_id": accepted.incident_id, "episode": 1, "choice": "released"}
    assert (await house.decisions.standing(accepted.incident_id, 1)).standing == ()
    await refuses(ErrorCode.FOUR_EYES, house.decisions.verify(request_id, **given))
    await house.decisions.approve(request_id=request_id, reason="seen", by=supervisor, at=now())
    (standing,) = (await house.decisions.standing(accepted.incident_id, 1)).standing
    assert (await house.decisions.verify(request_id, **given)) == standing
    assert standing.approved_by == supervisor.operator_id


async def test_where_one_person_may_decide_the_choice_stands_at_once(
    house: House, accepted: AcceptedAlarm, agent: Sender, supervisor: Sender
) -> None:
    task_id = await house.ask(accepted, DecisionKind.RENEW_FREEZE, four_eyes=False, choices=("renew",))
    view = await choose(house, task_id, agent, "renew")
    (standing,) = (await house.decisions.standing(accepted.incident_id, 1)).standing
    assert (standing.choice, standing.approved_by) == ("renew", None)
    judging = house.decisions.approve(request_id=request_of(view), reason="", by=supervisor, at=now())
    await refuses(ErrorCode.ALREADY_DECIDED, judging)


async def test_what_is_not_a_choice_not_a_question_or_closed_is_refused(
    house: House, accepted: AcceptedAlarm, agent: Sender, supervisor: Sender
) -> None:
    task_id = await house.ask(accepted, DecisionKind.RETURN_ACCOUNT)
    await refuses(ErrorCode.INVALID, choose(house, task_id, agent, "impostor"))
    await refuses(ErrorCode.NOT_FOUND, choose(house, new_id(), agent))
    unknown = house.decisions.approve(request_id=new_id(), reason="", by=supervisor, at=now())
    await refuses(ErrorCode.NOT_FOUND, unknown)
    request_id = request_of(await choose(house, task_id, agent))
    await house.do(
        accepted.incident_id,
        1,
        "d",
        StepKind.DECISION,
        (CloseDecisionTasks((DecisionKind.RETURN_ACCOUNT,), now()),),
    )
    await refuses(ErrorCode.ALREADY_DECIDED, choose(house, task_id, agent))
    late = house.decisions.approve(request_id=request_id, reason="", by=supervisor, at=now())
    await refuses(ErrorCode.ALREADY_DECIDED, late)


async def test_a_relapse_closes_the_questions_of_the_episode_before(
    house: House, accepted: AcceptedAlarm, agent: Sender
) -> None:
    task_id = await house.ask(accepted, DecisionKind.END_AS_FALSE_ALARM)
    await choose(house, task_id, agent)
    await house.do(accepted.incident_id, 1, "r", StepKind.RELEASE, lifting=Event.RELEASE_INTENDED)
    await house.accept(house.trigger())
    assert [each.closed_at is None for each in await house.overview.decisions(state=None)] == [False]
    await refuses(ErrorCode.ALREADY_DECIDED, choose(house, task_id, agent))


async def test_questions_about_the_money_outlive_a_relapse_and_a_closing(
    house: House, accepted: AcceptedAlarm, agent: Sender, supervisor: Sender
) -> None:
    """A recovery outlives episodes: an objection that was taken down is decided, whatever becomes of the freeze."""
    objection = await house.ask(accepted, DecisionKind.HOLD_OBJECTION, choices=("keep", "release"))
    renewal = await house.ask(accepted, DecisionKind.RENEW_HOLD, choices=("renew",))
    request_id = request_of(await choose(house, renewal, agent, "renew"))
    await house.decisions.approve(request_id=request_id, reason="ordered", by=supervisor, at=now())
    await house.do(accepted.incident_id, 1, "r", StepKind.RELEASE, lifting=Event.RELEASE_INTENDED)
    again = await house.accept(house.trigger())
    assert again.episode == 2
    await house.take_up(again)
    await lifted(house, again)
    await closed(house, again, Outcome.IMPOSTOR)
    await choose(house, objection, agent, "keep")
    standing = await house.decisions.verify(
        request_id, incident_id=accepted.incident_id, episode=1, choice="renew"
    )
    assert standing.approved_by == supervisor.operator_id


@pytest.mark.parametrize("proven", [False, True])
async def test_what_nobody_decided_about_the_money_ends_with_a_claim_that_is_dropped(
    house: House, accepted: AcceptedAlarm, agent: Sender, supervisor: Sender, *, proven: bool
) -> None:
    undecided = await house.ask(accepted, DecisionKind.HOLD_OBJECTION, choices=("keep", "release"))
    await choose(house, undecided, agent, "keep")
    agreed = await house.ask(accepted, DecisionKind.RELEASE_MULE, choices=("release",))
    request_id = request_of(await choose(house, agreed, agent, "release"))
    await house.decisions.approve(request_id=request_id, reason="not his", by=supervisor, at=now())
    recalls = await house.ask(accepted, DecisionKind.RECOVERY_STUCK, action={"recall_id": "R1", "part": "r"})
    if proven:
        proof = RecordProof(("phone:a", "email:b"), now() - timedelta(days=30), now())
        await house.do(accepted.incident_id, 1, "verify/1", StepKind.VERIFY_IDENTITY, (proof,))
    await lifted(house, accepted)
    await closed(house, accepted, Outcome.RELEASED)
    still = {each.task_id for each in await house.overview.decisions(state=None) if each.closed_at is None}
    assert still == ({undecided, agreed, recalls} if proven else {agreed, recalls})


async def test_an_approval_from_before_a_triggers_alarm_lifts_nothing_after_it(
    house: House, accepted: AcceptedAlarm, agent: Sender, supervisor: Sender
) -> None:
    task_id = await house.ask(accepted, DecisionKind.RETURN_ACCOUNT)
    request_id = request_of(await choose(house, task_id, agent))
    await house.decisions.approve(request_id=request_id, reason="checked", by=supervisor, at=now())
    await house.accept(house.report())
    assert (await house.decisions.standing(accepted.incident_id, 1)).standing, "a report takes nothing back"
    await house.accept(house.trigger())
    assert (await house.decisions.standing(accepted.incident_id, 1)).standing == ()
    given: dict[str, Any] = {"incident_id": accepted.incident_id, "episode": 1, "choice": "restored"}
    await refuses(ErrorCode.REFUSED_BY_RULE, house.decisions.verify(request_id, **given))
    again = request_of(await choose(house, task_id, agent))
    await house.decisions.approve(request_id=again, reason="seen it, too", by=supervisor, at=now())
    (standing,) = (await house.decisions.standing(accepted.incident_id, 1)).standing
    assert standing.request_id == again


async def test_what_protects_stands_whatever_alarm_comes(
    house: House, accepted: AcceptedAlarm, agent: Sender
) -> None:
    given: dict[str, Any] = {"choices": ("renew",), "four_eyes": False}
    await choose(house, await house.ask(accepted, DecisionKind.RENEW_FREEZE, **given), agent, "renew")
    await house.accept(house.trigger())
    assert (await house.decisions.standing(accepted.incident_id, 1)).standing


async def test_questions_are_listed_oldest_first(house: House, accepted: AcceptedAlarm) -> None:
    first = await house.ask(accepted, DecisionKind.STUCK, at=now() - timedelta(minutes=2))
    second = await house.ask(accepted, DecisionKind.RETURN_ACCOUNT)
    await house.do(
        accepted.incident_id, 1, "d", StepKind.DECISION, (CloseDecisionTasks((DecisionKind.STUCK,), now()),)
    )
    listed = {
        state: [each.task_id for each in await house.overview.decisions(state=state)]
        for state in ("open", "closed", None)
    }
    assert listed == {"open": [second], "closed": [first], None: [first, second]}
    assert await house.overview.decisions(state=None, incident_id=new_id()) == []


async def test_a_question_that_nobody_decided_in_time_is_for_supervisors(
    house: House, accepted: AcceptedAlarm, agent: Sender, supervisor: Sender
) -> None:
    overdue = await house.ask(accepted, DecisionKind.UNPROVEN_OWNER, expires_at=now())
    in_time = await house.ask(accepted, DecisionKind.RETURN_ACCOUNT)
    assert await house.decisions.escalate(now()) == [(overdue, DecisionKind.UNPROVEN_OWNER.value)]
    assert await house.decisions.escalate(now()) == [], "once"
    views = {each.task_id: each for each in await house.overview.decisions(state="open")}
    assert views[overdue].escalated_at is not None
    assert views[in_time].escalated_at is None
    await refuses(ErrorCode.FORBIDDEN, choose(house, overdue, agent))
    await choose(house, in_time, agent)
    view = await choose(house, overdue, supervisor)
    await refuses(
        ErrorCode.FOUR_EYES,
        house.decisions.approve(request_id=request_of(view), reason="me again", by=supervisor, at=now()),
    )
    another = await house.operator(Role.SUPERVISOR)
    await house.decisions.approve(request_id=request_of(view), reason="yes", by=another, at=now())


async def test_a_page_below_an_incident_that_is_not_there_is_refused(house: House) -> None:
    await refuses(
        ErrorCode.INVALID, house.overview.incidents(status=None, account_id=None, limit=5, after=new_id())
    )
