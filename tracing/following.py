"""A first-in-first-out trace under way: what is still to be followed, what rests, and where the money is so far."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from models.contracts.transfers import AccountKind, Flow
from tracing.edges import Edge
from tracing.intervals import Interval, subtract, total
from tracing.places import Lot, Place, place_of


class Following:
    """Lots that wait to be followed and lots followed to their end, whatever order edges are found in.

    The units of an account are spent once, so an edge leaves exactly one lot, and what no edge left of a lot is a lot again.
    Hence a trace can be cut after any edge and go on from the lots: it finds the same edges. What arrived at an exit is no
    lot; where a cut leaves open whether the exit gave it back, it is reopened.
    """

    def __init__(self, victim: str, *, stolen: int = 0, elsewhere: dict[Place, int] | None = None) -> None:
        self.waiting: list[Lot] = []
        self.resting: list[Lot] = []
        self.edges = 0
        self._rested = 0
        self._counted = (
            0  # so many of `resting` are in `_rested`; it only grows, and a hub's has a lot for every edge
        )
        self._victim = victim
        self._stolen = stolen
        self._elsewhere = dict.fromkeys(Place, 0) | (elsewhere or {})

    @property
    def done(self) -> bool:
        """Whether every lot was followed to its end."""
        return not self.waiting

    @property
    def open_amount(self) -> int:
        """Stolen minor units in lots that wait."""
        return sum(lot.amount for lot in self.waiting)

    def take(self, most: int) -> list[Lot]:
        """Take up to `most` waiting lots, to be followed next; `found` gives them back."""
        taken = self.waiting[-most:]
        del self.waiting[-most:]
        return taken

    def reopen(self, arrived: Sequence[Edge], left: Iterable[Edge]) -> None:
        """Follow these arrivals at exits after all: the exits give them back. `left`: what left those exits already."""
        lots = [_lot(edge, Place.EXITED) for edge in arrived]
        departures: dict[str, list[Interval]] = defaultdict(list)
        for edge in left:
            departures[edge.src].append((edge.src_lo, edge.src_hi))
        again = _unspent(lots, departures)
        self._elsewhere[Place.EXITED] -= sum(lot.amount for lot in again)
        self.waiting.extend(again)

    def found(self, lots: Sequence[Lot], edges: Sequence[Edge], *, all_of_them: bool) -> None:
        """`edges` are what followed from `lots`, any number of hops; with `all_of_them` nothing else does."""
        pieces = list(lots)
        departures: dict[str, list[Interval]] = defaultdict(list)
        for edge in edges:
            if edge.hop == 0:
                self._stolen += edge.amount
            else:
                departures[edge.src].append((edge.src_lo, edge.src_hi))
        for edge in edges:
            place = place_of(edge.dst, AccountKind(edge.dst_kind), self._victim)
            # An exit keeps what it gets, but for what it gives back.
            if place is Place.HELD or (place is Place.EXITED and edge.dst in departures):
                pieces.append(_lot(edge, place))
            else:
                self._elsewhere[place] += edge.amount
        self.edges += len(edges)
        open_or_resting = self.resting if all_of_them else self.waiting
        left = _unspent(pieces, departures)
        self._elsewhere[Place.EXITED] -= _left_earlier_arrivals(pieces, left, departures)
        for lot in left:
            if lot.place is Place.HELD:
                open_or_resting.append(lot)
            else:
                self._elsewhere[lot.place] += lot.amount

    def flow(self) -> Flow:
        """Totals by place so far, what waits counted where it lies.

        Raises ArithmeticError when a unit is missing or counted twice: that is never reported.
        """
        self._rested += sum(lot.amount for lot in self.resting[self._counted :])
        self._counted = len(self.resting)
        flow = Flow(
            stolen=self._stolen,
            held=self._rested + self.open_amount,
            exited=self._elsewhere[Place.EXITED],
            pooled=self._elsewhere[Place.POOLED],
            returned=self._elsewhere[Place.RETURNED],
            pruned=0,
        )
        if flow.stolen != flow.held + flow.exited + flow.pooled + flow.returned:
            raise ArithmeticError(f"places do not sum to what was stolen: {flow}")
        return flow


def _left_earlier_arrivals(
    pieces: Iterable[Lot], left: Iterable[Lot], departures: dict[str, list[Interval]]
) -> int:
    """Minor units that left exits out of what had arrived there before. A wallet account's are all among the pieces.

    Raises ArithmeticError when a wallet account paid on what never lay there.
    """
    uncovered = {account_id: total(units) for account_id, units in departures.items()}
    wallets = set()
    for lots, sign in ((pieces, -1), (left, 1)):
        for lot in lots:
            if lot.account_id in uncovered:
                uncovered[lot.account_id] += sign * lot.amount
                if lot.place is Place.HELD:
                    wallets.add(lot.account_id)
    for account_id in wallets:
        if uncovered[account_id]:
            raise ArithmeticError(f"account {account_id} paid on stolen units that are not there")
    return sum(uncovered.values())


def _lot(edge: Edge, place: Place) -> Lot:
    hi = edge.dst_lo + edge.amount
    return Lot(edge.dst, AccountKind(edge.dst_kind), place, edge.dst_lo, hi, edge.hop, edge.seq)


def _unspent(lots: Iterable[Lot], departures: dict[str, list[Interval]]) -> list[Lot]:
    by_account: dict[str, list[Lot]] = defaultdict(list)
    left = []
    for lot in lots:
        if lot.account_id in departures:
            by_account[lot.account_id].append(lot)
        else:
            left.append(lot)
    for account_id, arrived in by_account.items():
        spent = sorted(departures[account_id])
        arrived.sort(key=lambda lot: lot.lo)
        first = 0
        for lot in arrived:
            while first < len(spent) and spent[first][1] <= lot.lo:
                first += 1
            last = first
            while last < len(spent) and spent[last][0] < lot.hi:
                last += 1
            left += [
                Lot(account_id, lot.account_kind, lot.place, lo, hi, lot.hop, lot.last_seq)
                for lo, hi in subtract([(lot.lo, lot.hi)], spent[first:last])
            ]
    return left
