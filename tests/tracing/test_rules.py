"""The rules without units: equal to a ledger that posts everything, and what must hold of any of them holds."""

from __future__ import annotations

from collections import Counter, defaultdict
from contextlib import closing
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.transfers.offline import OfflineLedger
from models.contracts.transfers import PostedTransfer
from tests.tracing.ledgers import Ledger, covered, ledgers, opening, prefix, transfer
from tests.tracing.naive_sums import NaiveSums
from tracing.places import Place
from tracing.posting import rows
from tracing.result import Limits, PruneReason, Trace
from tracing.rules import Rule
from tracing.trace import ranges, trace

pytestmark = pytest.mark.fast

SEEDS = st.integers(0, 2**32)
SWEPT = [Rule.LIBR, Rule.PRO_RATA, Rule.LIFO, Rule.DIRTY_FIRST]


def traced(
    ledger: Ledger, thefts: list[str], rule: Rule, upto: int | None = None, limits: Limits | None = None
) -> Trace:
    with closing(OfflineLedger(rows(ledger.transfers, ledger.openings))) as offline:
        return trace(
            offline,
            rule=rule,
            thefts=thefts,
            currency="EUR",
            upto_seq=len(ledger.transfers) if upto is None else upto,
            limits=limits,
        )


def naively(ledger: Ledger, thefts: list[str], victim: str, rule: Rule) -> NaiveSums:
    naive = NaiveSums(rule.value, frozenset(thefts), victim)
    for stated in ledger.openings:
        naive.open(stated)
    for posted in ledger.transfers:
        naive.post(posted)
    return naive


def lying(found: Trace, place: Place) -> dict[str, int]:
    sums: dict[str, int] = defaultdict(int)
    for lot in found.resting:
        if lot.place is place:
            sums[lot.account_id] += lot.amount
    return dict(sums)


@pytest.mark.parametrize("rule", SWEPT)
@settings(max_examples=100, deadline=None)
@given(ledger=ledgers(), seed=SEEDS)
def test_each_rule_agrees_with_the_naive_ledger_on_every_edge(rule: Rule, ledger: Ledger, seed: int) -> None:
    victim, thefts = ledger.thefts(Random(seed))
    found = traced(ledger, thefts, rule)
    naive = naively(ledger, thefts, victim, rule)
    assert [(each.seq, each.src, each.dst, each.amount, each.hop) for each in found.carried] == naive.edges
    assert lying(found, Place.HELD) == {account: amount for account, amount in naive.stolen.items() if amount}
    assert lying(found, Place.EXITED) == {
        account: amount for account, amount in naive.exited.items() if amount
    }
    assert lying(found, Place.POOLED) == {
        account: amount for account, amount in naive.pooled.items() if amount
    }
    assert found.flow.returned == naive.returned


@pytest.mark.parametrize("rule", list(Rule))
@settings(max_examples=25, deadline=None)
@given(ledger=ledgers(), seed=SEEDS)
def test_a_prefix_of_the_ledger_gives_a_prefix_of_the_trace(rule: Rule, ledger: Ledger, seed: int) -> None:
    _, thefts = ledger.thefts(Random(seed), most=1)
    whole = traced(ledger, thefts, rule)
    first = whole.carried[0].seq if whole.carried else len(ledger.transfers)
    for upto in range(max(first, int(thefts[0][1:])), len(ledger.transfers) + 1):
        part = traced(ledger, thefts, rule, upto)
        assert part.carried == tuple(each for each in whole.carried if each.seq <= upto)
        assert part == traced(prefix(ledger, upto), thefts, rule)


@pytest.mark.parametrize("rule", list(Rule))
@settings(max_examples=30, deadline=None)
@given(ledger=ledgers(), seed=SEEDS)
def test_no_rule_takes_more_than_was_moved_or_leaves_more_than_lies_there(
    rule: Rule, ledger: Ledger, seed: int
) -> None:
    victim, thefts = ledger.thefts(Random(seed))
    carried = {step.seq: step for step in traced(ledger, thefts, rule).carried}
    balance = Counter({stated.account_id: stated.amount for stated in ledger.openings})
    stolen: Counter[str] = Counter()
    robbed = False
    for row in ledger.transfers:
        robbed |= row.transfer_id in thefts
        if row.src != row.dst:
            balance[row.src] -= row.amount
            balance[row.dst] += row.amount
        step = carried.get(row.seq)
        if step is None:
            continue
        assert robbed
        assert 0 < step.amount <= row.amount
        if row.transfer_id not in thefts:
            assert step.amount <= stolen[row.src]
            stolen[row.src] -= step.amount
        if row.dst != victim:
            stolen[row.dst] += step.amount
        for account in (row.src, row.dst):
            if account in "ABCD" and account != victim:
                assert stolen[account] <= balance[account]


