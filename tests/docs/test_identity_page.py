"""Each attack in docs/identity.md names tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.fast

ROOT = Path(__file__).resolve().parents[2]
NAMED = re.compile(r"`(tests/[a-z_/]+\.py)::(test_[a-z0-9_]+)`")


PLAYED = (
    "a new number first, then a report",
    "the old number ported",
    "guessed from ten addresses",
    "two claimants at once",
    "an agent pressed to skip",
    "an owner without any old factor",
    "a passkey assertion replayed",
    "a link opened by a mail scanner",
    "the code read through the thief's new email",
    "a new number, a new device and a forged document",
)
"""The attacks that a social engineer is known for: none may fall out of the table."""


def test_no_known_attack_is_missing() -> None:
    page = (ROOT / "docs" / "identity.md").read_text(encoding="utf-8")
    attacks = [line.split("|")[1] for line in page.splitlines() if line.startswith("| ")]
    for played in PLAYED:
        assert any(played in attack for attack in attacks), played


def test_every_attack_names_a_test_that_exists() -> None:
    page = (ROOT / "docs" / "identity.md").read_text(encoding="utf-8")
    attacks = page[page.index("## Attacks") : page.index("## What it does not do")]
    rows = [line for line in attacks.splitlines() if line.startswith("| ")][1:]
    assert len(rows) > 15
    for row in rows:
        named = NAMED.findall(row)
        assert named, row
        for file, test in named:
            assert f"def {test}(" in (ROOT / file).read_text(encoding="utf-8"), (file, test)
