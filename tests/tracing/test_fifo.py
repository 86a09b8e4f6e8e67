"""The three tellings of one trace (memory, SQLite, naive ledger) are one, and what must hold of any trace holds."""

from __future__ import annotations

from collections import defaultdict
from contextlib import closing
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.transfers.offline import OfflineLedger
from models.contracts.transfers import AccountKind, PostedTransfer
from tests.tracing.ledgers import KINDS, Ledger, covered, ledgers, opening, prefix, random_ledger, transfer
from tests.tracing.naive import NaiveLedger
from tracing.digest import canonical_line, digest
from tracing.edges import Edge, in_order
from tracing.fifo import PostedLedger, trace
from tracing.intervals import union
from tracing.places import Place, flow, resting_lots
from tracing.posting import Book, rows
from tracing.trace import carried_by

pytestmark = pytest.mark.fast

SEEDS = st.integers(0, 2**32)


def in_memory(ledger: Ledger, thefts: list[str], victim: str, upto: int | None = None) -> list[Edge]:
    posted = PostedLedger(rows(ledger.transfers, ledger.openings))
    upto_seq = len(ledger.transfers) if upto is None else upto
    return trace(posted, thefts=thefts, victim=victim, currency="EUR", upto_seq=upto_seq)


def in_sqlite(ledger: Ledger, thefts: list[str], victim: str) -> list[Edge]:
    with closing(OfflineLedger(rows(ledger.transfers, ledger.openings))) as offline:
        return offline.fifo_edges(
            thefts=thefts, victim=victim, currency="EUR", upto_seq=len(ledger.transfers)
        )


def naively(ledger: Ledger, thefts: list[str], victim: str) -> NaiveLedger:
    naive = NaiveLedger(frozenset(thefts), victim)
    for stated in ledger.openings:
        naive.open(stated)
    for posted in ledger.transfers:
        naive.post(posted)
    naive.edges.sort(key=in_order)
    return naive