LIMITS = st.builds(
    Limits,
    horizon_seq=st.one_of(st.none(), st.integers(1, 25)),
    dust=st.integers(0, 4),
    max_edges=st.one_of(st.none(), st.integers(0, 12)),
)


@pytest.mark.parametrize("rule", list(Rule))
@settings(max_examples=30, deadline=None)
@given(ledger=ledgers(), seed=SEEDS, limits=LIMITS)
def test_what_limits_cut_off_is_told_to_the_unit(
    rule: Rule, ledger: Ledger, seed: int, limits: Limits
) -> None:
    _, thefts = ledger.thefts(Random(seed))
    free, found = traced(ledger, thefts, rule), traced(ledger, thefts, rule, limits=limits)
    assert found.flow.stolen == free.flow.stolen
    assert found.flow.pruned == sum(part.amount for part in found.pruned.values())
    assert set(found.pruned) <= {
        reason
        for reason, asked in (
            (PruneReason.HORIZON, limits.horizon_seq is not None),
            (PruneReason.DUST, limits.dust > 0),
            (PruneReason.MAX_EDGES, limits.max_edges is not None),
        )
        if asked
    }
    seqs = {each.seq: each for each in free.carried}
    for each in found.carried:
        assert each.seq in seqs
        assert limits.horizon_seq is None or not each.hop or each.seq <= limits.horizon_seq
    edges = len(found.units) if rule is Rule.FIFO else len(found.carried)
    assert limits.max_edges is None or edges <= max(limits.max_edges, len(thefts) * 4)


@settings(max_examples=50, deadline=None)
@given(ledger=ledgers(), seed=SEEDS, horizon=st.integers(1, 25))
def test_at_its_horizon_a_trace_is_the_trace_of_that_day(ledger: Ledger, seed: int, horizon: int) -> None:
    """What it cuts off is what the days after carried on, and everything else lies where it lay."""
    _, thefts = ledger.thefts(Random(seed), most=1)
    if int(thefts[0][1:]) > horizon:
        return
    upto = min(horizon, len(ledger.transfers))
    for rule in Rule:
        that_day = traced(ledger, thefts, rule, upto)
        found = traced(ledger, thefts, rule, limits=Limits(horizon_seq=horizon))
        assert found.carried == that_day.carried
        # Money that an exit gives back, or an account pays on, after the horizon is what was cut off.
        assert found.flow.held + found.flow.exited + found.flow.pruned == (
            that_day.flow.held + that_day.flow.exited
        )
        assert (found.flow.pooled, found.flow.returned) == (that_day.flow.pooled, that_day.flow.returned)


@settings(max_examples=50, deadline=None)
@given(ledger=ledgers(), seed=SEEDS, dust=st.integers(1, 5))
def test_dust_stays_where_it_fell(ledger: Ledger, seed: int, dust: int) -> None:
    _, thefts = ledger.thefts(Random(seed), most=1)
    for rule in Rule:
        found = traced(ledger, thefts, rule, limits=Limits(dust=dust))
        free = traced(ledger, thefts, rule)
        if rule is Rule.FIFO:
            small = {(edge.dst, edge.dst_lo) for edge in found.units if edge.amount <= dust}
            lots = {(lot.account_id, lot.lo) for lot in found.resting if lot.place is Place.HELD}
            assert not small & lots
        if not found.pruned:
            assert found.carried == free.carried


