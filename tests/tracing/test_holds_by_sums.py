"""Holds under the rules without units: what a hold keeps, no rule sees until a payment names it or it is released."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from random import Random

import pytest

from adapters.transfers.offline import OfflineLedger
from models.contracts.transfers import OpeningBalance, PostedTransfer
from tests.tracing.ledgers import covered, opening, transfer
from tests.tracing.naive_holds import Piles
from tracing.outflows import HoldChange
from tracing.places import Place
from tracing.posting import rows
from tracing.result import Trace
from tracing.rules import Rule
from tracing.trace import trace

pytestmark = pytest.mark.fast

SWEPT = [Rule.LIBR, Rule.PRO_RATA, Rule.LIFO, Rule.DIRTY_FIRST]


class Story:
    """A random ledger told to the naive piles as it is made up: holds never more than lies there, payments honour them."""

    def __init__(self, rule: Rule, seed: int, length: int = 30) -> None:
        self.random = Random(seed)
        self.piles = Piles(rule, "A")
        self.openings: list[OpeningBalance] = [opening(name, self.random.randint(0, 12)) for name in "ABCDP"]
        for stated in self.openings:
            self.piles.open(stated)
        self.transfers: list[PostedTransfer] = []
        self.changes: list[HoldChange] = []
        self.standing: list[tuple[str, str]] = []
        for seq in range(1, length + 1):
            self._holds(seq - 1)
            row = self._row(seq)
            if row.src == "A" and row.dst != "A" and self.random.random() < 0.6:
                self.piles.thefts.add(row.transfer_id)
            self.transfers.append(row)
            self.piles.post(row)

    def _holds(self, after: int) -> None:
        stained = [name for name in "BCD" if self.piles.stolen_free(name)]
        if stained and self.random.random() < 0.3:
            account, hold = self.random.choice(stained), f"h{after}"
            amount = self.random.randint(1, self.piles.stolen_free(account))
            self.piles.hold(account, hold, amount)
            self.changes.append(HoldChange(after, account, hold, amount, stolen=True))
            self.standing.append((account, hold))
        if self.standing and self.random.random() < 0.2:
            account, hold = self.random.choice(self.standing)
            lying = len(self.piles.held(account, hold))
            if lying:
                amount = self.random.randint(1, lying)
                self.piles.release(account, hold, amount)
                self.changes.append(HoldChange(after, account, hold, -amount, stolen=True))

    def _row(self, seq: int) -> PostedTransfer:
        pick = self.random
        if self.standing and pick.random() < 0.15:
            account, hold = pick.choice(self.standing)
            lying = len(self.piles.held(account, hold))
            if lying:
                return transfer(seq, account, pick.choice("ABCDX"), pick.randint(1, lying), hold_id=hold)
        src, dst, more = pick.choice("AAABCDBCDPXO"), pick.choice("ABCDBCDPXYO"), {}
        if self.transfers and pick.random() < 0.2:
            undone = pick.choice(self.transfers)
            if not undone.dst_kind.is_exit and undone.src != undone.dst:
                src, dst, more = undone.dst, undone.src, {"reverses": undone.transfer_id}
        free = len(self.piles.free(src)) if src in "ABCDP" else 9
        if not free:
            return transfer(seq, "O", pick.choice("BCD"), pick.randint(1, 9))
        return transfer(seq, src, dst, pick.randint(1, free), **more)


def swept(
    rule: Rule,
    transfers: list[PostedTransfer],
    openings: list[OpeningBalance],
    thefts: list[str],
    changes: list[HoldChange],
) -> Trace:
    begun = {
        (change.account_id, change.hold_id): change.after_seq for change in sorted(changes, reverse=True)
    }
    posted = [
        row._replace(dst_kind="awarded", undone=False)
        if row.dst_kind == "wallet" and begun.get((row.src, row.hold_id or ""), row.seq) < row.seq
        else row
        for row in rows(transfers, openings)
    ]
    with closing(OfflineLedger(posted, changes)) as offline:
        return trace(offline, rule=rule, thefts=thefts, currency="EUR", upto_seq=len(transfers))


@pytest.mark.parametrize("rule", SWEPT)
def test_with_holds_each_rule_agrees_with_piles_of_single_units(rule: Rule) -> None:
    told = Counter[str]()
    for seed in range(150):
        story = Story(rule, seed)
        if not story.piles.thefts:
            continue
        thefts = sorted(story.piles.thefts)
        found = swept(rule, story.transfers, story.openings, thefts, story.changes)
        assert [(each.seq, each.src, each.dst, each.amount) for each in found.carried] == story.piles.edges
        lying = {lot.account_id: lot.amount for lot in found.resting if lot.place is Place.HELD}
        assert lying == {name: story.piles.stolen(name) for name in "BCD" if story.piles.stolen(name)}
        assert (
            found.flow.stolen == found.flow.held + found.flow.exited + found.flow.pooled + found.flow.returned
        )
        assert (found.awarded, found.flow.returned) == (story.piles.awarded, story.piles.returned)
        told["changes"] += len(story.changes)
        told["awarded"] += found.awarded
        told["named"] += sum(row.hold_id is not None for row in story.transfers)
    assert min(told["changes"], told["named"], told["awarded"]) > 50


HOUSE = [transfer(1, "A", "B", 10), transfer(2, "O", "B", 6)]
OPENINGS = [opening("A", 10), opening("B", 4)]


def carried(rule: Rule, moves: list[PostedTransfer], *changes: HoldChange) -> dict[int, int]:
    ledger = covered([*HOUSE, *moves], OPENINGS)
    found = swept(rule, list(ledger.transfers), list(ledger.openings), ["t1"], list(changes))
    assert found.flow.stolen == 10
    return {each.seq: each.amount for each in found.carried if each.hop}


@pytest.mark.parametrize("rule", SWEPT)
def test_a_hold_that_follows_the_theft_at_once_keeps_all_of_it(rule: Rule) -> None:
    paid = [transfer(3, "B", "X", 10)]
    assert carried(rule, paid, HoldChange(1, "B", "h", 10, stolen=True)) == {}


@pytest.mark.parametrize("rule", SWEPT)
def test_a_hold_released_before_anything_was_paid_leaves_no_trace(rule: Rule) -> None:
    paid = [transfer(3, "B", "X", 9), transfer(4, "B", "C", 5)]
    held = (HoldChange(1, "B", "h", 7, stolen=True), HoldChange(2, "B", "h", -7, stolen=True))
    assert carried(rule, paid, *held) == carried(rule, paid)


@pytest.mark.parametrize("rule", SWEPT)
def test_a_payment_that_names_the_hold_carries_exactly_what_it_keeps(rule: Rule) -> None:
    paid = [transfer(3, "B", "A", 4, hold_id="h"), transfer(4, "B", "X", 8)]
    assert carried(rule, paid, HoldChange(1, "B", "h", 4, stolen=True))[3] == 4


@pytest.mark.parametrize("rule", SWEPT)
def test_what_was_awarded_is_not_the_same_money_again_where_it_is_given_back(rule: Rule) -> None:
    """C owns it: a payment that undoes it carries of C's stolen money what any other payment would."""
    paid = [transfer(3, "B", "C", 4, hold_id="h"), transfer(4, "B", "C", 16)]
    held = HoldChange(2, "B", "h", 4, stolen=True)
    told = carried(rule, [*paid, transfer(5, "C", "B", 4, reverses="t3")], held)
    assert told == carried(rule, [*paid, transfer(5, "C", "B", 4)], held)
    assert (told[3], told[4]) == (4, 6)


