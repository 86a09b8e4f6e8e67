"""Each invariant and each bad input in docs/tracing.md names tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.fast

ROOT = Path(__file__).resolve().parents[2]
NAMED = re.compile(r"`(tests/[a-z_/]+\.py)::(test_[a-z0-9_]+)`")


def test_every_invariant_and_every_bad_input_names_a_test_that_exists() -> None:
    page = (ROOT / "docs" / "tracing.md").read_text(encoding="utf-8")
    section = page[page.index("## Invariants") : page.index("## Figures")]
    rows = [
        line
        for line in section.splitlines()
        if line.startswith("| ") and not line.startswith(("| #", "| input"))
    ]
    assert [row.split("|")[1].strip() for row in rows[:13]] == [str(number) for number in range(1, 14)]
    assert len(rows) == 13 + 6
    for row in rows:
        named = NAMED.findall(row)
        assert named, row
        for file, test in named:
            assert f"def {test}(" in (ROOT / file).read_text(encoding="utf-8"), (file, test)
