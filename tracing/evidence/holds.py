"""Holds as a trace sees them."""

from __future__ import annotations

from typing import NamedTuple


class HoldSpan(NamedTuple):
    """Units [lo, hi) of an account that lay fast from after posting `effective_seq` to posting `released_seq` (None: still)."""

    hold_id: str
    account_id: str
    currency: str
    lo: int
    hi: int
    effective_seq: int
    released_seq: int | None