@settings(max_examples=50, deadline=None)
@given(seed=SEEDS)
def test_the_rules_agree_where_the_mule_was_empty_and_got_nothing_clean(seed: int) -> None:
    """Into an empty account, and out of it again: there is nothing to tell apart."""
    random = Random(seed)
    amount = random.randint(2, 40)
    moves = [transfer(1, "A", "B", amount)]
    left = amount
    while left and len(moves) < 8:
        part = random.randint(1, left)
        left -= part
        moves.append(transfer(len(moves) + 1, "B", random.choice("XYPO"), part))
    small = covered(moves, [opening("A", amount)])
    found = {rule: traced(small, ["t1"], rule) for rule in Rule}
    assert len({trace.carried for trace in found.values()}) == 1
    assert len({tuple(trace.flow.model_dump().items()) for trace in found.values()}) == 1


@settings(max_examples=25, deadline=None)
@given(seed=SEEDS)
def test_inside_one_account_libr_lets_least_stolen_money_out_and_dirty_first_most(seed: int) -> None:
    """At every posting, summed up to there. It does not hold across accounts, and nobody claims it does."""
    random = Random(seed)
    moves = [transfer(1, "A", "B", random.randint(1, 20))]
    held = moves[0].amount
    for seq in range(2, random.randint(3, 14)):
        if held and random.random() < 0.6:
            amount = random.randint(1, held)
            held -= amount
            moves.append(transfer(seq, "B", "X", amount))
        else:
            amount = random.randint(1, 9)
            held += amount
            moves.append(transfer(seq, "O", "B", amount))
    small = covered(moves, [opening("A", moves[0].amount)])

    def out(rule: Rule, upto: int) -> int:
        return sum(each.amount for each in traced(small, ["t1"], rule, upto).carried if each.src == "B")

    for upto in range(1, len(moves) + 1):
        sums = {rule: out(rule, upto) for rule in Rule}
        assert sums[Rule.LIBR] == min(sums.values())
        assert sums[Rule.DIRTY_FIRST] == max(sums.values())


@pytest.mark.parametrize("rule", [Rule.FIFO, Rule.LIBR, Rule.DIRTY_FIRST])
@settings(max_examples=100, deadline=None)
@given(ledger=ledgers(), seed=SEEDS)
def test_splitting_a_payment_changes_nothing_under_the_rules_that_cannot_be_steered(
    rule: Rule, ledger: Ledger, seed: int
) -> None:
    random = Random(seed)
    _, thefts = ledger.thefts(random)
    cut = random.choice(ledger.transfers)
    if cut.amount == 1 or any(row.reverses for row in ledger.transfers):
        return
    rows_: list[PostedTransfer] = []
    stolen = list(thefts)
    for row in ledger.transfers:
        shares = [1, row.amount - 1] if row is cut else [row.amount]
        for number, share in enumerate(shares):
            name = row.transfer_id if number == 0 else f"{row.transfer_id}-rest"
            rows_.append(row.model_copy(update={"seq": len(rows_) + 1, "transfer_id": name, "amount": share}))
    if cut.transfer_id in thefts:
        stolen.append(f"{cut.transfer_id}-rest")
    split = Ledger(tuple(rows_), ledger.openings)
    whole, halves = traced(ledger, thefts, rule), traced(split, stolen, rule)
    assert whole.flow == halves.flow
    for place in Place:
        assert lying(whole, place) == lying(halves, place)


def test_ranges_name_every_rule_and_each_is_its_own_trace() -> None:
    ledger = covered(
        [
            transfer(1, "A", "B", 10),
            transfer(2, "O", "B", 6),
            transfer(3, "B", "X", 8),
            transfer(4, "B", "C", 3),
        ],
        [opening("A", 10), opening("B", 4)],
    )
    with closing(OfflineLedger(rows(ledger.transfers, ledger.openings))) as offline:
        found = ranges(offline, thefts=["t1"], currency="EUR", upto_seq=4)
    assert found == {rule: traced(ledger, ["t1"], rule).flow for rule in Rule}
    # 4 clean, 10 stolen, 6 clean; 8 and then 3 paid out.
    assert {rule: (flow.held, flow.exited) for rule, flow in found.items()} == {
        Rule.FIFO: (6, 4),
        Rule.LIBR: (10, 0),
        Rule.PRO_RATA: (6, 4),
        Rule.LIFO: (8, 2),
        Rule.DIRTY_FIRST: (2, 8),
    }
