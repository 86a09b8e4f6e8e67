"""A supervisor alone: only what the policy names and leaves protection up, recorded as what it is, and judged by another."""

from __future__ import annotations

from datetime import timedelta

import pytest

from models.contracts.policy import AloneChoice
from models.errors import ErrorCode, StanchError
from models.names import DecisionKind, Outcome, Role, StepKind
from tests.incidents.house import House
from tests.incidents.recovering import closing_fields


async def test_one_supervisor_alone_is_loud_and_judged_by_another(house: House) -> None:
    theft = house.steal(11_000, mules=1)
    incident_id = (await house.alarm(theft)).incident_id
    await house.both_codes(incident_id)
    alone, agent = house.people[Role.SUPERVISOR], house.people[Role.AGENT]
    glass = house.parts.break_the_glass
    not_named = await house.request(incident_id, DecisionKind.END_AS_IMPOSTOR, Outcome.IMPOSTOR.value)
    with pytest.raises(StanchError) as by_rule:
        await glass.use(not_named, "nobody answers", by=alone)
    assert by_rule.value.code is ErrorCode.REFUSED_BY_RULE
    lifting = await house.request(incident_id, DecisionKind.UNPROVEN_OWNER, Outcome.RELEASED.value)
    with pytest.raises(StanchError) as by_choice:
        await glass.use(lifting, "nobody answers", by=alone)
    assert by_choice.value.code is ErrorCode.REFUSED_BY_RULE
    far = AloneChoice(kind=DecisionKind.UNPROVEN_OWNER, choice=Outcome.RELEASED.value)
    with (
        house.rules.changed(approval={"break_glass": (far,)}),
        pytest.raises(StanchError) as whatever_rules_say,
    ):
        await glass.use(lifting, "nobody answers", by=alone)
    assert whatever_rules_say.value.code is ErrorCode.REFUSED_BY_RULE
    await house.parts.decide.withdraw(lifting, by=agent)
    request_id = await house.request(incident_id, DecisionKind.UNPROVEN_OWNER, "keep")
    with pytest.raises(StanchError) as by_agent:
        await glass.use(request_id, "nobody answers", by=agent)
    assert by_agent.value.code is ErrorCode.FORBIDDEN
    assert await house.steps(incident_id, StepKind.BREAK_GLASS) == []
    assert house.standing(theft.account_id), "nothing was lifted on one person's word"

    with house.rules.changed(approval={"review_seconds": 0}):
        used = await glass.use(request_id, "nobody answers", by=alone)
    await house.parts.wake.now(incident_id)
    await house.until_rows(
        "SELECT 1 FROM step WHERE incident_id = :id AND step_key = :key AND status = 'done'",
        id=incident_id,
        key=f"approval/{request_id}",
    )
    assert house.standing(theft.account_id), "what one did alone leaves protection up"
    await house.request_and_approve(incident_id, DecisionKind.UNPROVEN_OWNER, Outcome.RELEASED.value)
    await house.parts.wake.now(incident_id)
    assert (await house.until_closed(incident_id)).outcome is Outcome.RELEASED
    assert set(await closing_fields(house, incident_id)) == {"outcome", "rating"}, (
        "nobody is proven: no figures"
    )
    (step,) = await house.steps(incident_id, StepKind.BREAK_GLASS)
    assert (step.role, step.reason) == (alone.name, "one supervisor alone")
    assert (used.verdict, used.reason) == (None, "nobody answers")
    assert request_id in {each.request_id for each in await glass.listed(reviewed=False)}
    assert request_id in {each.request_id for each in await glass.overdue()}
    await house.wiring.staff_alerts.watch(
        timedelta(hours=1), hold_warning=timedelta(0), mule_review=timedelta(days=7)
    )
    alerts = await house.rows(
        "SELECT kind, severity, detail FROM staff_alert WHERE subject = :id ORDER BY raised_at", id=request_id
    )
    assert [tuple(alert) for alert in alerts] == [
        ("break_glass_used", "critical", DecisionKind.UNPROVEN_OWNER.value),
        ("break_glass_unreviewed", "critical", ""),
    ]
    with pytest.raises(StanchError) as own:
        await glass.review(request_id, "justified", "it was night", by=alone)
    assert own.value.code is ErrorCode.FOUR_EYES
    judged = await glass.review(
        request_id, "not_justified", "she was at her desk", by=house.others[Role.SUPERVISOR]
    )
    assert (judged.verdict, judged.review_reason) == ("not_justified", "she was at her desk")
    with pytest.raises(StanchError) as again:
        await glass.review(request_id, "justified", "well", by=house.others[Role.SUPERVISOR])
    assert again.value.code is ErrorCode.ALREADY_DECIDED
    assert (await house.audit(incident_id)).findings == ()