@settings(max_examples=400, deadline=None)
@given(ledgers(), SEEDS)
def test_memory_sqlite_and_the_naive_ledger_agree_on_every_edge(ledger: Ledger, seed: int) -> None:
    victim, thefts = ledger.thefts(Random(seed))
    edges = in_memory(ledger, thefts, victim)
    naive = naively(ledger, thefts, victim)
    assert edges == naive.edges
    assert in_sqlite(ledger, thefts, victim) == edges
    assert digest(edges) == digest(naive.edges)

    lots = resting_lots(edges, victim)
    lying: dict[Place, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for lot in lots:
        lying[lot.place][lot.account_id] += lot.amount
    assert lying[Place.HELD] == naive.stolen_lying()
    assert lying[Place.EXITED] == {account: amount for account, amount in naive.exited.items() if amount}
    assert lying[Place.POOLED] == {account: amount for account, amount in naive.pooled.items() if amount}
    assert flow(edges, lots).returned == naive.returned


@settings(max_examples=200, deadline=None)
@given(ledgers(), SEEDS)
def test_places_sum_exactly_at_every_prefix_and_a_prefix_of_the_ledger_gives_a_prefix_of_the_trace(
    ledger: Ledger, seed: int
) -> None:
    victim, thefts = ledger.thefts(Random(seed))
    whole = in_memory(ledger, thefts, victim)
    for upto in range(len(ledger.transfers) + 1):
        edges = in_memory(ledger, thefts, victim, upto)
        assert edges == [edge for edge in whole if edge.seq <= upto]
        assert edges == in_memory(prefix(ledger, upto), thefts, victim)
        totals = flow(edges, resting_lots(edges, victim))
        stolen = [row for row in ledger.transfers[:upto] if row.transfer_id in thefts and row.src != row.dst]
        assert totals.stolen == sum(row.amount for row in stolen)
        assert totals.stolen == totals.held + totals.exited + totals.pooled + totals.returned + totals.pruned


@settings(max_examples=200, deadline=None)
@given(ledgers(), SEEDS)
def test_no_transfer_carries_more_than_it_moved_and_none_before_the_theft(ledger: Ledger, seed: int) -> None:
    victim, thefts = ledger.thefts(Random(seed))
    carried: dict[str, int] = defaultdict(int)
    first = min(row.seq for row in ledger.transfers if row.transfer_id in thefts)
    amounts = {row.transfer_id: row.amount for row in ledger.transfers}
    reached = {victim}
    for edge in in_memory(ledger, thefts, victim):
        assert edge.amount > 0
        assert edge.seq >= first
        assert edge.src in reached
        reached.add(edge.dst)
        carried[edge.transfer_id] += edge.amount
    assert all(amount <= amounts[transfer_id] for transfer_id, amount in carried.items())


@settings(max_examples=100, deadline=None)
@given(ledgers(), SEEDS)
def test_the_order_in_which_rows_are_given_changes_nothing(ledger: Ledger, seed: int) -> None:
    random = Random(seed)
    victim, thefts = ledger.thefts(random)
    shuffled = rows(ledger.transfers, ledger.openings)
    random.shuffle(shuffled)
    edges = trace(PostedLedger(shuffled), thefts=thefts, victim=victim, currency="EUR", upto_seq=10**9)
    assert edges == in_memory(ledger, thefts, victim)


@settings(max_examples=100, deadline=None)
@given(ledgers(), SEEDS)
def test_splitting_a_transfer_into_two_consecutive_ones_moves_the_same_units(
    ledger: Ledger, seed: int
) -> None:
    random = Random(seed)
    victim, thefts = ledger.thefts(random)
    cut = random.choice(ledger.transfers)
    if cut.amount == 1 or any(row.reverses == cut.transfer_id for row in ledger.transfers):
        return  # a reversal names one transfer: of two halves it would undo but one
    pieces: list[PostedTransfer] = []
    stolen = list(thefts)
    for row in ledger.transfers:
        shares = [row.amount]
        if row is cut:
            shares = [1, row.amount - 1]
        for number, share in enumerate(shares):
            name = row.transfer_id if number == 0 else f"{row.transfer_id}-rest"
            pieces.append(
                row.model_copy(update={"seq": len(pieces) + 1, "transfer_id": name, "amount": share})
            )
    if cut.transfer_id in thefts:
        stolen.append(f"{cut.transfer_id}-rest")
    split = Ledger(tuple(pieces), ledger.openings)

    def moved(edges: list[Edge]) -> dict[tuple[str, str], list[tuple[int, int]]]:
        found: dict[tuple[str, str], list[tuple[int, int]]] = defaultdict(list)
        for edge in edges:
            found[(edge.src, edge.dst)].append((edge.src_lo, edge.src_hi))
        return {key: union(intervals) for key, intervals in found.items()}

    whole, halves = in_memory(ledger, thefts, victim), in_memory(split, stolen, victim)
    assert moved(halves) == moved(whole)
    assert flow(halves, resting_lots(halves, victim)) == flow(whole, resting_lots(whole, victim))


@settings(max_examples=100, deadline=None)
@given(ledgers(), SEEDS)
def test_names_and_the_unit_of_money_do_not_matter(ledger: Ledger, seed: int) -> None:
    victim, thefts = ledger.thefts(Random(seed))
    renamed = Ledger(
        tuple(
            row.model_copy(update={"src": f"{row.src}~", "dst": f"{row.dst}~", "amount": row.amount * 7})
            for row in ledger.transfers
        ),
        tuple(
            stated.model_copy(update={"account_id": f"{stated.account_id}~", "amount": stated.amount * 7})
            for stated in ledger.openings
        ),
    )
    expected = [
        edge._replace(
            src=f"{edge.src}~",
            dst=f"{edge.dst}~",
            src_lo=edge.src_lo * 7,
            src_hi=edge.src_hi * 7,
            dst_lo=edge.dst_lo * 7,
        )
        for edge in in_memory(ledger, thefts, victim)
    ]
    assert in_memory(renamed, thefts, f"{victim}~") == expected


@settings(max_examples=150, deadline=None)
@given(ledgers(), SEEDS)
def test_lots_of_one_trace_never_overlap_and_never_exceed_what_lies_there(ledger: Ledger, seed: int) -> None:
    victim, thefts = ledger.thefts(Random(seed))
    book = Book()
    for stated in ledger.openings:
        book.open(stated)
    for row in ledger.transfers:
        book.post(row)
    lots = resting_lots(in_memory(ledger, thefts, victim), victim)
    by_account: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for lot in lots:
        by_account[lot.account_id].append((lot.lo, lot.hi))
    for account, intervals in by_account.items():
        assert sum(hi - lo for lo, hi in union(intervals)) == sum(hi - lo for lo, hi in intervals)
        if KINDS[account[0]] is AccountKind.WALLET and account != victim:
            assert sum(hi - lo for lo, hi in intervals) <= book.queue(account, "EUR").balance


def test_lots_of_two_cases_are_disjoint_unless_one_victim_was_robbed_of_the_others_money() -> None:
    # A is robbed of 10; the mule B, who has 5 of his own, is robbed of 8 by C: 5 of his own and 3 of A's.
    ledger = covered(
        [transfer(1, "A", "B", 10), transfer(2, "B", "C", 8)], [opening("A", 10), opening("B", 5)]
    )
    of_a = resting_lots(in_memory(ledger, ["t1"], "A"), "A")
    of_b = resting_lots(in_memory(ledger, ["t2"], "B"), "B")
    assert [(lot.account_id, lot.lo, lot.hi) for lot in of_a] == [("B", 8, 15), ("C", 5, 8)]
    assert [(lot.account_id, lot.lo, lot.hi) for lot in of_b] == [("C", 0, 8)]


def test_a_theft_straight_to_an_exit_has_left() -> None:
    ledger = covered([transfer(1, "A", "X", 10)], [opening("A", 10)])
    edges = in_memory(ledger, ["t1"], "A")
    totals = flow(edges, resting_lots(edges, "A"))
    assert (totals.stolen, totals.exited, totals.held) == (10, 10, 0)


def test_a_self_transfer_moves_nothing_not_even_as_a_theft() -> None:
    ledger = covered(
        [
            transfer(1, "A", "A", 50),
            transfer(2, "A", "B", 4),
            transfer(3, "B", "B", 4),
            transfer(4, "B", "C", 2),
        ],
        [opening("A", 10)],
    )
    assert [stated.inferred for stated in ledger.openings] == [0]
    assert in_memory(ledger, ["t1"], "A") == []
    edges = in_memory(ledger, ["t1", "t2"], "A")
    assert [(edge.seq, edge.amount) for edge in edges] == [(2, 4), (4, 2)]


def test_money_back_at_the_victim_is_returned_and_followed_no_further() -> None:
    ledger = covered(
        [
            transfer(1, "A", "B", 10),
            transfer(2, "B", "A", 6),
            transfer(3, "A", "C", 6),
            transfer(4, "A", "D", 4),
        ],
        [opening("A", 14)],
    )
    edges = in_memory(ledger, ["t1"], "A")
    totals = flow(edges, resting_lots(edges, "A"))
    assert [edge.seq for edge in edges] == [1, 2]
    assert (totals.returned, totals.held) == (6, 4)


def test_a_pooling_account_stops_the_trace() -> None:
    ledger = covered([transfer(1, "A", "P", 10), transfer(2, "P", "B", 10)], [opening("A", 10)])
    edges = in_memory(ledger, ["t1"], "A")
    assert [edge.seq for edge in edges] == [1]
    assert flow(edges, resting_lots(edges, "A")).pooled == 10


def test_a_loop_of_mules_ends() -> None:
    loop = [transfer(seq, "BCD"[seq % 3], "BCD"[(seq + 1) % 3], 10) for seq in range(2, 200)]
    ledger = covered([transfer(1, "A", "D", 10), *loop], [opening("A", 10)])
    edges = in_memory(ledger, ["t1"], "A")
    assert len(edges) == 1 + len(loop)
    assert edges[-1].hop == len(loop)
    assert in_sqlite(ledger, ["t1"], "A") == edges


def test_another_currency_of_the_same_account_is_another_axis() -> None:
    book = [
        transfer(1, "A", "B", 10),
        transfer(2, "B", "C", 10, currency="USD"),
        transfer(3, "B", "D", 10),
    ]
    ledger = covered(book, [opening("A", 10), opening("B", 10, "USD")])
    assert [edge.seq for edge in in_memory(ledger, ["t1"], "A")] == [1, 3]
    assert [edge.seq for edge in in_sqlite(ledger, ["t1"], "A")] == [1, 3]


def test_the_digest_is_over_these_very_bytes() -> None:
    edge = Edge(7, "t7", "A", "B", "wallet", 4500, 6500, 100, 2)
    assert canonical_line(edge) == "7|A|B|4500|6500|100|2\n"
    assert digest([edge]) == "d2637078fb7fe359ef5e07da87f20eaca6099716a1c29eeebecfa10a135adb32"
    assert digest([]) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_big_random_ledgers_agree_too() -> None:
    for seed in range(60):
        random = Random(seed)
        ledger = random_ledger(random, length=120)
        victim, thefts = ledger.thefts(random)
        edges = in_memory(ledger, thefts, victim)
        assert edges == in_sqlite(ledger, thefts, victim) == naively(ledger, thefts, victim).edges


def test_a_pooling_account_keeps_even_what_it_pays_back() -> None:
    ledger = covered(
        [transfer(1, "A", "P", 10), transfer(2, "P", "A", 10, reverses="t1")], [opening("A", 10)]
    )
    assert [edge.seq for edge in in_memory(ledger, ["t1"], "A")] == [1]
    assert [edge.seq for edge in in_sqlite(ledger, ["t1"], "A")] == [1]


def test_a_transfer_that_carried_lots_of_several_hops_is_as_near_as_the_nearest() -> None:
    moves = [
        transfer(1, "A", "B", 4),
        transfer(2, "A", "C", 3),
        transfer(3, "B", "C", 4),
        transfer(4, "C", "X", 7),
    ]
    edges = in_memory(covered(moves, [opening("A", 7)]), ["t1", "t2"], "A")
    assert [(edge.seq, edge.hop) for edge in edges] == [(1, 0), (2, 0), (3, 1), (4, 1), (4, 2)]
    assert [(each.seq, each.amount, each.hop) for each in carried_by(edges)][-1] == (4, 7, 1)
