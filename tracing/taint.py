"""How much of a payment is stolen, by each rule that knows no units: one account's stain at a time, exact in integers.

Of a payment of x, out of B of which T is stolen, leaving B' = B - x, every rule gives something between max(0, T - B') and
min(T, x). A stained payment is described by the pieces [lo, hi) of it that are stolen, 0 being its first unit.

What a hold keeps is out of the rule's sight: it is neither in B nor in T, until a payment names the hold or it is released.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import NamedTuple

from tracing.intervals import Interval, total
from tracing.rules import Rule

NOBODY = ""
"""No hold has this name."""


class Payment(NamedTuple):
    """The stolen pieces of one payment; `undone` units of them because it reverses another."""

    pieces: list[Interval]
    undone: int


class Stain(ABC):
    """The stolen part of one account's balance: `free`, or `held` apart by hold. `others` is money of other cases' holds."""

    def __init__(self) -> None:
        self.free = 0
        self.held: dict[str, int] = {}
        self.others: dict[str, int] = {}

    @property
    def amount(self) -> int:
        """Stolen minor units that lie here, those on hold included."""
        return self.free + sum(self.held.values()) if self.held else self.free

    @abstractmethod
    def receive(self, pieces: Sequence[Interval], before: int) -> None:
        """Take in the stolen pieces of a payment that arrives on a balance of `before`."""

    def pay(self, amount: int, before: int, hold_id: str | None, owed: int) -> Payment:
        """Pay `amount` out of a balance of `before`.

        First go the units of the hold it names, then the same money where it reverses a transfer of whose stolen money
        `owed` is not yet back, then what the rule says of all that no hold keeps. Held units go last of all: a wallet that
        honours its holds never lets it come to that. Raises ArithmeticError when more is stolen than lies there.
        """
        if self.amount > before:
            raise ArithmeticError(f"{self.amount} units are stolen of a balance of {before}")
        if not self.held and not self.others and not owed:
            return Payment(self._by_rule(amount, before, 0), 0)
        rest = amount
        pieces: list[Interval] = []

        def went(units: int, *, stolen: bool = True) -> None:
            nonlocal rest, before
            if stolen and units:
                pieces.append((amount - rest, amount - rest + units))
            rest -= units
            before -= units

        if hold_id in self.held:
            went(self._draw(hold_id, rest, before))
        elif hold_id in self.others:
            units = min(rest, self.others[hold_id], before - self.amount)
            self._lift(units, before, clean=units)
            self.hold_of_others(hold_id, -units)
            went(units, stolen=False)
        undone = min(rest, owed, self.free)
        self._lift(undone, before, of=None)
        self.free -= undone
        went(undone)
        kept = min(sum(self.others.values()), before - self.amount)
        by_rule = min(rest, before - (self.amount - self.free) - kept)
        if by_rule:
            first = amount - rest
            pieces += [(first + lo, first + hi) for lo, hi in self._by_rule(by_rule, before, kept)]
            went(by_rule, stolen=False)
        for held in list(self.held):
            went(self._draw(held, rest, before))
        return Payment(pieces, undone)

    def hold(self, hold_id: str, amount: int) -> None:
        """Let a hold of this case keep free stolen units; what it names beyond them is not stolen, and ignored."""
        kept = min(amount, self.free)
        if kept:
            self._mark(kept, None, hold_id)
            self.free -= kept
            self.held[hold_id] = self.held.get(hold_id, 0) + kept

    def release(self, hold_id: str, amount: int) -> None:
        """Let the hold free this many of its units, or all it has: they lie where they lay."""
        released = min(amount, self.held.get(hold_id, 0))
        if released:
            self._mark(released, hold_id, None)
            self.free += released
            self._forget(hold_id, released)

    def hold_of_others(self, hold_id: str, amount: int) -> None:
        """Another case's hold keeps more money (negative: less). It is clean to this case."""
        keeps = self.others.pop(hold_id, 0) + amount
        if keeps > 0:
            self.others[hold_id] = keeps

    def _draw(self, hold_id: str, most: int, before: int) -> int:
        drawn = min(self.held[hold_id], most)
        if drawn:
            self._lift(drawn, before, of=hold_id)
            self._forget(hold_id, drawn)
        return drawn

    def _forget(self, hold_id: str, amount: int) -> None:
        self.held[hold_id] -= amount
        if not self.held[hold_id]:
            del self.held[hold_id]

    @abstractmethod
    def _by_rule(self, amount: int, before: int, kept: int) -> list[Interval]:
        """Pay by the rule, from what no hold keeps; `kept` clean units are other cases'."""

    # Where the units lie matters to LIFO only, so a sum has nothing to do for these two.
    def _lift(  # noqa: B027 - see above
        self, amount: int, before: int, *, of: str | None = NOBODY, clean: int = 0
    ) -> None:
        """Take units out of the balance, newest first: stolen ones that `of` keeps (None: no hold), or clean ones."""

    def _mark(self, amount: int, kept_by: str | None, to: str | None) -> None:  # noqa: B027 - see above
        """Let another hold, or none, keep units, newest first."""


