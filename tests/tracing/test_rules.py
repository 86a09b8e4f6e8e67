"""The rules without units: equal to a ledger that posts everything, and what must hold of any of them holds."""

from __future__ import annotations

from collections import defaultdict
from contextlib import closing
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.transfers.offline import OfflineLedger
from tests.tracing.ledgers import Ledger, ledgers, prefix
from tests.tracing.naive_sums import NaiveSums
from tracing.places import Place
from tracing.posting import rows
from tracing.result import Limits, Trace
from tracing.rules import Rule
from tracing.trace import trace

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
@settings(max_examples=300, deadline=None)
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
@settings(max_examples=60, deadline=None)
@given(ledger=ledgers(), seed=SEEDS)
def test_a_prefix_of_the_ledger_gives_a_prefix_of_the_trace(rule: Rule, ledger: Ledger, seed: int) -> None:
    _, thefts = ledger.thefts(Random(seed), most=1)
    whole = traced(ledger, thefts, rule)
    first = whole.carried[0].seq if whole.carried else len(ledger.transfers)
    for upto in range(max(first, int(thefts[0][1:])), len(ledger.transfers) + 1):
        part = traced(ledger, thefts, rule, upto)
        assert part.carried == tuple(each for each in whole.carried if each.seq <= upto)
        assert part == traced(prefix(ledger, upto), thefts, rule)
