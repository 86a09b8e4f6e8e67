"""The account by remedy: every unit in one cell, or no account at all."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.contracts.recovery import Remedy
from models.contracts.transfers import Flow
from tracing.remedy import Known, in_total, remedy
from tracing.shares import Claimant, earliest, pro_rata

pytestmark = pytest.mark.fast

CELLS = ("returned", "on_hold", "recall_pending", "recalled", "at_large", "lost")
amounts = st.integers(min_value=0, max_value=10**15)


@st.composite
def stories(draw: st.DrawFn) -> tuple[Known, dict[str, int]]:
    """Units put into cells one kind after the other, and what each part of the system would know of them."""
    names = (
        "free", "held", "paid_since", "awarded", "awarded_since", "pooled", "pruned", "returned",
        "outside", "pending", "written_off", "recalled", "moved_on", "to_owner", "back_here",
    )  # fmt: skip
    part = {name: draw(amounts) for name in names}
    known = Known(
        flow=Flow(
            stolen=sum(part.values()),
            held=part["free"] + part["held"] + part["paid_since"] + part["awarded_since"] + part["back_here"],
            exited=part["outside"]
            + part["awarded"]
            + part["pending"]
            + part["written_off"]
            + part["recalled"]
            + part["moved_on"]
            + part["to_owner"],
            pooled=part["pooled"],
            returned=part["returned"],
            pruned=part["pruned"],
        ),
        back_here=part["back_here"],
        held_by_us=part["held"],
        paid_since=part["paid_since"],
        awarded=part["awarded"],
        awarded_since=part["awarded_since"],
        came_back=part["recalled"] + part["moved_on"] + part["to_owner"],
        came_to_owner=part["to_owner"],
        moved_on=part["moved_on"],
        pending=part["pending"],
        written_off=part["written_off"],
    )
    return known, part


@given(stories())
def test_every_unit_is_in_one_cell(story: tuple[Known, dict[str, int]]) -> None:
    known, part = story
    cells = remedy("CNY", known)
    assert cells.stolen == sum(part.values()) == sum(getattr(cells, name) for name in CELLS)
    assert cells.returned == part["returned"] + part["paid_since"] + part["to_owner"]
    assert (cells.on_hold, cells.recall_pending, cells.recalled) == (
        part["held"],
        part["pending"],
        part["recalled"] + part["back_here"],
    )
    assert cells.lost == part["written_off"] + part["awarded"] + part["awarded_since"]


@given(stories(), st.sampled_from(("held_by_us", "paid_since", "pending", "written_off", "came_to_owner")))
def test_a_unit_too_many_is_never_reported(story: tuple[Known, dict[str, int]], name: str) -> None:
    known, _ = story
    more: dict[str, Any] = {name: known.flow.stolen + 1}
    with pytest.raises(ArithmeticError):
        remedy("CNY", replace(known, **more))


@given(st.lists(stories(), min_size=1, max_size=5), st.sampled_from(("CNY", "EUR")))
def test_the_sums_over_incidents_keep_the_identity(
    told: list[tuple[Known, dict[str, int]]], currency: str
) -> None:
    each: list[Remedy] = [remedy(currency, known) for known, _ in told]
    whole = in_total([*each, remedy("SEK", told[0][0])])
    assert set(whole) == {currency, "SEK"}
    assert whole[currency].stolen == sum(getattr(whole[currency], name) for name in CELLS)
    for cell in ("stolen", *CELLS):
        assert getattr(whole[currency], cell) == sum(getattr(one, cell) for one in each), cell


claimants = st.lists(
    st.builds(
        Claimant,
        incident_id=st.uuids().map(str),
        theft_seq=st.integers(1, 10**9),
        stolen=st.integers(1, 10**15),
    ),
    min_size=2,
    max_size=6,
    unique_by=lambda each: each.incident_id,
)


@given(st.integers(1, 10**15), claimants)
def test_shares_are_whole_and_fair_to_one_unit(amount: int, claiming: list[Claimant]) -> None:
    shares = pro_rata(amount, claiming)
    assert sum(shares.values()) == amount
    whole = sum(each.stolen for each in claiming)
    for each in claiming:
        exact = amount * each.stolen
        assert exact // whole <= shares.get(each.incident_id, 0) <= exact // whole + 1
    first = earliest(amount, claiming)
    assert list(first.values()) == [amount]
    assert min(each.theft_seq for each in claiming) == next(
        each.theft_seq for each in claiming if each.incident_id in first
    )
