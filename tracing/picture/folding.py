"""What a picture has room for: deep hops share one bar, small bars of a column share another. No money is left out."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tracing.picture.unrolled import Bar, BarKey, Cell, Look, Unrolled

Links = dict[tuple[BarKey, BarKey], tuple[int, int]]

_LOOK_OF_CELL = {Cell.HELD: Look.WALLET, Cell.POOLED: Look.POOLING, Cell.RETURNED: Look.RETURNED}


@dataclass(frozen=True, slots=True)
class Folded:
    """Columns of bars, largest first with the folded ones last; links between neighbouring columns.

    `first_later` is the first column that got none of its own; the last two columns then are all the later hops in
    one bar, and where their money rests.
    """

    columns: tuple[tuple[Bar, ...], ...]
    links: Links
    first_later: int | None


def fold(unrolled: Unrolled, *, columns: int, bars: int) -> Folded:
    """At most `columns` columns and about `bars` bars in each. `columns` >= 4, `bars` >= 3."""
    deepest = max(key.column for key in unrolled.bars)
    first_later = None
    if deepest >= columns:
        first_later = columns - 2
        unrolled = _later_in_one(unrolled, first_later)
    by_column: dict[int, list[Bar]] = defaultdict(list)
    for bar in unrolled.bars.values():
        by_column[bar.key.column].append(bar)
    names: dict[BarKey, BarKey] = {}
    for column in by_column.values():
        names.update(_small(column, bars))
    folded = _renamed(unrolled, names)
    ordered = [
        tuple(sorted((bar for bar in folded.bars.values() if bar.key.column == column), key=_largest_first))
        for column in sorted(by_column)
    ]
    return Folded(tuple(ordered), folded.links, first_later)


def is_folded(bar: Bar) -> bool:
    """Whether it stands for "n others"."""
    return bar.key.account_id == "" and bar.key.look is not Look.LATER


def _largest_first(bar: Bar) -> tuple[bool, int, str, str]:
    return (is_folded(bar), -bar.amount, bar.key.account_id, bar.key.look)


def _small(column: Iterable[Bar], room: int) -> dict[BarKey, BarKey]:
    """The bars that go together, one for each look: all beyond the largest that fit."""
    ordered = sorted(column, key=_largest_first)
    kept = len(ordered)
    while kept and kept + len({bar.key.look for bar in ordered[kept:]}) > room:
        kept -= 1
    together: dict[Look, list[Bar]] = defaultdict(list)
    for bar in ordered[kept:]:
        together[bar.key.look].append(bar)
    return {
        bar.key: BarKey(bar.key.column, "", look)
        for look, small in together.items()
        if len(small) > 1
        for bar in small
    }


def _renamed(unrolled: Unrolled, names: dict[BarKey, BarKey]) -> Unrolled:
    return _merged(unrolled, lambda key: names.get(key, key))


def _later_in_one(unrolled: Unrolled, first: int) -> Unrolled:
    """Bars from column `first` on become one, and what rests there the column after it."""
    later = BarKey(first, "", Look.LATER)
    merged = _merged(unrolled, lambda key: key if key.column < first else later)
    links = {pair: moved for pair, moved in merged.links.items() if pair[0].column < first}
    bars = merged.bars
    received = sum(amount for (_, target), (amount, _) in links.items() if target == later)
    joined = 0
    ends: dict[BarKey, Bar] = {}
    for key, bar in unrolled.bars.items():
        if key.column < first:
            continue
        for cell, amount in bar.rests.items():
            look = _LOOK_OF_CELL.get(cell, key.look)
            end_key = BarKey(first + 1, key.account_id, look)
            if cell is Cell.JOINED:
                joined += amount
                continue
            end = ends.setdefault(end_key, Bar(end_key))
            end.received += amount
            end.rests[cell] += amount
            moved, count = links.get((later, end_key), (0, 0))
            links[(later, end_key)] = (moved + amount, count)
    sent = sum(end.received for end in ends.values())
    bars[later] = Bar(
        later,
        accounts=len({key.account_id for key in unrolled.bars if key.column >= first}),
        received=received,
        sent=sent,
        rests=Counter({Cell.JOINED: received - sent} if received > sent else {}),
    )
    return Unrolled(bars | ends, links, unrolled.last_hop)


def _merged(unrolled: Unrolled, name: Callable[[BarKey], BarKey]) -> Unrolled:
    bars: dict[BarKey, Bar] = {}
    for key, bar in unrolled.bars.items():
        new = name(key)
        if new == key:
            bars[key] = bar
            continue
        into = bars.setdefault(new, Bar(new, accounts=0))
        into.accounts += bar.accounts
        into.received += bar.received
        into.sent += bar.sent
        into.rests += bar.rests
    links: Links = {}
    for (source, target), (amount, count) in unrolled.links.items():
        pair = (name(source), name(target))
        moved, counted = links.get(pair, (0, 0))
        links[pair] = (moved + amount, counted + count)
    return Unrolled(bars, links, unrolled.last_hop)