class StainedSum(Stain):
    """LIBR, pro rata, dirty first: only how much is stolen counts, not where it lies."""

    def __init__(self, rule: Rule) -> None:
        super().__init__()
        self._rule = rule

    def receive(self, pieces: Sequence[Interval], before: int) -> None:
        del before
        self.free += total(pieces)

    def _by_rule(self, amount: int, before: int, kept: int) -> list[Interval]:
        stolen = self.free
        balance = before - (self.amount - stolen) - kept
        least, most = max(0, stolen - (balance - amount)), min(stolen, amount)
        if self._rule is Rule.LIBR:
            part = least
        elif self._rule is Rule.DIRTY_FIRST:
            part = most
        else:
            # Half up. Without the clamp small payments would wash stolen money out, or make some from nothing.
            part = max(least, min(most, (2 * stolen * amount + balance) // (2 * balance)))
        self.free -= part
        return [(0, part)] if part else []


Level = tuple[int, int, str | None]
"""Stolen units at levels [lo, hi) of the pile, and the hold that keeps them."""


class StainedLevels(Stain):
    """LIFO: the balance is a pile, newest on top, and stolen units lie at levels of it. Held units stay in the pile."""

    def __init__(self) -> None:
        super().__init__()
        self._levels: list[Level] = []

    def receive(self, pieces: Sequence[Interval], before: int) -> None:
        if self._levels and self._levels[-1][1] > before:
            raise ArithmeticError(
                f"units are stolen up to level {self._levels[-1][1]} of a balance of {before}"
            )
        for lo, hi in pieces:
            self._lay(before + lo, before + hi, None)
            self.free += hi - lo

    def _by_rule(self, amount: int, before: int, kept: int) -> list[Interval]:
        pieces: list[Interval] = []
        if self.held or kept:
            clean = before - self.amount - kept
            at = 0
            for units, stolen in self._taken(amount, before, None, clean):
                if stolen and units:
                    pieces.append((at, at + units))
                at += units
        else:
            floor = before - amount
            while self._levels and self._levels[-1][1] > floor:
                lo, hi, _ = self._levels.pop()
                if lo < floor:
                    self._levels.append((lo, floor, None))
                    lo = floor
                pieces.append((lo - floor, hi - floor))
            pieces.reverse()
        self.free -= total(pieces)
        return pieces

    def _lift(self, amount: int, before: int, *, of: str | None = NOBODY, clean: int = 0) -> None:
        self._taken(amount, before, of, clean)

    def _taken(self, amount: int, before: int, of: str | None, clean: int) -> list[tuple[int, bool]]:
        """Take the newest units that `of` keeps, and at most `clean` clean ones; what stays above them sinks.

        Returns (units, stolen), oldest first.
        """
        top = before
        went: list[tuple[int, bool]] = []
        stay: list[tuple[int, str | None, bool]] = []
        while amount:
            lo, hi, kept_by = self._levels[-1] if self._levels else (0, 0, None)
            stolen = hi == top
            if stolen:
                self._levels.pop()
                units = min(hi - lo, amount) if kept_by == of else 0
                stay.append((hi - lo - units, kept_by, True))
                top = lo
            else:
                units = min(top - hi, amount, clean)
                clean -= units
                stay.append((top - hi - units, None, False))
                top = hi
            went.append((units, stolen))
            amount -= units
        for units, kept_by, stolen in reversed(stay):
            if stolen:
                self._lay(top, top + units, kept_by)
            top += units
        went.reverse()
        return went

    def _mark(self, amount: int, kept_by: str | None, to: str | None) -> None:
        above: list[Level] = []
        while amount:
            lo, hi, hold_id = self._levels.pop()
            units = min(hi - lo, amount) if hold_id == kept_by else 0
            above.append((hi - units, hi, to))
            above.append((lo, hi - units, hold_id))
            amount -= units
        for lo, hi, hold_id in reversed(above):
            self._lay(lo, hi, hold_id)

    def _lay(self, lo: int, hi: int, kept_by: str | None) -> None:
        """Put a level on top, joined to the one below where they touch."""
        if lo == hi:
            return
        if self._levels and self._levels[-1][1] == lo and self._levels[-1][2] == kept_by:
            lo = self._levels.pop()[0]
        self._levels.append((lo, hi, kept_by))


def stain(rule: Rule) -> Stain:
    """The stain of one account under a rule that knows no units."""
    return StainedLevels() if rule is Rule.LIFO else StainedSum(rule)
