"""What is due to each claimant of a hold, at once and in parts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracing.shares import Claimant, earliest, pro_rata, rest

pytestmark = pytest.mark.fast

claimants = st.lists(st.integers(1, 10**9), min_size=2, max_size=5).map(
    lambda losses: [Claimant(f"incident-{number}", number, loss) for number, loss in enumerate(losses)]
)


@given(claimants, st.integers(1, 10**9), st.data())
def test_paid_in_parts_nobody_gets_more_or_less_than_at_once(
    who: list[Claimant], whole: int, data: st.DataObject
) -> None:
    for rule in (earliest, pro_rata):
        due = rule(whole, who)
        given_so_far: dict[str, int] = {}
        while left := whole - sum(given_so_far.values()):
            now = rest(left, rule(whole, who), given_so_far)
            assert sum(now.values()) == left
            # Some are paid; the others are not proven yet.
            paid = data.draw(st.sets(st.sampled_from(sorted(now)), min_size=1))
            for incident_id in paid:
                given_so_far[incident_id] = given_so_far.get(incident_id, 0) + now[incident_id]
        assert given_so_far == due


@given(claimants, st.integers(1, 10**9), st.data())
def test_whoever_had_what_before_no_more_than_is_left_is_given(
    who: list[Claimant], whole: int, data: st.DataObject
) -> None:
    had = data.draw(st.integers(0, whole))
    by_others = {who[0].incident_id: had}
    for rule in (earliest, pro_rata):
        now = rest(whole - had, rule(whole, who), by_others)
        assert sum(now.values()) <= whole - had
        assert all(amount > 0 for amount in now.values())


def test_who_came_late_shares_what_is_left_with_the_others() -> None:
    """The first had 30 of 60 when there were two of them; a third one is found then."""
    three = [Claimant(name, number, 90) for number, name in enumerate("abc")]
    assert rest(30, pro_rata(60, three), {"a": 30}) == {"b": 15, "c": 15}
