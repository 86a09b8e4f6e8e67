"""Thefts that meet: the same units claimed by two traces, because one victim was robbed of what another had lost."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from tracing.edges import Edge


class Meeting(NamedTuple):
    """Units [lo, hi) of an account arrived as stolen money of both traces. The earlier theft keeps them (nemo dat)."""

    account_id: str
    lo: int
    hi: int
    earlier: str
    later: str

    @property
    def amount(self) -> int:
        """Minor units claimed twice."""
        return self.hi - self.lo


def meetings(traces: Mapping[str, Iterable[Edge]]) -> list[Meeting]:
    """Every pair of traces that claims the same units, by account and units; traces are named by the mapping's keys.

    Unit edges only: lots of different thefts in one account are disjoint unless one theft took what another had stolen.
    Which theft was earlier is told by its first posting, then by its name.
    """
    arrivals: dict[str, list[tuple[int, int, str]]] = defaultdict(list)
    first: dict[str, int] = {}
    for name, edges in traces.items():
        for edge in edges:
            arrivals[edge.dst].append((edge.dst_lo, edge.dst_lo + edge.amount, name))
            if edge.hop == 0:
                first[name] = min(edge.seq, first.get(name, edge.seq))
    found = []
    for account_id, arrived in sorted(arrivals.items()):
        arrived.sort()
        open_now: list[tuple[int, int, str]] = []
        for lo, hi, name in arrived:
            open_now = [other for other in open_now if other[1] > lo]
            for _, other_hi, other in open_now:
                if other != name:
                    earlier, later = sorted((name, other), key=lambda each: (first.get(each, 0), each))
                    found.append(Meeting(account_id, lo, min(hi, other_hi), earlier, later))
            open_now.append((lo, hi, name))
    return sorted(found)
