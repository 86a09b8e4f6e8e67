"""What is asked of a bank follows what is stolen, to the cent, though no recall ever changes its amount."""

from __future__ import annotations

from datetime import timedelta

from activities.returned import NOT_OURS
from models.names import DecisionKind, HoldSource, Role
from tests.incidents.house import House
from tests.incidents.recovering import agree, choose, holds, remedy, restored, until_closed, until_held

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


async def test_people_say_whether_a_payment_without_a_word_is_recalled_money(house: House) -> None:
    """Twice the merchant pays what is awaited. The first is a refund of the mule's own; the second is the victim's money."""
    with house.rules.changed(recall={"give_up_seconds": 3600}):
        theft = house.steal(7_000, mules=1)
        mule = theft.mules[0]
        mule.pay("mer-001", 7_000)
        incident_id = (await house.alarm(theft)).incident_id
        await house.until_rows(f"{RECALLS} LIMIT 1", id=incident_id)
    (recall,) = await house.rows("SELECT id, transfer_id FROM recall WHERE incident_id = :id", id=incident_id)
    for choice in (NOT_OURS, recall.id):
        paid = house.sandbox.control(
            "POST",
            "/bank/payments",
            {"exit_account": "mer-001", "account_id": mule.account_id, "amount": 7_000},
        )
        asked = await house.question(incident_id, DecisionKind.RETURNED_PAYMENT)
        if choice == NOT_OURS:
            # As an alarm that came in once closed it: a question that nobody answered is put again.
            await house.change("UPDATE decision_task SET closed_at = now() WHERE id = :id", id=asked.task_id)
            await house.parts.wake.now(incident_id)
            dropped, asked = asked, await house.question(incident_id, DecisionKind.RETURNED_PAYMENT)
            assert dropped.task_id != asked.task_id
        assert (asked.action["transfer_id"], asked.four_eyes) == (paid["transfer_id"], True)
        assert (asked.choices, asked.action[recall.id]) == ((recall.id, NOT_OURS), recall.transfer_id)
        assert await holds(house, incident_id) == []
        await choose(house, asked, choice)
        await until_closed(house, asked.task_id)
    await until_held(house, incident_id, 7_000)
    (hold,) = await holds(house, incident_id)
    assert (hold.account_id, hold.source) == (mule.account_id, HoldSource.RECALL)
    cells = await remedy(house, incident_id)
    assert (cells.stolen, cells.recalled, cells.recall_pending) == (7_000, 7_000, 0)
    assert (await house.audit(incident_id)).findings == ()


async def test_money_that_comes_after_everybody_gave_it_up_is_followed_and_held_all_the_same(
    house: House,
) -> None:
    """The recall is given up, the recovery has ended; then the merchant pays twice, and only once it is the victim's money."""
    quick = {"window_seconds": 1, "slow_poll_seconds": 1, "poll_max_seconds": 1}
    care = house.wiring.recall_care(house.client)
    care.look_seconds = 0
    with house.rules.changed(recall={"give_up_seconds": 1}, recovery=quick):
        theft = house.steal(7_000, mules=1)
        mule = theft.mules[0]
        mule.pay("mer-001", 7_000)
        incident_id = (await house.alarm(theft)).incident_id
        await restored(house, incident_id)
        assert (await house.recovered(incident_id)).ending == "nothing_left"
        (recall,) = await house.rows(
            "SELECT id, transfer_id, state, ending FROM recall WHERE incident_id = :id", id=incident_id
        )
        assert (recall.state, recall.ending) == ("closed", "unanswered")
        cells = await remedy(house, incident_id)
        assert (cells.stolen, cells.lost) == (7_000, 7_000)
        back = {"exit_account": "mer-001", "account_id": mule.account_id, "amount": 7_000}
        house.sandbox.control("POST", "/bank/payments", back)
        await care.once()
        asked = await house.question(incident_id, DecisionKind.RETURNED_PAYMENT)
        await choose(house, asked, NOT_OURS)
        await until_closed(house, asked.task_id)
        assert (await house.recovered(incident_id)).ending == "nothing_left"
        paid = house.sandbox.control("POST", "/bank/payments", back)
        await house.wiring.index.catch_up(budget=timedelta(seconds=20))
        # As an institution says by its reference which transfer it gives back.
        assert await house.wiring.index.link_return(paid["seq"], recall.transfer_id)
        await care.once()
        await until_held(house, incident_id, 7_000)
    (hold,) = await holds(house, incident_id)
    assert (hold.account_id, hold.source) == (mule.account_id, HoldSource.RECALL)
    (row,) = await house.rows("SELECT received, ending FROM recall WHERE id = :id", id=recall.id)
    assert tuple(row) == (7_000, "unanswered"), "how the recall ended stays written"
    cells = await remedy(house, incident_id)
    assert (cells.stolen, cells.recalled, cells.lost) == (7_000, 7_000, 0)
    (alert,) = await house.rows("SELECT subject FROM staff_alert WHERE kind = 'late_money'")
    assert alert.subject == f"{recall.id}/7000"
    look = await house.wiring.recoveries.look(incident_id)
    assert look is not None
    assert look.late == (), "counted once, and nobody looks for it again"
    assert (await house.audit(incident_id)).findings == ()
