"""One outstanding hand-over per incident; relays lease, nobody hands over twice at once, nothing asked is forgotten."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from sqlalchemy import text

from models.ids import new_id
from tests.sql.house import House


async def make_due(house: House) -> None:
    """As if time had passed."""
    async with house.engine.begin() as connection:
        await connection.execute(text("UPDATE hand_over SET next_try_at = clock_timestamp()"))


async def test_a_row_is_left_to_the_gateway_for_two_seconds(house: House) -> None:
    accepted = await house.accept(house.trigger())
    assert await house.hand_over.due(10) == []
    wait = await house.scalar("SELECT next_try_at - clock_timestamp() FROM hand_over")
    assert timedelta(seconds=1) < wait <= timedelta(seconds=2)
    await make_due(house)
    (due,) = await house.hand_over.due(10)
    assert (due.incident_id, due.generation) == (accepted.incident_id, 1)


async def test_two_relays_never_lease_the_same_row(house: House) -> None:
    for number in range(60):
        await house.accept(house.trigger(f"acc-{number}"))
    await make_due(house)
    other = House(house.url)
    try:
        leases = await asyncio.gather(*(relay.hand_over.due(7) for relay in (house, other) for _ in range(6)))
    finally:
        await other.close()
    leased = [due.incident_id for lease in leases for due in lease]
    assert len(leased) == len(set(leased)) == 60


async def test_a_leased_row_comes_again_later_and_later_for_ever(house: House) -> None:
    await house.accept(house.trigger())
    waits: list[timedelta] = []
    for _ in range(20):
        await make_due(house)
        (due,) = await house.hand_over.due(1)
        await house.hand_over.failed(due, "temporal_unreachable")
        assert await house.hand_over.due(1) == []
        waits.append(await house.scalar("SELECT next_try_at - clock_timestamp() FROM hand_over"))
    assert waits[0] > timedelta(seconds=1), "longer than one hand-over may take"
    assert all(wait <= timedelta(seconds=30) for wait in waits)
    assert waits[-1] > timedelta(seconds=29)
    assert waits[3] > waits[0]
    assert await house.scalar("SELECT last_error FROM hand_over") == "temporal_unreachable"
    assert await house.scalar("SELECT attempts FROM hand_over") == 20


async def test_delivered_is_over_until_something_is_asked_again(house: House) -> None:
    accepted = await house.accept(house.trigger())
    due = await house.hand_over.outstanding(accepted.incident_id)
    assert due is not None
    await house.hand_over.delivered(due)
    assert await house.hand_over.outstanding(accepted.incident_id) is None
    await make_due(house)
    assert await house.hand_over.due(10) == []
    await house.incidents.ask_again(accepted.incident_id)
    again = await house.hand_over.outstanding(accepted.incident_id)
    assert again is not None
    assert again.generation == 2
    assert await house.hand_over.outstanding(new_id()) is None


async def test_what_was_asked_during_a_hand_over_stays_due(house: House) -> None:
    accepted = await house.accept(house.trigger())
    before = await house.hand_over.outstanding(accepted.incident_id)
    assert before is not None
    await house.accept(house.trigger())
    await house.hand_over.delivered(before)
    after = await house.hand_over.outstanding(accepted.incident_id)
    assert after is not None
    assert after.generation == 2
    await house.hand_over.failed(before, "temporal_unreachable")
    assert (await house.hand_over.outstanding(accepted.incident_id)) == after


async def test_many_ask_at_once_and_one_row_counts_them(house: House) -> None:
    accepted = await house.accept(house.trigger())
    await asyncio.gather(*(house.incidents.ask_again(accepted.incident_id) for _ in range(30)))
    assert await house.counts("hand_over") == {"hand_over": 1}
    assert await house.scalar("SELECT generation FROM hand_over") == 31
