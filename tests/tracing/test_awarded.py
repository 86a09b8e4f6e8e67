"""Held money that a decision paid to another owner is theirs: it left the trace once, and whatever they do with it leaves nothing."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.transfers.offline import OfflineLedger
from models.contracts.transfers import PostedTransfer
from tests.tracing.ledgers import opening, transfer
from tracing.edges import Edge
from tracing.fifo import PostedLedger, trace
from tracing.following import Following
from tracing.intervals import Interval, intersect, subtract, total, union
from tracing.picture.unrolled import Cell, Look, unroll
from tracing.places import Lot, Place, flow, resting_lots
from tracing.posting import Book, Row, arrives_as, rows_of
from tracing.remedy import Known, remedy
from tracing.result import Limits
from tracing.trace import by_units

pytestmark = pytest.mark.fast

VICTIM, OTHER = "A", "D"
THEFTS = ("t1", "t2", "t3")


@dataclass
class Story:
    """Three thefts, then holds where the stolen money lies, payments out of them to both owners, and everybody spending."""

    random: Random
    length: int
    book: Book = field(default_factory=Book)
    rows: list[Row] = field(default_factory=list)
    holds: dict[str, tuple[str, Interval]] = field(default_factory=dict)
    paid: list[tuple[int, str, int]] = field(default_factory=list)

    def tell(self) -> Story:
        for name in "ABCD":
            self.book.open(opening(name, self.random.randint(0, 9) + (40 if name == VICTIM else 0)))
        for seq, theft in enumerate(THEFTS, 1):
            row = transfer(seq, VICTIM, self.random.choice("BBC"), self.random.randint(3, 12))
            assert row.transfer_id == theft
            self._post(row)
        for seq in range(len(THEFTS) + 1, len(THEFTS) + 1 + self.length):
            if self.random.random() < 0.5:
                self._hold(seq)
            move = self._restitution(seq) if self.random.random() < 0.4 else None
            self._post(move or self._payment(seq))
        return self

    def traced(self, upto: int) -> list[Edge]:
        ledger = PostedLedger(self.rows)
        edges = trace(ledger, thefts=THEFTS, victim=VICTIM, currency="EUR", upto_seq=upto)
        with closing(OfflineLedger(self.rows)) as offline:
            stated = offline.fifo_edges(thefts=THEFTS, victim=VICTIM, currency="EUR", upto_seq=upto)
        assert stated == edges
        return edges

    def kept(self, hold_id: str) -> list[Interval]:
        """What the hold has left: what it named and still lies there."""
        account, units = self.holds[hold_id]
        return intersect(self.book.queue(account, "EUR").unspent, [units])

    def _hold(self, seq: int) -> None:
        lots = resting_lots(self.traced(seq - 1), VICTIM)
        free = [
            (lot, piece)
            for lot in lots
            if lot.place is Place.HELD
            for piece in subtract([(lot.lo, lot.hi)], self.book.queue(lot.account_id, "EUR").kept)
        ]
        if free:
            lot, (lo, hi) = self.random.choice(free)
            lo = self.random.randint(lo, hi - 1)
            self.holds[f"h{seq}"] = (lot.account_id, (lo, hi))
            self.book.queue(lot.account_id, "EUR").hold(f"h{seq}", lo, hi)

    def _restitution(self, seq: int) -> PostedTransfer | None:
        having = [hold_id for hold_id in self.holds if self.kept(hold_id)]
        if not having:
            return None
        hold_id = self.random.choice(having)
        account = self.holds[hold_id][0]
        payee = self.random.choice([name for name in (VICTIM, OTHER, OTHER) if name != account])
        amount = self.random.randint(1, total(self.kept(hold_id)))
        self.paid.append((seq, payee, amount))
        return transfer(seq, account, payee, amount, hold_id=hold_id)

    def _payment(self, seq: int) -> PostedTransfer:
        payer = self.random.choice("BCDDD")
        free = total(self.book.queue(payer, "EUR").free)
        if not free:
            return transfer(seq, "O", payer, self.random.randint(1, 5))
        payee = self.random.choice([name for name in "ABCDPXO" if name != payer])
        undone = [row for row in self.rows if row.dst == payer and row.src == payee]
        more = (
            {"reverses": self.random.choice(undone).transfer_id}
            if undone and self.random.random() < 0.3
            else {}
        )
        return transfer(seq, payer, payee, self.random.randint(1, free), **more)

    def _post(self, move: PostedTransfer) -> None:
        undone = [row for row in self.rows if row.transfer_id == move.reverses and row.dst == move.src]
        for row in undone:
            self.rows[self.rows.index(row)] = row._replace(undone=row.dst_kind != "awarded")
        back = union((row.in_pos, row.in_pos + row.amount) for row in undone if row.in_pos is not None)
        taken = union(
            (row.out_pos, row.out_pos + row.amount)
            for row in self.rows
            if row.out_pos is not None and (row.src, row.reverses) == (move.src, move.reverses)
        )
        parts = self.book.post(move, subtract(back, taken) if undone else ())
        kind = arrives_as(move, awarded=move.hold_id in self.holds)
        self.rows += [row._replace(dst_kind=kind.value) for row in rows_of(move, parts)]


def account(edges: list[Edge]) -> tuple[dict[str, list[Interval]], list[Lot]]:
    """What lies in wallet accounts, as units and as lots."""
    lots = resting_lots(edges, VICTIM)
    lying: dict[str, list[Interval]] = {}
    for lot in lots:
        if lot.place is Place.HELD:
            lying.setdefault(lot.account_id, []).append((lot.lo, lot.hi))
    return {name: union(units) for name, units in lying.items()}, lots


@given(st.integers(0, 10**9), st.integers(1, 25))
def test_what_was_awarded_is_counted_once_at_every_prefix_whatever_its_owner_does_with_it(
    seed: int, length: int
) -> None:
    story = Story(Random(seed), length).tell()
    for upto in range(len(THEFTS), len(THEFTS) + length + 1):
        edges = story.traced(upto)
        lying, lots = account(edges)
        totals = flow(edges, lots)  # raises where a unit is missing, or in two places
        before = {
            name: sum(a for seq, to, a in story.paid if to == name and seq <= upto)
            for name in (VICTIM, OTHER)
        }
        since = {
            name: sum(a for seq, to, a in story.paid if to == name and seq > upto) for name in (VICTIM, OTHER)
        }
        awarded = sum(
            lot.amount for lot in lots if lot.account_kind == "awarded" and lot.place is Place.EXITED
        )
        assert awarded == before[OTHER]
        assert totals.returned >= before[VICTIM]
        owned = union(
            (edge.dst_lo, edge.dst_lo + edge.amount)
            for edge in edges
            if (edge.dst, edge.dst_kind) == (OTHER, "awarded")
        )
        assert not intersect(owned, union((e.src_lo, e.src_hi) for e in edges if e.src == OTHER))
        assert not intersect(owned, lying.get(OTHER, []))
        drawn = unroll(
            by_units(edges, victim=VICTIM, currency="EUR", thefts=THEFTS, upto_seq=upto, limits=Limits())
        )  # raises where a unit would have no bar, or two
        left = [bar for key, bar in drawn.bars.items() if key.look is Look.AWARDED]
        assert sum(bar.received for bar in left) == awarded == sum(bar.rests[Cell.EXITED] for bar in left)
        followed = Following(VICTIM)
        followed.found([], edges, all_of_them=True)
        assert followed.flow() == totals
        held = sum(
            total(intersect(story.kept(each), lying.get(story.holds[each][0], []))) for each in story.holds
        )
        cells = remedy(
            "EUR",
            Known(
                flow=totals,
                held_by_us=held,
                paid_since=since[VICTIM],
                awarded=awarded,
                awarded_since=since[OTHER],
            ),
        )
        assert cells.lost == before[OTHER] + since[OTHER]
        assert cells.on_hold == held


def test_the_account_of_the_other_owner_is_numbered_as_if_nothing_had_been_awarded() -> None:
    """Their own later thefts are followed unit by unit over the money that was awarded to them."""
    book = Book()
    for name in "AB":
        book.open(opening(name, 10))
    book.queue("B", "EUR").hold("h", 10, 16)
    told = [
        transfer(1, "A", "B", 6),
        transfer(2, "B", "D", 6, hold_id="h"),
        transfer(3, "D", "C", 4),
        transfer(4, "C", "X", 4),
    ]
    found = [
        row._replace(dst_kind=arrives_as(move, awarded=move.hold_id == "h").value)
        for move in told
        for row in rows_of(move, book.post(move))
    ]
    ledger = PostedLedger(found)
    first = trace(ledger, thefts=["t1"], victim="A", currency="EUR", upto_seq=4)
    assert [(edge.transfer_id, edge.dst_kind) for edge in first] == [("t1", "wallet"), ("t2", "awarded")]
    theirs = trace(ledger, thefts=["t3"], victim="D", currency="EUR", upto_seq=4)
    assert [(edge.src, edge.src_lo, edge.src_hi) for edge in theirs] == [("D", 0, 4), ("C", 0, 4)]
