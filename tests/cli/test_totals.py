"""`stanch remedy` in words: sums that are not all of the stolen money say so."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from cli.holds.verbs import print_totals

pytestmark = pytest.mark.fast

CELLS = {
    "currency": "CNY",
    "stolen": 90_000,
    "returned": 60_000,
    "on_hold": 0,
    "recall_pending": 0,
    "recalled": 0,
    "at_large": 0,
    "lost": 30_000,
}


def printed(**answer: Any) -> list[str]:
    written = StringIO()
    print_totals(Console(file=written, width=200), {"currencies": {"CNY": CELLS}, **answer})
    return written.getvalue().splitlines()


def test_where_all_adds_up_the_sums_are_all_of_it() -> None:
    sums, count = printed(incidents=2, complete=True, left_out=[])
    assert sums == "remedy: stolen 900.00 CNY = returned 600.00 CNY, lost 300.00 CNY"
    assert count == "2 incidents, each adds up"


def test_what_does_not_add_up_is_named_and_the_sums_of_the_others_are_labelled() -> None:
    left_out = [{"incident_id": "01A", "currency": "CNY"}, {"incident_id": "01A", "currency": "EUR"}]
    sums, count, *named = printed(incidents=3, complete=False, left_out=left_out)
    assert sums.startswith("not all of it: remedy: stolen 900.00 CNY")
    assert count == "3 incidents; 1 do not add up to what was stolen and are in no sum:"
    assert named == ["  01A CNY", "  01A EUR"]
