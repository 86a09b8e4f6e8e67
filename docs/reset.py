"""Draws the order of a reset, as a table, from what the engine obeys.

`python docs/reset.py` puts it into docs/reset.md, between its two marks; a test says when it is out of date.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from models.reset_order import RESET_ORDER, in_order  # noqa: E402 - the path first

PAGE = ROOT / "docs" / "reset.md"
BEGIN = "<!-- order: drawn by docs/reset.py -->"
END = "<!-- end of order -->"


def table() -> str:
    """One row for each item, in an order that the workflow could take them in."""
    rows = ["| item | after | because |", "|---|---|---|"]
    for item in in_order():
        after = RESET_ORDER.get(item)
        rows.append(f"| {item} | {', '.join(after.items) if after else ''} | {after.why if after else ''} |")
    return "\n".join(rows)


def with_table(page: str) -> str:
    """The page with the table of today between its marks."""
    before, rest = page.split(BEGIN, 1)
    _, after = rest.split(END, 1)
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
