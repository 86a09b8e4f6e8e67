"""The account queue against a list of single units."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.contracts.transfers import AccountKind
from tests.tracing.ledgers import Ledger, ledgers, opening, transfer
from tracing.intervals import intersect, subtract, take_lowest, total, union
from tracing.positions import AccountQueue, Shortage
from tracing.posting import Book, Part, rows

pytestmark = pytest.mark.fast

EXIT_KINDS = {kind.value for kind in AccountKind if kind.is_exit}

INTERVALS = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 8)), max_size=6).map(
    lambda pairs: union((lo, lo + length) for lo, length in pairs)
)


def units(intervals: list[tuple[int, int]]) -> set[int]:
    return {unit for lo, hi in intervals for unit in range(lo, hi)}


@given(INTERVALS, INTERVALS)
def test_interval_arithmetic_is_set_arithmetic(
    one: list[tuple[int, int]], other: list[tuple[int, int]]
) -> None:
    assert units(union(one, other)) == units(one) | units(other)
    assert units(subtract(one, other)) == units(one) - units(other)
    assert units(intersect(one, other)) == units(one) & units(other)
    for result in (union(one, other), subtract(one, other), intersect(one, other)):
        assert result == sorted(result)
        assert all(lo < hi for lo, hi in result)
    assert total(one) == len(units(one))
    assert units(take_lowest(one, 5)) == set(sorted(units(one))[:5])


class NaiveQueue:
    """Every unit of one account in a list."""

    def __init__(self, opening: int) -> None:
        self.next = opening
        self.here = list(range(opening))
        self.holds: dict[str, set[int]] = {}

    def spend(self, amount: int, hold_id: str | None) -> list[int] | None:
        if amount > len(self.here):
            return None
        kept = set().union(*self.holds.values()) if self.holds else set()
        own = self.holds.get(hold_id, set()) if hold_id else set()
        queue = (
            sorted(unit for unit in self.here if unit in own)
            + sorted(unit for unit in self.here if unit not in own and unit not in kept)
            + sorted(unit for unit in self.here if unit not in own and unit in kept)
        )
        spent = queue[:amount]
        self.here = sorted(set(self.here) - set(spent))
        return sorted(spent)


AMOUNTS = st.integers(1, 8)
NAMES = st.sampled_from(["h1", "h2", "h3"])
SPANS = st.tuples(st.integers(0, 40), st.integers(1, 10))
OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("deposit"), AMOUNTS),
        st.tuples(st.just("spend"), AMOUNTS, st.one_of(st.none(), NAMES)),
        st.tuples(st.just("hold"), NAMES, SPANS),
        st.tuples(st.just("release"), NAMES),
        st.tuples(st.just("release part"), NAMES, SPANS),
    ),
    max_size=40,
)


@given(st.integers(0, 10), OPERATIONS)
def test_any_sequence_of_deposits_payments_holds_and_releases_spends_the_same_units(
    opening: int, operations: list[tuple]
) -> None:
    queue, naive = AccountQueue(opening), NaiveQueue(opening)
    for operation in operations:
        match operation:
            case ("deposit", amount):
                assert queue.deposit(amount) == naive.next
                naive.here += range(naive.next, naive.next + amount)
                naive.next += amount
            case ("spend", amount, hold_id):
                expected = naive.spend(amount, hold_id)
                before = (queue.unspent, queue.free)
                if expected is None:
                    with pytest.raises(Shortage) as short:
                        queue.spend(amount, hold_id)
                    assert short.value.missing == amount - len(naive.here)
                    assert (queue.unspent, queue.free) == before
                else:
                    spent = queue.spend(amount, hold_id)
                    assert sorted(units(spent)) == expected
                    assert spent == union(spent)
            case ("hold", hold_id, (lo, length)):
                queue.hold(hold_id, lo, lo + length)
                naive.holds.setdefault(hold_id, set()).update(range(lo, lo + length))
            case ("release", hold_id):
                queue.release(hold_id)
                naive.holds.pop(hold_id, None)
            case ("release part", hold_id, (lo, length)):
                queue.release(hold_id, lo, lo + length)
                naive.holds.setdefault(hold_id, set()).difference_update(range(lo, lo + length))
        kept = set().union(*naive.holds.values()) if naive.holds else set()
        assert sorted(units(queue.unspent)) == naive.here
        assert units(queue.free) == set(naive.here) - kept
        assert queue.balance == len(naive.here)


@given(OPERATIONS)
def test_held_units_stay_while_the_free_ones_suffice(operations: list[tuple]) -> None:
    queue = AccountQueue(20)
    queue.hold("kept", 5, 12)
    for operation in operations:
        if operation[0] == "deposit":
            queue.deposit(operation[1])
        elif operation[0] == "spend" and operation[1] <= total(queue.free):
            assert not intersect(queue.spend(operation[1]), [(5, 12)])
    assert intersect(queue.unspent, [(5, 12)]) == [(5, 12)]
    queue.release("kept")
    assert queue.spend(queue.balance) == union(queue.unspent) or queue.balance == 0


def test_a_payment_skips_the_held_units_and_release_puts_them_back_first() -> None:
    queue = AccountQueue(10)
    queue.hold("h", 2, 5)
    assert queue.spend(4) == [(0, 2), (5, 7)]
    queue.release("h")
    assert queue.spend(4) == [(2, 5), (7, 8)]


def test_restitution_carries_exactly_the_held_units() -> None:
    queue = AccountQueue(10)
    queue.hold("h", 4, 7)
    assert queue.spend(3, "h") == [(4, 7)]
    assert queue.spend(5) == [(0, 4), (7, 8)]


def test_units_of_a_hold_that_the_wallet_did_not_honour_leave_last() -> None:
    queue = AccountQueue(10)
    queue.hold("h", 0, 6)
    assert queue.spend(4) == [(6, 10)]
    assert queue.spend(2) == [(0, 2)]


def test_a_payment_posted_around_a_hold_arrives_in_one_piece() -> None:
    book = Book()
    book.open(opening("A", 10))
    book.open(opening("B", 7))
    book.queue("A", "EUR").hold("h", 2, 5)
    assert book.post(transfer(1, "A", "B", 4)) == [Part(0, 2, 0, 7, 6, 7), Part(1, 2, 5, 9, 6, 7)]
    assert book.post(transfer(2, "A", "B", 2)) == [Part(0, 2, 7, 11, 4, 11)]


@settings(max_examples=60, deadline=None)
@given(ledger=ledgers())
def test_positions_follow_each_other_and_their_difference_is_the_balance(ledger: Ledger) -> None:
    """For a ledger without reversals: where they take the same money back, units leave out of turn."""
    if any(row.reverses for row in ledger.transfers):
        return
    opening = {stated.account_id: stated.amount for stated in ledger.openings if not stated.kind.is_exit}
    paid_in, paid_out = Counter(opening), Counter[str]()
    for row in rows(ledger.transfers, ledger.openings):
        if row.src == row.dst:
            assert (row.out_pos, row.in_pos) == (None, None)
            continue
        if row.src_kind not in EXIT_KINDS:
            assert row.out_pos == paid_out[row.src]
            assert row.src_balance_after == paid_in[row.src] - paid_out[row.src] - row.amount
        paid_out[row.src] += row.amount
        if row.dst_kind not in EXIT_KINDS:
            assert row.in_pos == paid_in[row.dst]
            assert row.dst_balance_before == paid_in[row.dst] - paid_out[row.dst]
        paid_in[row.dst] += row.amount
