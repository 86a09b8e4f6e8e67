"""Where stolen money lies at the end of a trace: stolen = held + exited + pooled + returned + pruned, exactly."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from models.contracts.transfers import AccountKind, Flow
from tracing.edges import Edge
from tracing.intervals import Interval, subtract


class Place(StrEnum):
    """The cell of the identity a unit is in. Wallet accounts hold, the victim's own account gets it back."""

    HELD = "held"
    EXITED = "exited"
    POOLED = "pooled"
    RETURNED = "returned"


@dataclass(frozen=True, slots=True)
class Lot:
    """Stolen units [lo, hi) that rest in an account; `last_seq` brought them, `hop` transfers after the theft."""

    account_id: str
    account_kind: AccountKind
    place: Place
    lo: int
    hi: int
    hop: int
    last_seq: int

    @property
    def amount(self) -> int:
        """Stolen minor units of this lot."""
        return self.hi - self.lo


def place_of(account_id: str, kind: AccountKind, victim: str) -> Place:
    """What becomes of stolen money that arrives here. The victim's account comes first, whatever its kind.

    So held money paid out by a decision has come back in the trace of the owner who got it, and has left every other's.
    """
    if account_id == victim:
        return Place.RETURNED
    if kind is AccountKind.WALLET:
        return Place.HELD
    return Place.POOLED if kind is AccountKind.POOLING else Place.EXITED


def resting_lots(edges: Iterable[Edge], victim: str) -> list[Lot]:
    """What no later edge carried on, ordered by account and units. Every arrival that was not carried on is one lot."""
    arrivals: dict[tuple[str, str], list[Edge]] = defaultdict(list)
    departures: dict[str, list[Interval]] = defaultdict(list)
    for edge in edges:
        arrivals[(edge.dst, edge.dst_kind)].append(edge)
        departures[edge.src].append((edge.src_lo, edge.src_hi))
    lots = []
    for (account_id, kind), arrived in sorted(arrivals.items()):
        account_kind = AccountKind(kind)
        place = place_of(account_id, account_kind, victim)
        # An exit gives back what it gives back, and keeps the rest.
        left = sorted(departures.get(account_id, ())) if place in (Place.HELD, Place.EXITED) else []
        arrived.sort(key=lambda edge: edge.dst_lo)
        first = 0
        for edge in arrived:
            lo, hi = edge.dst_lo, edge.dst_lo + edge.amount
            while first < len(left) and left[first][1] <= lo:
                first += 1
            last = first
            while last < len(left) and left[last][0] < hi:
                last += 1
            for rest_lo, rest_hi in subtract([(lo, hi)], left[first:last]):
                lots.append(Lot(account_id, account_kind, place, rest_lo, rest_hi, edge.hop, edge.seq))
    return lots


def flow(edges: Iterable[Edge], lots: Iterable[Lot]) -> Flow:
    """Totals by place. Raises ArithmeticError when a unit is missing or counted twice: that is never reported."""
    stolen = sum(edge.amount for edge in edges if edge.hop == 0)
    by_place = dict.fromkeys(Place, 0)
    for lot in lots:
        by_place[lot.place] += lot.amount
    totals = Flow(
        stolen=stolen,
        held=by_place[Place.HELD],
        exited=by_place[Place.EXITED],
        pooled=by_place[Place.POOLED],
        returned=by_place[Place.RETURNED],
        pruned=0,
    )
    if stolen != totals.held + totals.exited + totals.pooled + totals.returned + totals.pruned:
        raise ArithmeticError(f"places do not sum to what was stolen: {totals}")
    return totals
