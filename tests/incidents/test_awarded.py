"""What a decision pays to another owner is theirs, and what a hold has not paid yet stays held: one more turn after each payment."""

from __future__ import annotations

import json

from models.lifecycle import Status
from models.names import DecisionKind, Outcome
from models.registered import Activity
from tests.incidents.house import House
from tests.incidents.recovering import choose, holds, remedy, restored, until_closed, until_held
from tests.incidents.test_ladder import renew_password
from use_cases.ports import DecisionView


async def test_what_two_victims_are_paid_from_one_hold_is_pursued_no_more_and_the_rest_stays_held(
    house: House,
) -> None:
    second_victim = house.sandbox.rich_account()
    owner = house.sandbox.owner(second_victim)
    for balance in house.sandbox.state(second_victim)["balances"]:
        if balance["currency"] == "CNY":
            owner.pay("mer-001", balance["available"])
    with house.rules.changed(trace={"rounds": 1, "rule": "fifo"}):
        first = house.steal(60_000, mules=1)
        first.mules[0].pay(second_victim, 60_000)
        second = house.sandbox.steal(second_victim, (60_000,), mules=1)
        first_id = (await house.alarm(first)).incident_id
        await until_held(house, first_id, 60_000)
        second_id = (await house.alarm(second)).incident_id
        await house.until_rows("SELECT 1 FROM hold_contest WHERE incident_id = :id", id=second_id)
    await restored(house, first_id)
    asked = await house.question(first_id, DecisionKind.COMPETING_CLAIMS)
    own = house.sandbox.balance(first.account_id)["balance"]
    await choose(house, asked, "pro_rata")
    await until_closed(house, asked.task_id)

    # The second victim is not proven yet: the hold keeps the rest, as the units it is, whatever is traced meanwhile.
    assert house.sandbox.balance(first.account_id)["balance"] == own + 30_000
    await _traced_anew(house, first_id, returned=30_000, awarded=0)
    await _looked(house, first_id)
    (hold,) = await holds(house, first_id, None)
    assert (hold.state, hold.amount, hold.returned) == ("placed", 30_000, 30_000)
    cells = await remedy(house, first_id)
    assert (cells.returned, cells.on_hold, cells.at_large, cells.lost) == (30_000, 30_000, 0, 0)
    assert house.placed_holds(hold.account_id) == {hold.account_id: 30_000}

    await house.prove_owner(second_id)
    before = house.sandbox.balance(second_victim)["balance"]
    rest = await _offered(house, first_id, to=second_id)
    shares = {one["incident_id"]: one["amount"] for one in json.loads(rest.action["pro_rata"])}
    theirs = shares[second_id]
    assert sum(shares.values()) == 30_000
    await choose(house, rest, "pro_rata")
    await until_closed(house, rest.task_id)
    assert house.sandbox.balance(second_victim)["balance"] == before + theirs
    await house.question(second_id, DecisionKind.RETURN_ACCOUNT)
    await house.decide(second_id, DecisionKind.RETURN_ACCOUNT, Outcome.RESTORED.value)
    await house.until_status(second_id, Status.CLOSED)
    renew_password(house, second_victim)
    owner = house.sandbox.customer()
    owner.log_in(second_victim, "her new one").raise_for_status()
    owner.pay("exit-bank-01", theirs - 5_000)  # it is theirs: nobody holds the rest or asks the bank for this
    await _over(house, first_id, returned=60_000 - theirs, awarded=theirs)
    await _over(house, second_id, returned=theirs, awarded=60_000 - theirs)
    assert (await house.parts.account_by_remedy.in_total()).currencies["CNY"].lost >= 60_000

    # A trace of before awards were told apart is made anew, over the index as it is now.
    await house.change("UPDATE transfer_feed SET generation = generation + 1")
    await house.change(
        "INSERT INTO trace_edge (trail_id, seq, transfer_id, src, dst, dst_kind, src_lo, src_hi, dst_lo, hop) "
        "SELECT e.trail_id, e.seq, e.transfer_id, e.src, e.dst, 'wallet', e.src_lo - 1, e.src_hi, e.dst_lo, e.hop "
        "FROM trace_edge AS e JOIN trace_run AS r ON r.trail_id = e.trail_id "
        "JOIN standing_trace AS s ON s.trace_id = r.trace_id WHERE s.incident_id = :id AND e.dst_kind = 'awarded'",
        id=second_id,
    )
    assert await house.wiring.recoveries.stale(second_id)
    assert not await house.wiring.recoveries.stale(first_id)


async def _offered(house: House, incident_id: str, *, to: str) -> DecisionView:
    """The open question of which a choice in proportion pays this claimant."""
    found: list[DecisionView] = []

    async def there() -> bool:
        await house.wiring.incidents.ask_again(incident_id)
        await house.parts.wake.now(incident_id)
        found[:] = [
            each
            for each in await house.wiring.overview.decisions(state="open", incident_id=incident_id)
            if each.kind is DecisionKind.COMPETING_CLAIMS and to in each.action.get("pro_rata", "")
        ]
        return bool(found)

    await house.until(there, "a question about the rest")
    return found[0]


async def _traced_anew(house: House, incident_id: str, *, returned: int, awarded: int) -> None:
    """Wait until the trace sees what was paid, and is not to be made anew."""

    async def traced() -> bool:
        (money,) = await house.wiring.recoveries.traced(incident_id)
        stale = await house.wiring.recoveries.stale(incident_id)
        return (money.flow.returned, money.awarded, stale) == (returned, awarded, False)

    await house.wiring.incidents.ask_again(incident_id)
    await house.parts.wake.now(incident_id)
    await house.until(traced, "a trace that sees what was paid")


async def _looked(house: House, incident_id: str) -> None:
    """Wait until a turn of the recovery has looked at the money, and the next one finds what followed from that."""
    for _ in range(2):
        await house.wiring.incidents.ask_again(incident_id)
        with house.gate.hold(Activity.LOOK_AT_MONEY, incident_id, after=True) as looked:
            await house.parts.wake.now(incident_id)
            await looked.stands()


async def _over(house: House, incident_id: str, *, returned: int, awarded: int) -> None:
    """Wait until nothing is left to pursue: nothing is held or recalled, and every unit is told where it is."""
    await _traced_anew(house, incident_id, returned=returned, awarded=awarded)
    assert (await house.recovered(incident_id)).ending == "nothing_left"
    cells = await remedy(house, incident_id)
    assert (cells.stolen, cells.returned, cells.lost) == (60_000, returned, awarded)
    assert (cells.on_hold, cells.recall_pending, cells.recalled, cells.at_large) == (0, 0, 0, 0)
    assert await holds(house, incident_id) == []
    assert await house.rows("SELECT 1 FROM recall WHERE incident_id = :id", id=incident_id) == []
