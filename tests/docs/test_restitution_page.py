"""Each case in docs/restitution.md names a test that exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.fast

ROOT = Path(__file__).resolve().parents[2]
NAMED = re.compile(r"`(tests/[a-z_/]+\.py)::(test_[a-z0-9_]+)`")


def test_every_case_names_a_test_that_exists() -> None:
    page = (ROOT / "docs" / "restitution.md").read_text(encoding="utf-8")
    named = NAMED.findall(page[page.index("| case |") :])
    assert len(named) == 5
    for file, test in named:
        assert f"def {test}(" in (ROOT / file).read_text(encoding="utf-8"), (file, test)
