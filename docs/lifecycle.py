"""Draws the lifecycle of an incident, as Mermaid, from the table that the engine obeys.

`python docs/lifecycle.py` puts it into ARCHITECTURE.md, between its two marks; a test says when it is out of date.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from models.lifecycle import TRANSITIONS, Status  # noqa: E402 - the path first

PAGE = ROOT / "ARCHITECTURE.md"
BEGIN = "<!-- lifecycle: drawn by docs/lifecycle.py -->"
END = "<!-- end of lifecycle -->"


def picture() -> str:
    """The state diagram. Moves between the same two states share an arrow."""
    moves: dict[tuple[Status, Status], list[str]] = {}
    for (before, event), after in TRANSITIONS.items():
        moves.setdefault((before, after), []).append(event.value)
    lines = ["```mermaid", "stateDiagram-v2", "    [*] --> opened: alarm"]
    lines += [f"    {before} --> {after}: {', '.join(events)}" for (before, after), events in moves.items()]
    return "\n".join([*lines, f"    {Status.CLOSED} --> [*]", "```"])


def with_picture(page: str) -> str:
    """The page with the picture of today between its marks."""
    before, rest = page.split(BEGIN, 1)
    _, after = rest.split(END, 1)
    return f"{before}{BEGIN}\n{picture()}\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(with_picture(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
