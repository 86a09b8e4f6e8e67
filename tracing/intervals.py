"""Arithmetic on half-open unit intervals [lo, hi).

Every list given and returned is sorted and disjoint; lists returned by `union` have no touching neighbours either.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

Interval = tuple[int, int]


def total(intervals: Iterable[Interval]) -> int:
    """How many units they cover."""
    return sum(hi - lo for lo, hi in intervals)


def union(*lists: Iterable[Interval]) -> list[Interval]:
    """Everything in any of the lists, which may overlap and need not be sorted; neighbours are joined."""
    joined: list[Interval] = []
    for lo, hi in sorted(interval for intervals in lists for interval in intervals):
        if lo >= hi:
            continue
        if joined and lo <= joined[-1][1]:
            if hi > joined[-1][1]:
                joined[-1] = (joined[-1][0], hi)
        else:
            joined.append((lo, hi))
    return joined


def subtract(intervals: Iterable[Interval], taken: Sequence[Interval]) -> list[Interval]:
    """What is left of `intervals` without `taken`."""
    left: list[Interval] = []
    position = 0
    for lo, hi in intervals:
        at = lo
        while position < len(taken) and taken[position][1] <= at:
            position += 1
        index = position
        while index < len(taken) and taken[index][0] < hi:
            if taken[index][0] > at:
                left.append((at, taken[index][0]))
            at = max(at, taken[index][1])
            index += 1
        if at < hi:
            left.append((at, hi))
    return left


def intersect(intervals: Iterable[Interval], others: Sequence[Interval]) -> list[Interval]:
    """The units in both."""
    return [
        (max(lo, other_lo), min(hi, other_hi))
        for lo, hi in intervals
        for other_lo, other_hi in others
        if max(lo, other_lo) < min(hi, other_hi)
    ]


def take_lowest(intervals: Iterable[Interval], amount: int) -> list[Interval]:
    """The `amount` lowest units, or all of them where there are fewer."""
    taken: list[Interval] = []
    for lo, hi in intervals:
        if amount <= 0:
            break
        taken.append((lo, min(hi, lo + amount)))
        amount -= hi - lo
    return taken
