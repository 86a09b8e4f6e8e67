"""Pieces of SVG as text. What comes from a ledger passes `spoken` and is escaped: an account may be called anything."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from unicodedata import east_asian_width
from xml.sax.saxutils import escape, quoteattr


def element(name: str, attributes: Mapping[str, str | float], content: Iterable[str] = ()) -> str:
    """One element. `content` is markup already, or text that is went through `escaped`."""
    written = "".join(f" {key}={quoteattr(str(value))}" for key, value in attributes.items())
    inner = "".join(content)
    return f"<{name}{written}>{inner}</{name}>" if inner else f"<{name}{written}/>"


def text(
    x: float,
    y: float,
    line: str,
    *,
    size: float,
    fill: str = "#1a1a1a",
    weight: str = "normal",
    anchor: str = "start",
    halo: bool = False,
) -> str:
    """One line of text. `halo` keeps it legible on what lies behind it."""
    attributes: dict[str, str | float] = {"x": f"{x:.1f}", "y": f"{y:.1f}", "font-size": size, "fill": fill}
    if weight != "normal":
        attributes["font-weight"] = weight
    if anchor != "start":
        attributes["text-anchor"] = anchor
    if halo:
        attributes |= {
            "stroke": "#ffffff",
            "stroke-width": "2.5",
            "stroke-linejoin": "round",
            "paint-order": "stroke",
        }
    return element("text", attributes, [escaped(line)])


def tooltip(line: str) -> str:
    """What an element says when it is pointed at, and to a screen reader."""
    return element("title", {}, [escaped(line)])


def escaped(line: str) -> str:
    """A line as the content of an element."""
    return escape(spoken(line))


def spoken(line: str) -> str:
    """Without what XML cannot hold, and without what turns or hides other text."""
    return line if line.isprintable() else "".join(c if c.isprintable() else "\ufffd" for c in line)


def width(line: str) -> int:
    """In columns of a terminal: wide characters count twice."""
    return sum(2 if east_asian_width(c) in "WF" else 1 for c in line)


def shortened(line: str, room: int) -> str:
    """At most `room` columns, the middle left out: ids differ at their ends."""
    if width(line) <= room:
        return line
    half = max((room - 1) // 2, 2)
    head, tail = "", ""
    for c in line:
        if width(head + c) > half:
            break
        head += c
    for c in reversed(line):
        if width(c + tail) > half:
            break
        tail = c + tail
    return f"{head}…{tail}"


def named(names: Iterable[str], room: int) -> str:
    """Names after each other in at most `room` columns, each whole; how many more there are is told. One that alone is too long is shortened."""
    every = [spoken(name) for name in names]
    said = ", ".join(every)
    kept = len(every)
    while kept > 1 and width(said) > room:
        kept -= 1
        said = f"{', '.join(every[:kept])} + {len(every) - kept}"
    return said if width(said) <= room else f"{shortened(every[0], room - 4)}{said[len(every[0]) :]}"
