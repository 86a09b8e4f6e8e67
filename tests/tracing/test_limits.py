"""Limits: which edges are left, and how many parts of how much each limit cut off, against the slow way to find out."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from random import Random

import pytest

from adapters.transfers.offline import OfflineLedger
from models.contracts.transfers import AccountKind, OpeningBalance, PostedTransfer
from tests.tracing.ledgers import random_ledger
from tests.tracing.naive_holds import Piles
from tests.tracing.test_holds_by_sums import SWEPT, Story
from tracing.edges import Edge
from tracing.posting import rows
from tracing.result import Limits, Pruned, PruneReason, Trace
from tracing.rules import Rule
from tracing.trace import trace

pytestmark = pytest.mark.fast


def limited(
    rule: Rule,
    transfers: tuple[PostedTransfer, ...],
    openings: tuple[OpeningBalance, ...],
    thefts: list[str],
    limits: Limits,
) -> Trace:
    with closing(OfflineLedger(rows(transfers, openings))) as offline:
        return trace(
            offline, rule=rule, thefts=thefts, currency="EUR", upto_seq=len(transfers), limits=limits
        )


def some_limits(random: Random, postings: int) -> Limits:
    return Limits(
        horizon_seq=random.choice([None, random.randint(1, postings)]),
        dust=random.choice([0, random.randint(1, 4)]),
        max_edges=random.choice([None, random.randint(0, 10)]),
    )


@pytest.mark.parametrize("rule", SWEPT)
def test_limited_sweeps_agree_with_limited_piles(rule: Rule) -> None:
    reasons = Counter[PruneReason]()
    for seed in range(120):
        story = Story(rule, seed)
        thefts = sorted(story.piles.thefts)
        if not thefts:
            continue
        limits = some_limits(Random(seed), len(story.transfers))
        piles = Piles(rule, "A", set(thefts), limits=limits)
        for stated in story.openings:
            piles.open(stated)
        for row in story.transfers:
            piles.post(row)
        found = limited(rule, tuple(story.transfers), tuple(story.openings), thefts, limits)
        assert [(each.seq, each.src, each.dst, each.amount) for each in found.carried] == piles.edges
        assert found.pruned == {
            reason: Pruned(len(parts), sum(parts)) for reason, parts in piles.pruned.items()
        }
        reasons.update(list(found.pruned))
    assert set(reasons) == set(PruneReason)


def slowly(edges: list[Edge], victim: str, limits: Limits) -> tuple[list[Edge], dict[PruneReason, Pruned]]:
    """Every edge looks among all edges for the one that brought its units."""
    left: list[Edge] = []
    open_ended: set[Edge] = set()
    cut: dict[PruneReason, list[int]] = {}
    for edge in edges:
        if edge.hop:
            brought = [
                other
                for other in edges
                if other.dst == edge.src and other.dst_lo <= edge.src_lo < other.dst_lo + other.amount
            ]
            assert len(brought) == 1
            if brought[0] not in open_ended:
                continue
            if limits.horizon_seq is not None and edge.seq > limits.horizon_seq:
                cut.setdefault(PruneReason.HORIZON, []).append(edge.amount)
                continue
            if limits.max_edges is not None and len(left) >= limits.max_edges:
                cut.setdefault(PruneReason.MAX_EDGES, []).append(edge.amount)
                continue
        left.append(edge)
        if edge.dst_kind == AccountKind.WALLET and edge.dst != victim and edge.amount <= limits.dust:
            cut.setdefault(PruneReason.DUST, []).append(edge.amount)
        else:
            open_ended.add(edge)
    return left, {reason: Pruned(len(parts), sum(parts)) for reason, parts in cut.items()}


def test_limited_unit_edges_are_those_that_a_slow_search_leaves() -> None:
    reasons = Counter[PruneReason]()
    for seed in range(150):
        random = Random(seed)
        ledger = random_ledger(random, length=60)
        victim, thefts = ledger.thefts(random)
        limits = some_limits(random, 60)
        free = limited(Rule.FIFO, ledger.transfers, ledger.openings, thefts, Limits())
        found = limited(Rule.FIFO, ledger.transfers, ledger.openings, thefts, limits)
        left, cut = slowly(list(free.units), victim, limits)
        assert list(found.units) == left
        assert found.pruned == cut
        assert found.flow.stolen == free.flow.stolen
        reasons.update(list(found.pruned))
    assert set(reasons) == set(PruneReason)


@pytest.mark.parametrize("rule", list(Rule))
def test_limits_that_cut_nothing_change_nothing(rule: Rule) -> None:
    for seed in range(40):
        random = Random(seed)
        ledger = random_ledger(random, length=60)
        _, thefts = ledger.thefts(random)
        wide = Limits(horizon_seq=60, max_edges=10**6)
        free = limited(rule, ledger.transfers, ledger.openings, thefts, Limits())
        found = limited(rule, ledger.transfers, ledger.openings, thefts, wide)
        assert (found.units, found.carried, found.resting, found.flow, found.digest) == (
            free.units,
            free.carried,
            free.resting,
            free.flow,
            free.digest,
        )
