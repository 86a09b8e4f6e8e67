"""What is in flight is judged by when it was allowed, told by the page, and kept where the owner had allowed it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities.difference import LISTED
from activities.payments import judged, page
from models.contracts.wallet import InFlightPayment, InFlightState
from models.names import PaymentKind, PaymentState

pytestmark = pytest.mark.fast

SINCE = datetime(2026, 3, 1, 10, tzinfo=UTC)


def payment(number: int, minutes: int, **more: Any) -> InFlightPayment:
    usual = {
        "payment_id": f"pay-{number}",
        "kind": "scheduled_payment",
        "label": "wallet payee",
        "to": "acc-2",
        "to_kind": "wallet",
        "amount": 100,
        "currency": "CNY",
        "authorised_at": SINCE + timedelta(minutes=minutes),
        "due_at": SINCE + timedelta(hours=number),
        "state": "pending",
    }
    return InFlightPayment.model_validate(usual | more)


@given(st.lists(st.tuples(st.integers(-3, 3), st.sampled_from(list(InFlightState))), max_size=12))
def test_only_what_was_allowed_since_is_stopped_and_everything_is_told(
    drawn: list[tuple[int, InFlightState]],
) -> None:
    given_ = [payment(number, minutes, state=state) for number, (minutes, state) in enumerate(drawn)]
    found = {each.payment_id: each for each in judged(given_, SINCE)}
    assert set(found) == {each.payment_id for each in given_}
    for each in given_:
        since, state = each.authorised_at >= SINCE, found[each.payment_id].state
        assert (state is PaymentState.KEPT) == (not since)
        assert (state is PaymentState.FOUND) == (since and each.state is InFlightState.PENDING)
        assert (state is PaymentState.CAPTURED) == (since and each.state is InFlightState.CAPTURED)
    listed, more = page(list(found.values()))
    assert (set(listed), more) == (set(found.values()), 0)


def test_a_flood_is_told_by_the_page_soonest_due_first() -> None:
    flood = [payment(LISTED + 60 - number, 1) for number in range(LISTED + 60)]
    listed, more = page(judged([*flood, payment(9999, -1)], SINCE))
    pending = [each for each in listed if each.state is PaymentState.FOUND]
    assert (len(pending), more) == (LISTED, 60)
    assert [each.due_at for each in pending] == sorted(each.due_at for each in flood)[:LISTED]
    assert [each.payment_id for each in listed if each.state is PaymentState.KEPT] == ["pay-9999"]


def test_words_we_do_not_know_are_stopped_like_the_worst() -> None:
    (found,) = judged(
        [payment(1, 1, kind="standing_order", state="half_way", label="to li@mail.example")], SINCE
    )
    assert (found.kind, found.state, found.label) == (
        PaymentKind.OTHER,
        PaymentState.FOUND,
        "to l***@mail.example",
    )
