"""Opening money nobody stated: the least that keeps every account from going negative, and not a unit more."""

from __future__ import annotations

from collections import defaultdict

import pytest
from hypothesis import given, settings

from models.contracts.base import MAX_AMOUNT
from tests.tracing.ledgers import KINDS, Ledger, covered, ledgers, opening, transfer
from tracing.openings import Inference

pytestmark = pytest.mark.fast


def lowest_balances(ledger: Ledger) -> dict[str, int]:
    now = defaultdict(int, {stated.account_id: stated.amount for stated in ledger.openings})
    lowest = dict(now)
    for row in ledger.transfers:
        if row.src != row.dst:
            now[row.src] -= row.amount
            now[row.dst] += row.amount
            lowest[row.src] = min(lowest.get(row.src, 0), now[row.src])
    return {account: low for account, low in lowest.items() if not KINDS[account].is_exit}


@settings(max_examples=300, deadline=None)
@given(ledgers())
def test_what_is_inferred_is_just_enough(ledger: Ledger) -> None:
    lowest = lowest_balances(ledger)
    assert all(low >= 0 for low in lowest.values())
    for stated in ledger.openings:
        assert stated.inferred <= stated.amount
        if stated.inferred:
            assert not KINDS[stated.account_id].is_exit
            assert lowest[stated.account_id] == 0


def test_it_comes_on_top_of_what_was_stated() -> None:
    ledger = covered(
        [transfer(1, "A", "X", 30), transfer(2, "X", "A", 5), transfer(3, "A", "X", 10)], [opening("A", 20)]
    )
    assert [(stated.amount, stated.inferred) for stated in ledger.openings] == [(35, 15)]


def test_exits_are_never_short() -> None:
    assert covered([transfer(1, "O", "A", 500), transfer(2, "X", "B", 5)]).openings == ()


def test_a_transfer_past_the_largest_position_is_refused_and_changes_nothing() -> None:
    inference = Inference({("A", "EUR"): 5})
    assert inference.post(transfer(1, "O", "B", MAX_AMOUNT)) is None
    assert inference.post(transfer(2, "A", "B", 1)) == "B"
    assert inference.post(transfer(3, "O", "B", 1)) == "B"
    assert inference.post(transfer(4, "A", "C", MAX_AMOUNT)) is None
    assert inference.missing == {("A", "EUR"): MAX_AMOUNT - 5}
    assert inference.post(transfer(5, "A", "D", 1)) == "A"
    assert inference.post(transfer(6, "B", "D", MAX_AMOUNT)) is None
