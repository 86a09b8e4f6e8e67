"""How much of a payment is stolen, by each rule that knows no units: one account's stain at a time, exact in integers.

Of a payment of x, out of B of which T is stolen, leaving B' = B - x, every rule gives something between max(0, T - B') and
min(T, x). A stained payment is described by the pieces [lo, hi) of it that are stolen, 0 being its first unit.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from tracing.intervals import Interval, total, union
from tracing.rules import Rule


class Stain(ABC):
    """The stolen part of one account's balance. `held` lies apart, by hold: no payment but its own takes it."""

    def __init__(self) -> None:
        self.held: dict[str, int] = {}

    @property
    @abstractmethod
    def amount(self) -> int:
        """Stolen minor units that a payment may take."""

    @property
    def all_of_it(self) -> int:
        """Stolen minor units that lie here, those on hold included."""
        return self.amount + sum(self.held.values())

    @abstractmethod
    def receive(self, pieces: Sequence[Interval], before: int) -> None:
        """Take in the stolen pieces of a payment that arrives on a balance of `before`."""

    @abstractmethod
    def spend(self, amount: int, before: int) -> list[Interval]:
        """Pay `amount` out of `before`; the stolen pieces of the payment."""

    @abstractmethod
    def take(self, amount: int) -> int:
        """Take up to `amount` stolen units away, and nothing clean with them; how many there were."""


class StainedSum(Stain):
    """LIBR, pro rata, dirty first: only how much is stolen counts, not where it lies."""

    def __init__(self, rule: Rule) -> None:
        super().__init__()
        self._rule = rule
        self._sum = 0

    @property
    def amount(self) -> int:
        return self._sum

    def receive(self, pieces: Sequence[Interval], before: int) -> None:
        del before
        self._sum += total(pieces)

    def spend(self, amount: int, before: int) -> list[Interval]:
        stolen = self._sum
        least, most = max(0, stolen - (before - amount)), min(stolen, amount)
        if self._rule is Rule.LIBR:
            part = least
        elif self._rule is Rule.DIRTY_FIRST:
            part = most
        else:
            # Half up. Without the clamp small payments would wash stolen money out, or make some from nothing.
            part = max(least, min(most, (2 * stolen * amount + before) // (2 * before)))
        self._sum -= part
        return [(0, part)] if part else []

    def take(self, amount: int) -> int:
        taken = min(amount, self._sum)
        self._sum -= taken
        return taken


class StainedLevels(Stain):
    """LIFO: the balance is a pile, newest on top, and stolen units lie at levels [lo, hi) of it."""

    def __init__(self) -> None:
        super().__init__()
        self._levels: list[Interval] = []

    @property
    def amount(self) -> int:
        return total(self._levels)

    def receive(self, pieces: Sequence[Interval], before: int) -> None:
        self._levels = union(self._levels, ((before + lo, before + hi) for lo, hi in pieces))

    def spend(self, amount: int, before: int) -> list[Interval]:
        floor = before - amount
        pieces: list[Interval] = []
        while self._levels and self._levels[-1][1] > floor:
            lo, hi = self._levels.pop()
            if lo < floor:
                self._levels.append((lo, floor))
                lo = floor
            pieces.append((lo - floor, hi - floor))
        pieces.reverse()
        return pieces

    def take(self, amount: int) -> int:
        """The newest of them. No stolen unit lies above those, so none of the others changes its level."""
        left = amount
        while self._levels and left:
            lo, hi = self._levels.pop()
            part = min(hi - lo, left)
            left -= part
            if part < hi - lo:
                self._levels.append((lo, hi - part))
        return amount - left


def stain(rule: Rule) -> Stain:
    """The stain of one account under a rule that knows no units."""
    return StainedLevels() if rule is Rule.LIFO else StainedSum(rule)
