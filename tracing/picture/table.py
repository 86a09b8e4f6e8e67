"""The numbers of a picture as a table: what arrived at each hop and what became of it, to the unit."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from tracing.picture.unrolled import Bar, Cell, Look, Unrolled

EXIT_LOOKS = (
    Look.BANK,
    Look.CARD,
    Look.CASH,
    Look.CRYPTO,
    Look.MERCHANT,
    Look.FEE,
    Look.OUTSIDE,
    Look.AWARDED,
)


@dataclass(slots=True)
class HopLine:
    """One hop, or hops `first` to `last`. `exited` is part of `rests`, by kind of exit."""

    first: int
    last: int
    arrived: int = 0
    carried_on: int = 0
    rests: Counter[Cell] = field(default_factory=Counter)
    exited: Counter[Look] = field(default_factory=Counter)

    def take(self, bar: Bar) -> None:
        """Count one bar in."""
        self.arrived += bar.received
        self.carried_on += bar.sent
        self.rests += bar.rests
        if bar.rests[Cell.EXITED]:
            self.exited[bar.key.look] += bar.rests[Cell.EXITED]


def by_hop(unrolled: Unrolled, *, lines: int) -> list[HopLine]:
    """One line for each hop, at most `lines`: the last one has all that are left. Thefts are hop 0."""
    table = [
        HopLine(hop, hop if hop < lines - 1 else unrolled.last_hop)
        for hop in range(min(unrolled.last_hop + 1, lines))
    ]
    for key, bar in unrolled.bars.items():
        if key.column:
            table[min(key.column, lines) - 1].take(bar)
    return table
