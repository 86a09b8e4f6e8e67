"""Where everything of a picture stands. Plain arithmetic on fixed sizes, so the same trace lies the same way every time."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from tracing.picture.folding import Folded, is_folded
from tracing.picture.unrolled import Bar, BarKey, Look

BAR_WIDTH = 13.0
LINE_HEIGHT = 10.5
GAP = 7.0
THINNEST = 1.2
"""Points of a bar whose share would be too thin to see."""


@dataclass(frozen=True, slots=True)
class Area:
    """The part of the page that bars may use, in pixels of 1/96 inch."""

    left: float
    top: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Placed:
    """A bar on the page."""

    bar: Bar
    x: float
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Ribbon:
    """What one bar passed on to another: `width` high, its upper edge from (x0, y0) to (x1, y1)."""

    source: BarKey
    target: BarKey
    amount: int
    transfers: int
    x0: float
    y0: float
    x1: float
    y1: float
    width: float


@dataclass(frozen=True, slots=True)
class Layout:
    """Everything that is drawn. `step` is the distance of two columns, `scale` pixels for each minor unit."""

    placed: dict[BarKey, Placed]
    ribbons: list[Ribbon]
    step: float
    scale: float


def lay_out(folded: Folded, area: Area) -> Layout:
    """Place bars from left to right, each near those that its money comes from."""
    count = len(folded.columns)
    step = min(area.width / max(count, 2), 200.0)
    scale = _scale(folded, area.height)
    incoming: dict[BarKey, list[tuple[BarKey, int]]] = defaultdict(list)
    for (source, target), (amount, _) in folded.links.items():
        incoming[target].append((source, amount))
    placed: dict[BarKey, Placed] = {}
    for number, column in enumerate(folded.columns):
        ordered = sorted(column, key=lambda bar: _rank(bar, incoming[bar.key], placed))
        used = sum(_slot(bar, scale) for bar in ordered) + GAP * (len(ordered) - 1)
        y = area.top + (area.height - used) / 2 if number == 0 else area.top
        x = area.left + number * step
        for bar in ordered:
            placed[bar.key] = Placed(bar, x, y, _height(bar.amount, scale))
            y += _slot(bar, scale) + GAP
    return Layout(placed, _ribbons(folded, placed, scale), step, scale)


def label_lines(bar: Bar) -> int:
    """How many lines of text a bar has: its account, its amount, and what rests of it where that is a part only."""
    if bar.key.look is Look.VICTIM:
        return 2 + len(bar.rests)
    return 2 + (len(bar.rests) if bar.sent or len(bar.rests) > 1 else 0)


def _rank(
    bar: Bar, sources: list[tuple[BarKey, int]], placed: dict[BarKey, Placed]
) -> tuple[bool, float, int, str, str]:
    weight = sum(amount for _, amount in sources)
    mean = sum(placed[source].y * (amount / weight) for source, amount in sorted(sources)) if weight else 0.0
    return (is_folded(bar), round(mean, 1), -bar.amount, bar.key.account_id, bar.key.look)


def _height(amount: int, scale: float) -> float:
    return max(amount * scale, THINNEST)


def _slot(bar: Bar, scale: float) -> float:
    return max(_height(bar.amount, scale), label_lines(bar) * LINE_HEIGHT)


def _scale(folded: Folded, room: float) -> float:
    """The largest at which every column fits."""
    high = room / max(max(bar.amount for bar in column) for column in folded.columns)
    low = 0.0
    for _ in range(40):
        middle = (low + high) / 2
        fits = all(
            sum(_slot(bar, middle) for bar in column) + GAP * (len(column) - 1) <= room
            for column in folded.columns
        )
        low, high = (middle, high) if fits else (low, middle)
    return low


def _ribbons(folded: Folded, placed: dict[BarKey, Placed], scale: float) -> list[Ribbon]:
    leaving: dict[BarKey, float] = {}
    arriving: dict[BarKey, float] = {}
    edges: dict[tuple[BarKey, BarKey], list[float]] = {}
    for pair in sorted(folded.links, key=lambda pair: (placed[pair[0]].y, placed[pair[1]].y)):
        edges[pair] = [leaving.get(pair[0], placed[pair[0]].y), 0.0]
        leaving[pair[0]] = edges[pair][0] + folded.links[pair][0] * scale
    for pair in sorted(folded.links, key=lambda pair: (placed[pair[1]].y, placed[pair[0]].y)):
        edges[pair][1] = arriving.get(pair[1], placed[pair[1]].y)
        arriving[pair[1]] = edges[pair][1] + folded.links[pair][0] * scale
    return [
        Ribbon(
            source=source,
            target=target,
            amount=amount,
            transfers=transfers,
            x0=placed[source].x + BAR_WIDTH,
            y0=edges[(source, target)][0],
            x1=placed[target].x,
            y1=edges[(source, target)][1],
            width=max(amount * scale, 0.6),
        )
        for (source, target), (amount, transfers) in sorted(folded.links.items())
    ]
