"""Limits on a first-in-first-out trace: which of its edges are still followed, and what the others carried.

The one statement knows no limits: asked for none it must cost nothing. Every edge leaves exactly one arrival and comes
after it, so one pass in posting order finds what limits cut off, and everything behind a cut vanishes with it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from models.contracts.transfers import AccountKind
from tracing.edges import Edge
from tracing.places import Lot, Place, place_of, resting_lots
from tracing.result import Limits, Pruned, PruneReason


@dataclass
class PrunedTrace:
    """`edges` as far as the limits let them be followed, the lots that rest, and what was cut off."""

    edges: list[Edge] = field(default_factory=list)
    lots: list[Lot] = field(default_factory=list)
    pruned: dict[PruneReason, Pruned] = field(default_factory=dict)

    def cut(self, reason: PruneReason, amount: int) -> None:
        """Count one part that is not followed further."""
        before = self.pruned.get(reason, Pruned(0, 0))
        self.pruned[reason] = Pruned(before.count + 1, before.amount + amount)


def prune(edges: Sequence[Edge], victim: str, limits: Limits) -> PrunedTrace:
    """Apply limits to edges in canonical order."""
    result = PrunedTrace()
    if limits == Limits():
        result.edges = list(edges)
        result.lots = resting_lots(edges, victim)
        return result
    arrivals = _Arrivals(edges)
    departed: list[Edge] = []
    dust: list[Edge] = []
    for index, edge in enumerate(edges):
        if edge.hop and not arrivals.followed(edge):
            continue
        reason = _reason(edge, limits, len(result.edges)) if edge.hop else None
        if reason is not None:
            result.cut(reason, edge.amount)
            departed.append(edge)
            continue
        result.edges.append(edge)
        place = place_of(edge.dst, AccountKind(edge.dst_kind), victim)
        if place is Place.HELD and edge.amount <= limits.dust:
            result.cut(PruneReason.DUST, edge.amount)
            dust.append(edge)
        elif place in (Place.HELD, Place.EXITED):
            arrivals.follow(index)
    # An arrival that is not followed rests nowhere: it is told as pruned, and only there.
    not_resting = {(edge.dst, edge.dst_lo) for edge in (*dust, *departed)}
    lots = resting_lots([*result.edges, *departed], victim)
    result.lots = [lot for lot in lots if (lot.account_id, lot.lo) not in not_resting]
    return result


def _reason(edge: Edge, limits: Limits, followed: int) -> PruneReason | None:
    if limits.horizon_seq is not None and edge.seq > limits.horizon_seq:
        return PruneReason.HORIZON
    if limits.max_edges is not None and followed >= limits.max_edges:
        return PruneReason.MAX_EDGES
    return None


class _Arrivals:
    """Which arrival an edge leaves: the units of an account arrive once, so at most one has the edge's first unit."""

    def __init__(self, edges: Sequence[Edge]) -> None:
        self._by_account: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for index, edge in enumerate(edges):
            self._by_account[edge.dst].append((edge.dst_lo, index))
        for arrived in self._by_account.values():
            arrived.sort()
        self._followed: set[int] = set()

    def follow(self, index: int) -> None:
        """This arrival is followed."""
        self._followed.add(index)

    def followed(self, edge: Edge) -> bool:
        """Whether the arrival this edge leaves is followed."""
        arrived = self._by_account[edge.src]
        position = bisect_right(arrived, (edge.src_lo, 2**63)) - 1
        return arrived[position][1] in self._followed