@pytest.mark.parametrize("rule", SWEPT)
def test_what_a_wallet_let_go_in_spite_of_a_hold_is_seen_to_leave(rule: Rule) -> None:
    paid = [transfer(3, "B", "X", 18)]
    assert carried(rule, paid, HoldChange(1, "B", "h", 10, stolen=True)) == {3: 8}


@pytest.mark.parametrize("rule", SWEPT)
def test_money_on_hold_for_another_case_is_clean_to_this_one(rule: Rule) -> None:
    other = HoldChange(2, "B", "theirs", 7, stolen=False)
    assert carried(rule, [transfer(3, "B", "C", 7, hold_id="theirs")], other) == {}
    # It is not there to be spent either: of 20 there are 3 clean ones to pay with before stolen money goes.
    assert sum(carried(rule, [transfer(3, "B", "X", 13)], other).values()) == 10


@pytest.mark.parametrize("rule", SWEPT)
def test_a_hold_keeps_no_more_than_was_stolen(rule: Rule) -> None:
    paid = [transfer(3, "B", "X", 10)]
    assert carried(rule, paid, HoldChange(1, "B", "h", 99, stolen=True)) == {}
    assert carried(rule, [transfer(3, "B", "X", 20)], HoldChange(1, "B", "h", 99, stolen=True)) == {3: 10}


def test_the_same_money_goes_back_once() -> None:
    moves = [
        transfer(1, "A", "B", 10),
        transfer(2, "A", "B", 10),
        transfer(3, "B", "A", 10, reverses="t1"),
        transfer(4, "B", "A", 10, reverses="t1"),
    ]
    ledger = covered(moves, [opening("A", 20), opening("B", 20)])
    found = swept(Rule.LIBR, moves, list(ledger.openings), ["t1", "t2"], [])
    assert [(each.seq, each.amount) for each in found.carried] == [(1, 10), (2, 10), (3, 10)]


def test_what_undoes_a_transfer_that_reached_another_account_is_an_ordinary_payment() -> None:
    moves = [
        transfer(1, "A", "B", 10),
        transfer(2, "A", "C", 10),
        transfer(3, "C", "A", 5, reverses="t1"),
    ]
    ledger = covered(moves, [opening("A", 20), opening("C", 10)])
    found = swept(Rule.LIBR, moves, list(ledger.openings), ["t1", "t2"], [])
    assert [each.seq for each in found.carried] == [1, 2]
