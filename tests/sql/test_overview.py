"""What people read of incidents, who they are, and where records and wallet differ."""

from __future__ import annotations

from datetime import timedelta

import pytest

from activities.changes import CloseIncident
from adapters.sql.operators import SqlFreezeClock
from cli.doctor.database import examine_database
from cli.doctor.findings import State
from models.contracts.alarms import FreezeTimes
from models.contracts.steps import Origin
from models.errors import ErrorCode, StanchError
from models.ids import new_id
from models.lifecycle import Event, Status
from models.names import DecisionKind, Outcome, Role, SecurityItem, StepKind, StepStatus
from tests.sql.house import House, now
from use_cases.sweep import DiscrepancyKind, Finding


async def test_an_incident_shows_everything_an_agent_needs(house: House) -> None:
    accepted = await house.frozen(house.trigger(stolen_transfers=("t-1",)))
    await house.ready_to_return(accepted)
    await house.ask(accepted, DecisionKind.RETURN_ACCOUNT)
    await house.do(accepted.incident_id, 1, "x", StepKind.RELEASE, status=StepStatus.REFUSED)
    view = await house.overview.incident(accepted.incident_id)
    assert view is not None
    assert view.facts == await house.facts(accepted)
    assert [(each["alarm_id"], each["taken_up"]) for each in view.alarms] == [(accepted.alarm_id, True)]
    assert view.identity["verified"] is True
    assert view.identity["factors"] == ["phone:a", "email:b"]
    assert set(view.security_items) == set(SecurityItem)
    assert [each["kind"] for each in view.decisions] == ["return_account"]
    assert view.refreezes == 0
    assert view.summary is None
    assert (
        view.steps.total
        == sum(view.steps.by_kind.values())
        == len(await house.overview.steps(accepted.incident_id))
    )
    assert view.steps.by_kind["reset_item"] == 12
    assert view.time_to_freeze_ms is not None
    assert await house.overview.incident(new_id()) is None
    assert await house.overview.steps(new_id()) == []


async def test_the_gateways_measured_intervals_are_what_is_shown(house: House) -> None:
    accepted = await house.accept(house.trigger())
    recorded = await house.freeze(accepted, origin=Origin(gateway_attempt=new_id()))
    clock = SqlFreezeClock(house.engine)
    await clock.record(recorded.step_id, FreezeTimes(wallet_ack=7, committed=9))
    await clock.record(recorded.step_id, FreezeTimes(wallet_ack=70, committed=90))
    view = await house.overview.incident(accepted.incident_id)
    assert view is not None
    assert view.time_to_freeze_ms == {"wallet_ack": 7, "committed": 9}
    stored = await house.steps.done(accepted.incident_id, 1, "freeze/full")
    assert stored is not None
    assert (stored.wallet_ack_ms, stored.committed_ms) == (7, 9)


async def test_steps_come_in_the_order_of_their_recording_refusals_included(house: House) -> None:
    accepted = await house.accept(house.trigger())
    for key in ("c", "a", "b"):
        await house.do(accepted.incident_id, 1, key, StepKind.TRACE, status=StepStatus.REFUSED)
        await house.do(accepted.incident_id, 1, key, StepKind.TRACE)
    steps = await house.overview.steps(accepted.incident_id)
    assert [(each.step_key, each.status.value) for each in steps] == [
        (key, status) for key in ("c", "a", "b") for status in ("refused", "done")
    ]


async def test_pages_of_incidents_newest_first(house: House) -> None:
    made = [
        await house.accept(house.trigger(f"acc-{number}"), at=now() + timedelta(seconds=number // 2))
        for number in range(7)
    ]
    expected = [
        each.incident_id for each in sorted(made, key=lambda each: (each.received_at, each.incident_id))
    ]
    expected.reverse()
    seen: list[str] = []
    after = None
    while True:
        page = await house.overview.incidents(status=None, account_id=None, limit=3, after=after)
        seen += [each.incident_id for each in page.incidents]
        after = page.next
        if after is None:
            break
    assert seen == expected
    await house.freeze(made[0])
    frozen = await house.overview.incidents(status=Status.FROZEN, account_id=None, limit=10, after=None)
    assert [each.incident_id for each in frozen.incidents] == [made[0].incident_id]
    of_account = await house.overview.incidents(status=None, account_id="acc-3", limit=10, after=None)
    assert [each.unacknowledged for each in of_account.incidents] == [(made[3].alarm_id,)]
    assert (await house.overview.incidents(status=None, account_id="x", limit=1, after=None)).next is None


async def test_an_operator_is_found_by_credential_and_named_once(house: House) -> None:
    sender = await house.operator(Role.SUPERVISOR)
    digest = await house.scalar("SELECT credential_digest FROM operator")
    assert await house.operators.by_credential(digest) == sender
    assert await house.operators.by_credential("0" * 64) is None
    with pytest.raises(StanchError) as refused:
        await house.operators.create(
            operator_id=new_id(), name=sender.name, role=Role.AGENT, digest="1" * 64, at=now()
        )
    assert refused.value.matches(ErrorCode.REFUSED_BY_RULE)
    assert await house.counts("operator") == {"operator": 1}


async def test_what_should_stand_at_the_wallet(house: House) -> None:
    frozen = await house.frozen(house.trigger("acc-1"))
    await house.accept(house.trigger("acc-2"))
    both = await house.frozen(house.report("acc-3"))
    await house.freeze(await house.accept(house.trigger("acc-3")))
    lifted = await house.frozen(house.trigger("acc-4"))
    await house.do(lifted.incident_id, 1, "r", StepKind.RELEASE, lifting=Event.RELEASE_INTENDED)
    assert await house.expectations.restrictions() == {
        f"{frozen.incident_id}/1/full": "acc-1",
        f"{both.incident_id}/1/outgoing": "acc-3",
        f"{both.incident_id}/1/full": "acc-3",
    }
    ending = CloseIncident(Outcome.FALSE_ALARM, now(), {})
    await house.do(lifted.incident_id, 1, "close", StepKind.CLOSE, (ending,))
    assert len(await house.expectations.restrictions()) == 3


async def test_a_discrepancy_stands_until_it_is_gone(house: House) -> None:
    missing = Finding(kind=DiscrepancyKind.HOLD_MISSING, subject="hold-1", account_id="mule-1")
    unknown = Finding(
        kind=DiscrepancyKind.RESTRICTION_UNKNOWN, subject=f"{new_id()}/1/full", account_id="acc-1"
    )
    open_ones = "SELECT kind FROM discrepancy WHERE resolved_at IS NULL ORDER BY kind"
    for findings, count in (
        ([missing, unknown], 2),
        ([missing], 2),
        ([missing, missing], 2),
        ([], 2),
        ([missing], 3),
    ):
        await house.expectations.raise_findings(findings, now())
        assert [row.kind for row in await house.rows(open_ones)] == sorted(
            {each.kind.value for each in findings}
        )
        assert await house.counts("discrepancy") == {"discrepancy": count}


async def test_doctor_shows_a_discrepancy_until_it_is_gone(house: House) -> None:
    """It would otherwise lie in a table that nobody looks at."""
    lost = Finding(kind=DiscrepancyKind.RESTRICTION_MISSING, subject=f"{new_id()}/1/full", account_id="acc-1")
    for findings, state in (([lost], State.ATTENTION), ([], State.GOOD)):
        await house.expectations.raise_findings(findings, now())
        (found,) = [each for each in await examine_database(house.url) if each.name == "records and wallet"]
        assert found.state is state
        assert (lost.subject in found.seen) is bool(findings)
