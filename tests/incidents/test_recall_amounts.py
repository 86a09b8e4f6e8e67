"""What is asked of a bank follows what is stolen, to the cent, though no recall ever changes its amount."""

from __future__ import annotations

from models.names import Role
from tests.incidents.house import House
from tests.incidents.recovering import agree, remedy

RECALLS = (
    "SELECT part, asked, withdraw_asked_at IS NOT NULL AS withdrawn FROM recall "
    "WHERE incident_id = :id ORDER BY part"
)


async def test_a_recall_shrinks_and_grows_by_further_requests(house: House) -> None:
    """Two thefts leave in one payment. One is taken back, then it was a theft after all."""
    with house.rules.changed(recall={"give_up_seconds": 3600}):
        theft = house.steal(4_000, 6_000, mules=1)
        theft.mules[0].pay("mer-001", 10_000)
        incident_id = (await house.alarm(theft)).incident_id
        await house.until_rows(f"{RECALLS} LIMIT 1", id=incident_id)
    assert [(each.part, each.asked) for each in await house.rows(RECALLS, id=incident_id)] == [(0, 10_000)]
    cells = await remedy(house, incident_id)
    assert (cells.stolen, cells.recall_pending) == (10_000, 10_000)
    agent, change = house.people[Role.AGENT], house.parts.recover.thefts
    await agree(house, change(incident_id, "withdraw", theft.transfers[1:], "that one was mine", by=agent))

    async def asked(*wanted: tuple[int, int, bool]) -> None:
        async def reached() -> bool:
            return [tuple(row) for row in await house.rows(RECALLS, id=incident_id)] == list(wanted)

        await house.until(reached, f"recalls {wanted}")

    await asked((0, 10_000, True), (1, 4_000, False))
    cells = await remedy(house, incident_id)
    assert (cells.stolen, cells.recall_pending, cells.at_large) == (4_000, 4_000, 0)
    await change(incident_id, "add", theft.transfers[1:], "it was not, after all", by=agent)
    await house.parts.wake.now(incident_id)
    await asked((0, 10_000, True), (1, 4_000, False), (2, 6_000, False))
    cells = await remedy(house, incident_id)
    assert (cells.stolen, cells.recall_pending, cells.at_large) == (10_000, 10_000, 0)
