"""Everything dies at once and is started again on the same data: open incidents go on where they were."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.bad_days.house import WholeHouse
from tests.bad_days.story import Story, theft_on

pytestmark = pytest.mark.timeout(240)


def at_the_question(story: Story) -> None:
    """Proven and reset; people are asked whether the account may go back."""
    story.alarm()
    story.prove_owner()
    story.until_status("reset")


def test_open_incidents_go_on_where_they_were(house: WholeHouse) -> None:
    pending, frozen, reset, returning = (theft_on(house) for _ in range(4))
    house.wallet.fault(f"{pending.account_id}/restrictions$", "error", count=1000)
    assert pending.alarm().status_code == 202
    assert frozen.alarm().status_code == 201
    with ThreadPoolExecutor(2) as threads:
        for arrived in [threads.submit(at_the_question, story) for story in (reset, returning)]:
            arrived.result()
    returning.give_back()
    returning.until_status("returning")
    house.lose_power()
    house.wallet.clear_faults()

    house.open()
    pending.until_status("frozen")

    def finish(story: Story) -> None:
        if story in (pending, frozen):
            story.prove_owner()
        if story is not returning:
            story.give_back()
        story.until_restored()
        story.prove_whole()

    with ThreadPoolExecutor(4) as threads:
        for finished in [threads.submit(finish, story) for story in (pending, frozen, reset, returning)]:
            finished.result()
