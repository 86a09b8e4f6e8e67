"""The queue of one account in one currency: which units a payment spends.

The axis of an account numbers every unit ever paid in, in order, its opening money first. First in, first out means:
a payment spends the lowest unspent units that no hold keeps. Without holds those are simply the next ones, so the queue
is two numbers; only an account that ever skipped held units keeps a list of gaps.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tracing.intervals import Interval, intersect, subtract, take_lowest, total, union


class Shortage(Exception):
    """The account would spend `missing` units more than lie in it: its opening money is not fully known."""

    def __init__(self, missing: int) -> None:
        super().__init__(f"{missing} units are missing")
        self.missing = missing


class AccountQueue:
    """Units [start, end) were ever paid in; unspent are those from `frontier` on and the `gaps` below it.

    `start` is 0, or below it where opening money was inferred after rows had positions already: no unit is renumbered.
    """

    __slots__ = ("end", "frontier", "gaps", "holds", "start")

    def __init__(self, opening: int = 0, *, start: int = 0) -> None:
        self.start = start
        self.end = start + opening
        self.frontier = start
        self.gaps: list[Interval] = []
        self.holds: dict[str, list[Interval]] = {}

    @property
    def unspent(self) -> list[Interval]:
        """Every unit that lies here, held or free."""
        return union(self.gaps, [(self.frontier, self.end)])

    @property
    def free(self) -> list[Interval]:
        """Every unit that lies here and no hold keeps."""
        return subtract(self.unspent, self.kept)

    @property
    def kept(self) -> list[Interval]:
        """The units that holds name, whether they lie here or not."""
        return union(*self.holds.values())

    @property
    def balance(self) -> int:
        """How many units lie here."""
        return self.end - self.frontier + total(self.gaps)

    def deposit(self, amount: int) -> int:
        """Pay in; returns the number of the first of the new units."""
        lo = self.end
        self.end = lo + amount
        return lo

    def spend(
        self, amount: int, hold_id: str | None = None, undone: Sequence[Interval] = ()
    ) -> list[Interval]:
        """Pay out; returns the units spent, neighbours joined.

        With `hold_id` the units of that hold go first (restitution). A payment that undoes an earlier one names the units
        that one had paid in as `undone`: those of them that still lie here go back first, the same money. The rest goes
        by the rule. Held units go last of all:
        a wallet that honours its holds never lets it come to that, and when one did (a hold that ran out there) the
        trace must show that they left. Raises Shortage, and spends nothing, when fewer than `amount` units lie here.
        """
        if not self.gaps and not self.holds and not undone:
            lo = self.frontier
            hi = lo + amount
            if hi > self.end:
                raise Shortage(hi - self.end)
            self.frontier = hi
            return [(lo, hi)]
        unspent = self.unspent
        if (missing := amount - total(unspent)) > 0:
            raise Shortage(missing)
        own = self.holds.get(hold_id, []) if hold_id is not None else []
        spent = take_lowest(intersect(unspent, own), amount)
        if undone and (rest := amount - total(spent)) > 0:
            same_money = subtract(subtract(intersect(unspent, union(undone)), self.kept), spent)
            spent = union(spent, take_lowest(same_money, rest))
        for choice in (subtract(unspent, self.kept), unspent):
            if (rest := amount - total(spent)) > 0:
                spent = union(spent, take_lowest(subtract(choice, spent), rest))
        self.leave(subtract(unspent, spent))
        return spent

    def overdraw(self, amount: int, undone: Sequence[Interval] = ()) -> list[Interval]:
        """Pay out of an exit: it holds no balance and is never short.

        What it gives back of an earlier payment (`undone`) are the very units that one had paid in. Everything else is
        numbered below zero, where nothing is ever paid in: a trace follows out of an exit only what is given back.
        """
        spent = take_lowest(undone, amount)
        if (rest := amount - total(spent)) > 0:
            spent = union([(-self.frontier - rest, -self.frontier)], spent)
            self.frontier += rest
        return spent

    def hold(self, hold_id: str, lo: int, hi: int) -> None:
        """Keep units [lo, hi) for this hold: from now on only a payment that names it spends them."""
        self.holds[hold_id] = union(self.holds.get(hold_id, []), [(lo, hi)])

    def release(self, hold_id: str, lo: int | None = None, hi: int | None = None) -> None:
        """Put the hold's units, or only those in [lo, hi), back into their place in the queue."""
        if hold_id not in self.holds:
            return
        kept = self.holds.pop(hold_id)
        if lo is not None and hi is not None:
            kept = subtract(kept, [(lo, hi)])
            if kept:
                self.holds[hold_id] = kept

    def leave(self, unspent: Iterable[Interval]) -> None:
        """Set what lies here: the last interval may reach the end of the axis, the others become gaps."""
        self.gaps = union(unspent)
        self.frontier = self.end
        if self.gaps and self.gaps[-1][1] == self.end:
            self.frontier = self.gaps.pop()[0]
