"""Claims on stolen units: no two active ones overlap, whoever asks at once (DESIGN 8)."""

from __future__ import annotations

import asyncio
import itertools
from datetime import timedelta

import pytest

from activities.changes import HoldEnded, HoldPlaced
from models.contracts.alarms import AcceptedAlarm
from models.contracts.transfers import TaintedLot
from models.ids import new_id
from models.names import StepKind
from tests.sql.house import House, now


def lot(lo: int, hi: int, account: str = "mule-1", currency: str = "EUR") -> TaintedLot:
    return TaintedLot(account_id=account, currency=currency, lo=lo, hi=hi, hop=1, last_seq=9)


@pytest.fixture
async def accepted(house: House) -> AcceptedAlarm:
    return await house.frozen(house.trigger())


async def claim(house: House, accepted: AcceptedAlarm, what: TaintedLot, hold_id: str | None = None) -> bool:
    return await house.claims.claim(
        hold_id=hold_id or new_id(),
        incident_id=accepted.incident_id,
        episode=accepted.episode,
        trace_id="trace",
        lot=what,
        expires_at=now() + timedelta(hours=48),
        at=now(),
    )


async def test_units_are_claimed_once(house: House, accepted: AcceptedAlarm) -> None:
    assert await claim(house, accepted, lot(100, 200))
    for overlapping in (lot(100, 200), lot(0, 101), lot(199, 300), lot(150, 160), lot(0, 900)):
        assert not await claim(house, accepted, overlapping)
    for beside in (lot(0, 100), lot(200, 300), lot(100, 200, "mule-2"), lot(100, 200, currency="USD")):
        assert await claim(house, accepted, beside)


async def test_twenty_claimants_at_once_never_share_a_unit_nor_claim_more_than_lies_there(
    house: House,
) -> None:
    """Each wants more than its share of one account, and asks again for what is free, as the rounds do."""
    incidents = [await house.frozen(house.trigger()) for _ in range(20)]
    balance = 1_000

    async def all_that_is_free(accepted: AcceptedAlarm, first: int) -> None:
        wanted = [lot(first, first + 100), lot(first // 2, balance)]
        for _ in range(40):
            free = await house.claims.unclaimed(wanted, incident_id=accepted.incident_id)
            if not free:
                return
            await claim(house, accepted, free[0])

    await asyncio.gather(*(all_that_is_free(each, 45 * number) for number, each in enumerate(incidents)))
    rows = await house.rows("SELECT lo, hi FROM hold_claim WHERE state <> 'ended' ORDER BY lo")
    assert all(one.hi <= other.lo for one, other in itertools.pairwise(rows))
    assert sum(row.hi - row.lo for row in rows) == balance


async def test_the_same_claim_again_is_the_same_claim(house: House, accepted: AcceptedAlarm) -> None:
    hold_id = new_id()
    assert await claim(house, accepted, lot(0, 10), hold_id)
    assert await claim(house, accepted, lot(0, 10), hold_id)
    assert await house.claims.standing(accepted.incident_id) == (hold_id,)
    end = HoldEnded(
        hold_id, now(), "a reason that is longer than thirty-two characters, which must not matter"
    )
    await house.do(accepted.incident_id, 1, "end", StepKind.RELEASE_HOLD, (end,))
    assert not await claim(house, accepted, lot(0, 10), hold_id), "what has ended is claimed under another id"
    assert await claim(house, accepted, lot(0, 10))


async def test_what_an_ending_lets_go_is_not_claimed_meanwhile(house: House, accepted: AcceptedAlarm) -> None:
    await house.change("UPDATE incident SET status = 'releasing' WHERE id = :id", id=accepted.incident_id)
    assert not await claim(house, accepted, lot(0, 10))
    other = await house.frozen(house.trigger())
    assert await claim(house, other, lot(0, 10)), "what is free is free for others"


async def test_of_many_at_once_the_winners_do_not_overlap(house: House, accepted: AcceptedAlarm) -> None:
    lots = [lot(start, start + 15) for start in range(0, 300, 5)]
    won = await asyncio.gather(*(claim(house, accepted, each) for each in lots))
    taken = sorted((each.lo, each.hi) for each, mine in zip(lots, won, strict=True) if mine)
    assert taken
    assert all(first[1] <= second[0] for first, second in itertools.pairwise(taken))


async def test_the_free_parts_of_lots(house: House, accepted: AcceptedAlarm) -> None:
    for taken in (lot(10, 20), lot(30, 40)):
        assert await claim(house, accepted, taken)
    whole = [lot(0, 50), lot(10, 20), lot(15, 35), lot(0, 50, "mule-2")]
    free = [(each.account_id, each.lo, each.hi) for each in await house.claims.unclaimed(whole)]
    assert free == [
        ("mule-1", 0, 10),
        ("mule-1", 20, 30),
        ("mule-1", 40, 50),
        ("mule-1", 20, 30),
        ("mule-2", 0, 50),
    ]
    assert await house.claims.unclaimed([]) == []


async def test_a_placed_claim_keeps_only_what_stands_held(house: House, accepted: AcceptedAlarm) -> None:
    hold_id = new_id()
    await claim(house, accepted, lot(0, 100), hold_id)
    placed = HoldPlaced(hold_id, 40, 100, 77, now())
    await house.do(accepted.incident_id, 1, "hold/1", StepKind.HOLD, (placed,))
    found = await house.claims.find(hold_id)
    assert found is not None
    assert (found.lo, found.hi, found.state, found.effective_seq) == (40, 100, "placed", 77)
    assert await claim(house, accepted, lot(0, 40)), "what had moved on is free again"
    assert await house.claims.find(new_id()) is None
    assert await house.expectations.holds() == {hold_id: ("mule-1", 60)}
