"""Since when an account is not trusted, as people move it; and what only an unproven report calls stolen."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from models.errors import ErrorCode, StanchError
from models.lifecycle import Status
from models.names import DecisionKind, Role, StepKind
from tests.incidents.house import House
from tests.incidents.recovering import agree, holds, remedy, until_closed, until_held

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


async def test_the_time_moves_later_by_two_people_and_earlier_by_one(house: House) -> None:
    """Her own new phone, bought minutes before the thief came, is taken for the thief's: people know better."""
    victim = house.sandbox.rich_account()
    friend = house.sandbox.customer().sign_up()
    phone = house.sandbox.customer()
    phone.log_in(victim, house.sandbox.control("GET", f"/people/{victim}")["password"]).raise_for_status()
    phone.pay(friend.account_id, 5_000)
    theft = house.sandbox.steal(victim, (20_000, 30_000), mules=1)
    incident_id = (await house.alarm(theft, stolen_transfers=())).incident_id
    await until_held(house, incident_id, 55_000)
    await house.prove_owner(incident_id)
    agent, move = house.people[Role.AGENT], house.parts.recover.compromised_since
    for at in (datetime.now(UTC) + timedelta(hours=1), LONG_AGO.replace(year=1980)):
        with pytest.raises(StanchError) as impossible:
            await move(incident_id, at, "a slip of the pen", by=agent)
        assert impossible.value.code is ErrorCode.INVALID
    proofs = "SELECT step_id FROM proof WHERE incident_id = :id AND voided_at IS NULL"
    standing = await house.rows(proofs, id=incident_id)
    asked = await move(incident_id, theft.compromised_since, "her friend is no mule", by=agent)
    assert (asked.kind, asked.four_eyes) == (DecisionKind.COMPROMISED_LATER, True)
    await house.looked(incident_id)
    known = (await house.facts(incident_id)).compromised_since
    assert known is not None
    assert known < theft.compromised_since, "one person alone moves nothing later"
    await house.approve(asked.requests[-1].request_id)
    await house.parts.wake.now(incident_id)
    await until_closed(house, asked.task_id)
    await until_held(house, incident_id, 50_000)
    assert house.sandbox.balance(friend.account_id)["held"] == 0
    assert await house.rows(proofs, id=incident_id) == standing, "moved later, no proof falls"
    assert (await remedy(house, incident_id)).stolen == 50_000
    (step,) = await house.steps(incident_id, StepKind.COMPROMISE_TIME)
    assert (step.step_key, step.reason) == (f"approval/{asked.requests[-1].request_id}", "compromised_later")
    again = await move(incident_id, theft.compromised_since - timedelta(hours=2), "he saw it later", by=agent)
    assert (again.kind, again.four_eyes) == (DecisionKind.COMPROMISED_EARLIER, False)
    await house.parts.wake.now(incident_id)
    await until_held(house, incident_id, 55_000)
    assert (await house.audit(incident_id)).findings == ()


async def test_what_an_unproven_report_names_is_shown_and_held_only_when_two_confirm_it(house: House) -> None:
    """Otherwise a stranger who reports could have the money of anybody held whom the victim ever paid."""
    victim = house.sandbox.rich_account()
    friends = [house.sandbox.customer().sign_up() for _ in range(2)]
    paid = [house.sandbox.owner(victim).pay(friend.account_id, 6_000)["transfer_id"] for friend in friends]
    theft = house.sandbox.steal(victim, (20_000,), mules=1)
    incident_id = (await house.alarm(theft)).incident_id
    await until_held(house, incident_id, 20_000)
    await house.report(theft, stolen_transfers=tuple(paid))

    async def shown() -> bool:
        view = await house.wiring.overview.incident(incident_id)
        return view is not None and {each.stolen for each in view.claimed.values()} == {12_000}

    await house.until(shown, "what the report names is traced beside")
    view = await house.wiring.overview.incident(incident_id)
    assert view is not None
    assert (view.money["CNY"].stolen, view.claimed["CNY"].held) == (20_000, 12_000)
    assert house.placed_holds(*(friend.account_id for friend in friends)) == {
        friend.account_id: 0 for friend in friends
    }
    agent, ask = house.people[Role.AGENT], house.parts.recover.thefts
    for action, transfer in (("add", paid[0]), ("confirm", theft.transfers[0])):
        with pytest.raises(StanchError) as refused:
            await ask(incident_id, action, [transfer], "he says so", by=agent)
        assert refused.value.code is ErrorCode.REFUSED_BY_RULE
    confirming = ask(incident_id, "confirm", paid[:1], "seen in the log of logins", by=agent)
    assert (await agree(house, confirming)).four_eyes
    await until_held(house, incident_id, 26_000)
    assert {hold.account_id for hold in await holds(house, incident_id)} == {
        theft.mules[0].account_id,
        friends[0].account_id,
    }
    # The owner's proof is the owner's word for what the report had named before.
    await house.prove_owner(incident_id)
    await until_held(house, incident_id, 32_000)
    withdrawing = ask(incident_id, "withdraw", [*paid, *theft.transfers], "all of it was mine", by=agent)
    await until_closed(house, (await agree(house, withdrawing)).task_id)
    await until_held(house, incident_id, 0)
    assert (await remedy(house, incident_id)).stolen == 0
    added = await ask(incident_id, "add", theft.transfers, "but not this one", by=agent)
    assert not added.four_eyes
    await house.parts.wake.now(incident_id)
    await until_held(house, incident_id, 20_000)
    assert (await house.facts(incident_id)).status is not Status.CLOSED
