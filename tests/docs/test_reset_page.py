"""docs/reset.md shows the order that the engine obeys, and names tests that exist."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

from models.names import Treatment

pytestmark = pytest.mark.fast

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "reset.md").read_text(encoding="utf-8")
NAMED = re.compile(r"`(tests/[a-z_/]+\.py)::(test_[a-z0-9_]+)`")


def test_the_order_of_resets_is_current() -> None:
    spec = importlib.util.spec_from_file_location("reset_table", ROOT / "docs" / "reset.py")
    assert spec is not None
    assert spec.loader is not None
    drawing = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(drawing)
    assert drawing.with_table(PAGE) == PAGE, "run: python docs/reset.py"


def test_every_rule_of_the_link_names_a_test_that_exists() -> None:
    named = NAMED.findall(PAGE)
    assert len(named) >= 4
    for file, test in named:
        assert f"def {test}(" in (ROOT / file).read_text(encoding="utf-8"), (file, test)


def test_the_page_tells_every_treatment() -> None:
    assert [each for each in Treatment if f"| {each} |" not in PAGE] == []
