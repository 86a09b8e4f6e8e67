"""The flow picture: no money is hidden, nothing in it can act, and the same trace is the same bytes."""

from __future__ import annotations

import re
from collections import Counter
from contextlib import closing
from random import Random
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.transfers.offline import OfflineLedger
from tests.tracing.ledgers import Ledger, covered, ledgers, opening, random_ledger, transfer
from tracing.picture.drawing import flow_picture
from tracing.picture.folding import fold
from tracing.picture.languages import Language
from tracing.picture.pieces import named
from tracing.picture.table import by_hop
from tracing.picture.unrolled import Cell, Look, unroll
from tracing.posting import rows
from tracing.result import Limits, Trace
from tracing.rules import Rule
from tracing.trace import ranges, trace

pytestmark = pytest.mark.fast

SVG = "{http://www.w3.org/2000/svg}"
PLACES = {
    Cell.HELD: "held",
    Cell.EXITED: "exited",
    Cell.POOLED: "pooled",
    Cell.RETURNED: "returned",
    Cell.PRUNED: "pruned",
}


def traced(ledger: Ledger, thefts: list[str], rule: Rule = Rule.FIFO, limits: Limits | None = None) -> Trace:
    with closing(OfflineLedger(rows(ledger.transfers, ledger.openings))) as offline:
        return trace(
            offline,
            rule=rule,
            thefts=thefts,
            currency="EUR",
            upto_seq=len(ledger.transfers),
            limits=limits,
        )


def fan(accounts: int) -> Ledger:
    """A mule that pays many wallets, each of which pays a bank."""
    moves = [transfer(1, "A", "B", 10 * accounts)]
    moves += [transfer(number + 2, "B", f"D{number:04}", 10) for number in range(accounts)]
    moves += [
        transfer(accounts + number + 2, f"D{number:04}", f"X{number % 7}", 1 + number % 9)
        for number in range(accounts)
    ]
    return covered(moves, [opening("A", 10 * accounts)])


def texts(picture: str) -> list[str]:
    return ["".join(each.itertext()) for each in ET.fromstring(picture).iter(f"{SVG}text")]


LIMITS = st.builds(
    Limits,
    horizon_seq=st.one_of(st.none(), st.integers(1, 25)),
    dust=st.integers(0, 4),
    max_edges=st.one_of(st.none(), st.integers(0, 12)),
)


@pytest.mark.parametrize("rule", list(Rule))
@settings(max_examples=30, deadline=None)
@given(ledger=ledgers(), seed=st.integers(0, 2**32), limits=LIMITS)
def test_however_it_is_folded_every_unit_is_in_one_bar_and_in_its_place(
    rule: Rule, ledger: Ledger, seed: int, limits: Limits
) -> None:
    _, thefts = ledger.thefts(Random(seed))
    found = traced(ledger, thefts, rule, limits)
    if not found.flow.stolen:
        return
    unrolled = unroll(found)
    for folded in (fold(unrolled, columns=100, bars=100), fold(unrolled, columns=4, bars=3)):
        bars = [bar for column in folded.columns for bar in column]
        rests = sum((bar.rests for bar in bars), Counter[Cell]())
        for cell, place in PLACES.items():
            assert rests[cell] == getattr(found.flow, place)
        for bar in bars:
            assert bar.sent + sum(bar.rests.values()) == bar.amount >= bar.received
            incoming = sum(amount for (_, to), (amount, _) in folded.links.items() if to == bar.key)
            outgoing = sum(amount for (of, _), (amount, _) in folded.links.items() if of == bar.key)
            assert (incoming or found.flow.stolen, outgoing) == (bar.received or incoming, bar.sent)
            # What joined from a later hop makes up for what a bar sent beyond what it received.
            assert bar.amount == bar.received or rests[Cell.JOINED]
        for source, target in folded.links:
            assert target.column == source.column + 1
        if rule is Rule.FIFO:
            assert not rests[Cell.JOINED]
    lines = by_hop(unrolled, lines=3)
    assert sum(line.rests[Cell.HELD] for line in lines) == found.flow.held
    assert sum(sum(line.exited.values()) for line in lines) == found.flow.exited
    assert lines[0].arrived == sum(step.amount for step in found.carried if step.hop == 0)


@pytest.mark.parametrize("language", list(Language))
def test_the_same_trace_is_the_same_bytes_and_nothing_in_it_can_act(language: Language) -> None:
    ledger = random_ledger(Random(5), length=80)
    _, thefts = ledger.thefts(Random(5))
    found = traced(ledger, thefts)
    picture = flow_picture(found, language=language)
    assert picture == flow_picture(traced(ledger, thefts), language=language)
    root = ET.fromstring(picture)
    tags = {each.tag.removeprefix(SVG) for each in root.iter()}
    assert tags <= {"svg", "g", "title", "desc", "rect", "path", "text", "line"}
    names = {name for each in root.iter() for name in each.attrib}
    assert not {
        name for name in names if name.startswith("on") or "href" in name or name in {"style", "class"}
    }
    assert "url(" not in picture
    assert root.find(f"{SVG}title") is not None
    assert root.find(f"{SVG}desc") is not None
    assert found.digest in picture
    assert (root.get("width"), root.get("height")) == ("297mm", "210mm")


