"""What counts for the band of a question about payments, and which objection keeps a payment back."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from activities.changes import CloseQuestion
from adapters.sql.offers import SqlOffers
from models.contracts.alarms import AcceptedAlarm
from models.ids import new_id
from models.names import DecisionKind, Role, StepKind
from tests.sql.house import House, now


def paying(currency: str, **choices: dict[str, int]) -> dict[str, Any]:
    """A question's action and choices: what each choice pays to which account."""
    texts = {
        choice: json.dumps([{"to_account_id": to, "amount": amount} for to, amount in payments.items()])
        for choice, payments in choices.items()
    }
    most = max(sum(payments.values()) for payments in choices.values())
    return {
        "action": {"subject": "s", "currency": currency, "amount": str(most), **texts},
        "choices": tuple(choices),
    }


async def test_what_one_payee_and_one_incident_are_to_get_adds_up_by_currency(house: House) -> None:
    mine = await house.frozen(house.trigger("acc-1"))
    other = await house.frozen(house.trigger("acc-2"))
    first = await house.ask(mine, DecisionKind.RESTITUTE, **paying("CNY", give_back={"acc-1": 100}))
    await house.ask(mine, DecisionKind.RESTITUTE, **paying("JPY", give_back={"acc-1": 1}))
    shares = paying("CNY", fifo={"acc-2": 60}, pro_rata={"acc-1": 20, "acc-2": 40})
    await house.ask(other, DecisionKind.COMPETING_CLAIMS, **shares)
    # An account whose id begins like another's is another's.
    await house.ask(other, DecisionKind.RESTITUTE, **paying("CNY", give_back={"acc-10": 7}))
    offers = SqlOffers(house.engine)
    so_far = await offers.so_far(mine.incident_id, "CNY", ["acc-1", "acc-2"], but=[])
    assert (so_far.incident, so_far.payees) == (100, {"acc-1": 120, "acc-2": 60}), (
        "each choice is one or the other"
    )
    so_far = await offers.so_far(mine.incident_id, "CNY", ["acc-1"], but=[first])
    assert (so_far.incident, so_far.payees) == (0, {"acc-1": 20})
    await close(house, mine, first)
    so_far = await offers.so_far(mine.incident_id, "CNY", ["acc-1"], but=[])
    assert (so_far.incident, so_far.payees) == (0, {"acc-1": 20}), "a closed question pays nothing any more"
    assert [each.open for each in await offers.questions(mine.incident_id)] == [False, True]


async def test_a_holder_keeps_the_money_back_until_they_were_heard_once(house: House) -> None:
    accepted = await house.frozen(house.trigger())
    agent, supervisor = await house.operator(Role.AGENT), await house.operator(Role.SUPERVISOR)
    offers = SqlOffers(house.engine)

    async def objects() -> str:
        return await house.ask(
            accepted, DecisionKind.HOLD_OBJECTION, action={"subject": "hold-1"}, choices=("keep", "release")
        )

    async def keeps_back() -> bool:
        return (await offers.objections(accepted.incident_id))["hold-1"].keep_back

    assert await offers.objections(accepted.incident_id) == {}
    task_id = await objects()
    assert await keeps_back()
    await close(house, accepted, task_id)
    assert not await keeps_back()
    task_id = await objects()
    assert await keeps_back(), "a question that was closed without an answer heard nobody"
    view = await house.decisions.request(
        task_id=task_id,
        request_id=new_id(),
        choice="keep",
        reason="the car was never his",
        by=agent,
        at=now(),
        expires_at=now() + timedelta(hours=1),
    )
    request_id = view.requests[-1].request_id
    await house.decisions.approve(request_id=request_id, reason="seen", by=supervisor, at=now())
    assert await keeps_back(), "decided, but not carried out yet"
    await close(house, accepted, task_id)
    again = await objects()
    assert not await keeps_back()
    assert (await offers.objections(accepted.incident_id))["hold-1"].task_ids == (again,)


async def close(house: House, accepted: AcceptedAlarm, task_id: str) -> None:
    changes = (CloseQuestion(task_id, now()),)
    await house.do(accepted.incident_id, accepted.episode, f"settle/{task_id}", StepKind.DECISION, changes)
