"""The reach list and meetings of thefts, against what the ledger says itself."""

from __future__ import annotations

from contextlib import closing
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.transfers.offline import OfflineLedger
from models.contracts.transfers import AccountKind
from tests.tracing.ledgers import Ledger, covered, ledgers, opening, transfer
from tests.tracing.naive import NaiveLedger
from tracing.fifo import PostedLedger
from tracing.fifo import trace as unit_edges
from tracing.meeting import Meeting, meetings
from tracing.posting import rows
from tracing.reach import Reached, reach
from tracing.rules import Rule
from tracing.trace import trace

pytestmark = pytest.mark.fast

SEEDS = st.integers(0, 2**32)


def contacts(ledger: Ledger, thefts: list[str], victim: str) -> dict[str, tuple[int, int]]:
    """Account -> (posting of first contact, transfers after the theft), by walking the whole ledger once."""
    found: dict[str, tuple[int, int]] = {}
    for row in ledger.transfers:
        if row.dst in (row.src, victim) or row.dst in found:
            continue
        if row.transfer_id in thefts:
            found[row.dst] = (row.seq, 0)
        elif row.src in found and row.src_kind is AccountKind.WALLET and row.src != victim:
            found[row.dst] = (row.seq, found[row.src][1] + 1)
    return found


@settings(max_examples=100, deadline=None)
@given(ledger=ledgers(), seed=SEEDS)
def test_the_reach_list_is_every_contact_in_time_order_and_covers_every_trace(
    ledger: Ledger, seed: int
) -> None:
    victim, thefts = ledger.thefts(Random(seed))
    with closing(OfflineLedger(rows(ledger.transfers, ledger.openings))) as offline:
        found, more = reach(offline, thefts=thefts, currency="EUR", upto_seq=len(ledger.transfers), most=100)
        assert not more
        assert {each.account_id: (each.since_seq, each.hop) for each in found} == contacts(
            ledger, thefts, victim
        )
        if found:
            some, cut = reach(
                offline, thefts=thefts, currency="EUR", upto_seq=len(ledger.transfers), most=len(found) - 1
            )
            assert cut
            assert some == found[:-1]
        reversed_by_exits = any(row.reverses and row.src_kind.is_exit for row in ledger.transfers)
        for rule in Rule:
            traced = trace(offline, rule=rule, thefts=thefts, currency="EUR", upto_seq=len(ledger.transfers))
            touched = {each.dst for each in traced.carried} - {victim}
            assert reversed_by_exits or touched <= {each.account_id for each in found}


def test_contact_goes_forward_in_time_only() -> None:
    ledger = covered(
        [transfer(1, "B", "C", 5), transfer(2, "A", "B", 5), transfer(3, "B", "X", 1)],
        [opening("A", 5), opening("B", 5)],
    )
    with closing(OfflineLedger(rows(ledger.transfers, ledger.openings))) as offline:
        found, _ = reach(offline, thefts=["t2"], currency="EUR", upto_seq=3, most=10)
    assert found == [Reached("B", "wallet", 2, 0), Reached("X", "bank", 3, 1)]


@settings(max_examples=150, deadline=None)
@given(ledger=ledgers(), seed=SEEDS)
def test_two_thefts_claim_the_same_units_only_where_one_took_what_the_other_had_stolen(
    ledger: Ledger, seed: int
) -> None:
    random = Random(seed)
    one, other = (random.choice(ledger.transfers) for _ in range(2))
    posted = PostedLedger(rows(ledger.transfers, ledger.openings))
    traces = {
        name: unit_edges(
            posted,
            thefts=[theft.transfer_id],
            victim=theft.src,
            currency="EUR",
            upto_seq=len(ledger.transfers),
        )
        for name, theft in (("one", one), ("other", other))
    }
    found = meetings(traces)
    units = {
        name: {(edge.dst, unit) for edge in edges for unit in range(edge.dst_lo, edge.dst_lo + edge.amount)}
        for name, edges in traces.items()
    }
    claimed = {(each.account_id, unit) for each in found for unit in range(each.lo, each.hi)}
    assert claimed == units["one"] & units["other"]
    if one.src == other.src and one is not other:
        return
    if claimed and one is not other:
        # The later theft must have carried units of the earlier one.
        first, second = sorted((one, other), key=lambda theft: theft.seq)
        naive = NaiveLedger(frozenset({first.transfer_id}), first.src)
        for stated in ledger.openings:
            naive.open(stated)
        for row in ledger.transfers:
            naive.post(row)
        assert any(edge.seq == second.seq for edge in naive.edges)


def test_who_robbed_whose_money_is_named() -> None:
    ledger = covered([transfer(1, "A", "B", 10), transfer(2, "B", "C", 6)], [opening("A", 10)])
    posted = PostedLedger(rows(ledger.transfers, ledger.openings))
    traces = {
        name: unit_edges(posted, thefts=[theft], victim=victim, currency="EUR", upto_seq=2)
        for name, theft, victim in (("A was robbed", "t1", "A"), ("B was robbed", "t2", "B"))
    }
    assert meetings(traces) == [Meeting("C", 0, 6, "A was robbed", "B was robbed")]
