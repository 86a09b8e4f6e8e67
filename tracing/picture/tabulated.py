"""The table beneath a picture."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from models.contracts.transfers import Flow
from models.money import plain_sum
from tracing.picture.marks import MARKS
from tracing.picture.pieces import element, text
from tracing.picture.table import EXIT_LOOKS, HopLine
from tracing.picture.unrolled import Cell, Look
from tracing.picture.words import Words
from tracing.result import Trace
from tracing.rules import Rule

LINE = 14.5
FIRST = 110.0
"""Pixels of the first column."""

_RANGED = (Cell.HELD, Cell.EXITED, Cell.POOLED, Cell.RETURNED)


def tabulated(
    trace: Trace,
    lines: Sequence[HopLine],
    ranges: Mapping[Rule, Flow] | None,
    words: Words,
    *,
    left: float,
    top: float,
    width: float,
) -> list[str]:
    """Its elements: a line for each hop, the sum, and the range over the rules. Empty columns are left out."""
    exited, rests = Counter[Look](), Counter[Cell]()
    for line in lines:
        exited += line.exited
        rests += line.rests
    # A theft that a limit cut off never left the victim in this trace.
    rests[Cell.PRUNED] = trace.flow.pruned
    columns: list[Look | Cell] = [
        Cell.HELD,
        *(look for look in EXIT_LOOKS if exited[look]),
        Cell.EXITED,
        Cell.POOLED,
        Cell.RETURNED,
        *(cell for cell in (Cell.PRUNED, Cell.JOINED) if rests[cell]),
    ]
    heads = [words.arrived, words.carried_on, *(_head(column, words) for column in columns)]
    step = (width - FIRST) / len(heads)
    ends = [left + FIRST + step * (number + 1) for number in range(len(heads))]
    parts = [text(left, top - 22, words.table, size=9, weight="bold")]
    parts += [
        text(end, top, head, size=8.5, weight="bold", anchor="end")
        for end, head in zip(ends, heads, strict=True)
    ]
    parts += [
        _swatch(end, top, column)
        for end, column in zip(ends[1:], [Look.WALLET, *columns], strict=True)
        if column is not Cell.EXITED  # the sum of the kinds before it
    ]
    y = top + 4.5
    parts.append(_rule(left, y, width))

    def money(amount: int) -> str:
        return plain_sum(amount, trace.currency) if amount else "–"

    def row(name: str, cells: Sequence[str], weight: str = "normal") -> None:
        nonlocal y
        y += LINE
        parts.append(text(left, y, name, size=8.5, weight=weight))
        parts.extend(
            text(end, y, cell, size=8.5, weight=weight, anchor="end")
            for end, cell in zip(ends, cells, strict=True)
        )

    for line in lines:
        numbers = [
            line.exited[column] if isinstance(column, Look) else line.rests[column] for column in columns
        ]
        row(
            _name(line, words),
            [money(line.arrived), money(line.carried_on), *map(money, numbers)],
        )
    y += 5
    parts.append(_rule(left, y, width))
    sums = [exited[column] if isinstance(column, Look) else rests[column] for column in columns]
    row(words.total, ["", "", *map(money, sums)], "bold")
    for name, bound in ((words.least, min), (words.most, max)) if ranges else ():
        bounds = [
            money(bound(getattr(flow, column.value) for flow in ranges.values()))
            if ranges and isinstance(column, Cell) and column in _RANGED
            else ""
            for column in columns
        ]
        row(name, ["", "", *bounds])
    return parts


def _name(line: HopLine, words: Words) -> str:
    if line.first != line.last:
        return words.hops.format(first=line.first, last=line.last)
    return words.theft if line.first == 0 else words.hop.format(hop=line.first)


def _head(column: Look | Cell, words: Words) -> str:
    return words.looks[column] if isinstance(column, Look) else words.cells[column]


def _swatch(end: float, top: float, column: Look | Cell) -> str:
    mark = MARKS[column]
    attributes: dict[str, str | float] = {
        "x": f"{end - 8:.1f}",
        "y": f"{top - 17:.1f}",
        "width": 8,
        "height": 6,
        "fill": mark.fill,
    }
    if mark.stroke is not None:
        attributes["stroke"] = mark.stroke
    if mark.dashes is not None:
        attributes["stroke-dasharray"] = mark.dashes
    return element("rect", attributes)


def _rule(left: float, y: float, width: float) -> str:
    points = {"x1": f"{left:.1f}", "x2": f"{left + width:.1f}", "y1": f"{y:.1f}", "y2": f"{y:.1f}"}
    return element("line", points | {"stroke": "#888888", "stroke-width": "0.6"})
