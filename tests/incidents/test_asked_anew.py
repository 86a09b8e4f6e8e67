"""Questions about payments that the facts have overtaken: nothing is paid by them, and people are asked anew."""

from __future__ import annotations

import json

from models.names import DecisionKind, StepKind, StepStatus
from models.registered import Activity
from tests.incidents.house import House
from tests.incidents.recovering import (
    choose,
    remedy,
    restored,
    robbed_of_the_same,
    until_closed,
    until_held,
)


async def test_an_older_yes_pays_nothing_once_another_victim_claims_the_money_too(house: House) -> None:
    with house.rules.changed(trace={"rounds": 1}):
        first, second = robbed_of_the_same(house, 60_000)
        first_id = (await house.alarm(first)).incident_id
        await until_held(house, first_id, 60_000)
        await restored(house, first_id)
        asked = await house.question(first_id, DecisionKind.RESTITUTE)
        assert json.loads(asked.action["trace"])["rule"] == "fifo"
        assert len(json.loads(asked.action["trace"])["digest"]) == 64
        assert json.loads(asked.action["range"])["held"]["fifo"] == 60_000
        with house.gate.hold(Activity.RESTITUTE, first_id) as paying:
            await choose(house, asked, "give_back")
            await paying.stands()
            second_id = (await house.alarm(second)).incident_id
            await house.until_rows("SELECT 1 FROM hold_contest WHERE incident_id = :id", id=second_id)
    own = house.sandbox.balance(first.account_id)["balance"]
    anew = await house.question(first_id, DecisionKind.COMPETING_CLAIMS)
    (refused,) = await house.steps(first_id, StepKind.RESTITUTE)
    assert refused.status is StepStatus.REFUSED
    assert house.sandbox.balance(first.account_id)["balance"] == own
    await until_closed(house, asked.task_id)
    assert json.loads(anew.action["claimants"]) == sorted([first_id, second_id])
    assert json.loads(anew.action["waiting"]) == {"pro_rata": {second_id: 30_000}}, "nobody is proven there"
    by_time = {one["incident_id"]: one["amount"] for one in json.loads(anew.action["fifo"])}
    assert by_time == {first_id: 60_000}
    # Nobody has chosen yet when the facts change: the question itself is closed, and put anew.
    await house.prove_owner(second_id)
    await house.parts.wake.now(first_id)
    await until_closed(house, anew.task_id)
    now = await house.question(first_id, DecisionKind.COMPETING_CLAIMS)
    by_loss = {one["incident_id"]: one["amount"] for one in json.loads(now.action["pro_rata"])}
    assert by_loss == {first_id: 30_000, second_id: 30_000}
    await choose(house, now, "fifo")
    await until_closed(house, now.task_id)
    assert house.sandbox.balance(first.account_id)["balance"] == own + 60_000
    cells = await remedy(house, first_id)
    assert (cells.returned, cells.on_hold) == (60_000, 0)
    assert (await house.audit(first_id)).findings == ()
