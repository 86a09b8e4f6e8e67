"""The stages of a return: a new security change begins them again, and nobody shortens them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from activities.ladder import changed_since
from models.contracts.wallet import AccountState
from models.errors import StanchError
from models.lifecycle import Status
from models.names import DecisionKind, Role, SecurityItem, StepKind
from models.registered import Activity
from tests.incidents.house import LONG, House
from use_cases.decide import RAISED_BY_PEOPLE

LINK = re.compile(r"renew#(\S+)")


def renew_password(house: House, account_id: str) -> None:
    """The owner follows the link that the reset had the wallet send: that is no new change."""
    contacts = house.sandbox.control("GET", f"/people/{account_id}")["contacts"]
    bodies = [message["body"] for value in contacts.values() for message in house.sandbox.outbox(value)]
    token = next(found[1] for body in bodies if (found := LINK.search(body)))
    house.sandbox.customer().ask(
        "POST", "/links/use", {"token": token, "password": "her new one"}
    ).raise_for_status()


async def test_a_change_of_the_owners_begins_the_ladder_again_and_no_decision_shortens_it(
    house: House,
) -> None:
    with house.rules.changed(stage_seconds=LONG):
        theft = house.steal(11_000)
        incident_id = (await house.alarm(theft)).incident_id
    await house.give_back(incident_id)
    await house.until_rows(
        "SELECT 1 FROM step WHERE incident_id = :id AND kind = 'release' AND status = 'done'", id=incident_id
    )
    renew_password(house, theft.account_id)
    house.sandbox.customer().log_in(theft.account_id, "her new one").raise_for_status()
    await house.until_rows(
        "SELECT 1 FROM step WHERE incident_id = :id AND kind = 'restart_ladder'", id=incident_id
    )
    (first,) = await house.steps(incident_id, StepKind.STAGE)
    (again,) = await house.steps(incident_id, StepKind.RESTART_LADDER)
    assert {each["item"] for each in again.result["changed"]} == {"devices"}, "the password was asked for"
    assert "test device" not in str(again.result), "what it is called is personal"
    assert again.result["ends_at"] > first.result["ends_at"]
    limits = house.sandbox.state(theft.account_id)["stage_limits"]
    assert (limits["stage_id"], limits["outgoing_total_blocked"]) == (f"{incident_id}/1/stage", True)
    await house.until_rows(
        "SELECT 1 FROM notice_outbox WHERE incident_id = :id AND template = 'ladder_restarted'",
        id=incident_id,
    )

    asked = []
    for kind, question in RAISED_BY_PEOPLE.items():
        for choice in question.choices:
            try:
                view = await house.parts.decide.ask(
                    incident_id, kind, choice, "be quick", by=house.people[Role.AGENT]
                )
                request_id = view.requests[-1].request_id
                if view.four_eyes:
                    await house.approve(request_id)
                asked.append(kind)
            except StanchError:
                continue
            await house.parts.wake.now(incident_id)
    assert DecisionKind.END_AS_FALSE_ALARM in asked
    with house.gate.hold(Activity.LOAD_INCIDENT, incident_id, after=True) as looked:
        await house.parts.wake.now(incident_id)
        await looked.stands()
    facts = await house.facts(incident_id)
    assert (facts.status, facts.closed_at) == (Status.RETURNING, None)
    assert house.sandbox.state(theft.account_id)["stage_limits"] == limits
    assert len(await house.steps(incident_id, StepKind.STAGE)) == 1
    assert len(await house.steps(incident_id, StepKind.RESTART_LADDER)) == 1
    assert await house.steps(incident_id, StepKind.LIFT_LIMITS) == []


@pytest.mark.fast
def test_what_counts_as_a_change() -> None:
    at = datetime(2026, 3, 1, 10, tzinfo=UTC)
    later = at + timedelta(minutes=1)

    def entry(name: str, **more: object) -> dict[str, object]:
        return {"id": name, "label": name, "set_at": at, "active": True, **more}

    account = AccountState.model_validate(
        {
            "account_id": "acc-1",
            "status": "active",
            "real_name_state": "verified",
            "read_at": later,
            "balances": [],
            "restrictions": [],
            "contact_points": [
                {"id": "old", "kind": "phone", "value": "+861", "set_at": at},
                {"id": "gone", "kind": "phone", "value": "+862", "set_at": at, "removed_at": later},
                {"id": "turned-back", "kind": "email", "value": "a@b", "set_at": at, "changed_at": later},
            ],
            "security": {
                SecurityItem.PASSWORD: [
                    entry("renewed", set_at=later, previous={"label": "must_renew"}),
                    entry("changed", set_at=later),
                ],
                SecurityItem.SESSIONS: [entry("login", set_at=later)],
                SecurityItem.PAYEES: [entry("payee", set_at=later)],
                SecurityItem.LIMITS: [entry("raised", set_at=later), entry("as it was")],
            },
        }
    )
    assert {each.id for each in changed_since(account, at)} == {"changed", "raised", "gone", "turned-back"}
    assert changed_since(account, later) == ()