HOSTILE = '"/><script>alert(1)</script>&\u202e\x00\x1b]]>'


def test_an_account_may_be_called_anything_and_is_shown_harmless() -> None:
    moves = [
        transfer(1, "A", "B", 10).model_copy(update={"dst": HOSTILE}),
        transfer(2, "B", "X", 4).model_copy(update={"src": HOSTILE}),
    ]
    picture = flow_picture(traced(covered(moves, [opening("A", 10)]), ["t1"]))
    assert "<script" not in picture
    root = ET.fromstring(picture.encode())
    assert not list(root.iter(f"{SVG}script"))
    told = "".join(root.itertext())
    assert '"/><script>alert(1)</script>&\ufffd\ufffd\ufffd]]>' in told


def test_small_bars_are_folded_into_others_that_say_how_many_and_how_much() -> None:
    ledger = fan(400)
    found = traced(ledger, ["t1"])
    picture = flow_picture(found)
    said = texts(picture)
    assert any(re.fullmatch(r"3\d\d others", line) for line in said)
    assert len(picture) < 100_000
    # B passed everything on; the 400 others hold what they did not pay out.
    assert f"held {found.flow.held / 100:.2f}" in " ".join(said)
    assert any(f"{found.flow.exited / 100:,.2f}" in line for line in said)


def test_deep_hops_share_one_bar() -> None:
    chain = [transfer(1, "A", "B0", 50)]
    chain += [transfer(hop + 1, f"B{hop - 1}", f"B{hop}", 50 - hop) for hop in range(1, 30)]
    said = texts(flow_picture(traced(covered(chain, [opening("A", 50)]), ["t1"])))
    assert "hops 6 to 29" in said
    assert "24 accounts" in said
    assert "hops 8 to 29" in said  # of the table, which has more room


def test_a_cycle_is_unrolled_and_what_comes_back_to_the_victim_is_told() -> None:
    ledger = covered(
        [
            transfer(1, "A", "B", 10),
            transfer(2, "B", "C", 10),
            transfer(3, "C", "B", 9),
            transfer(4, "B", "A", 4),
        ],
        [opening("A", 10)],
    )
    unrolled = unroll(traced(ledger, ["t1"]))
    assert [key.column for key in sorted(unrolled.bars) if key.account_id == "B"] == [1, 3]
    said = texts(flow_picture(traced(ledger, ["t1"])))
    assert "0.04 returned" in said
    assert Look.RETURNED in {key.look for key in unrolled.bars}


def test_a_transfer_that_carries_lots_of_several_hops_has_a_bar_for_each() -> None:
    # The last payment carries the first lot over one hop and, after a round trip, the other over three.
    moves = [
        transfer(1, "A", "B", 10),
        transfer(2, "B", "C", 5),
        transfer(3, "C", "B", 5),
        transfer(4, "B", "X", 10),
    ]
    found = traced(covered(moves, [opening("A", 10)]), ["t1"])
    assert [step.hop for step in found.carried] == [0, 1, 2, 1]
    unrolled = unroll(found)
    assert unrolled.last_hop == 3
    assert [line.exited[Look.BANK] for line in by_hop(unrolled, lines=9)] == [0, 5, 0, 5]
    assert "hop 3" in texts(flow_picture(found))


def test_ids_of_thefts_are_whole_and_those_without_room_are_counted() -> None:
    ids = [f"trf-{number:020}" for number in range(9)]
    assert named(ids[:1], 70) == ids[0]
    assert named(ids, 70) == f"{ids[0]}, {ids[1]} + 7"
    assert named(ids[:3], 80) == ", ".join(ids[:3])
    assert len(named(["x" * 500, "y"], 70)) <= 70
    assert named(["x" * 500, "y"], 70).endswith(" + 1")


@pytest.mark.parametrize(
    ("moves", "state"),
    [
        ([transfer(1, "A", "B", 10)], "0.10 held"),
        ([transfer(1, "A", "X", 10)], "0.10 bank"),
        ([transfer(1, "A", "P", 10)], "0.10 pooled"),
    ],
)
def test_everything_in_one_place(moves: list, state: str) -> None:
    found = traced(covered(moves, [opening("A", 10)]), ["t1"])
    assert state in texts(flow_picture(found))


def test_what_was_not_followed_and_the_range_over_the_rules_are_on_it() -> None:
    ledger = fan(9)
    found = traced(ledger, ["t1"], limits=Limits(max_edges=3))
    with closing(OfflineLedger(rows(ledger.transfers, ledger.openings))) as offline:
        spread = ranges(offline, thefts=["t1"], currency="EUR", upto_seq=len(ledger.transfers))
    said = " ".join(texts(flow_picture(found, ranges=spread)))
    assert "Not followed, because of the limits that were asked for: max_edges 0.73 (9)" in said
    assert "least of these rules" in said
    assert "B 0.90 not followed 0.70" in said
