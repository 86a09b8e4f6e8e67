"""What an alarm names and cannot be a theft from the account is told with its reason, never dropped."""

from __future__ import annotations

import pytest

from activities.thefts import set_aside
from tests.tracing.ledgers import transfer

pytestmark = pytest.mark.fast

KNOWN = [
    transfer(1, "A", "B", 5),
    transfer(2, "B", "C", 5),
    transfer(3, "A", "A", 5),
    transfer(4, "A", "C", 1, reverses="t0"),
    transfer(9, "A", "C", 1),
]


def test_each_has_its_reason_and_a_theft_has_none() -> None:
    named = ["t1", "t2", "t3", "t4", "t9", "lost"]
    aside = set_aside(named, KNOWN, account_id="A", upto_seq=8)
    assert aside == {
        "t2": "posting 2 left another account",
        "t3": "posting 3 moved nothing: it went to the same account",
        "t4": "posting 4 gave back transfer t0",
        "t9": "not among postings 1 to 8",
        "lost": "not among postings 1 to 8",
    }
