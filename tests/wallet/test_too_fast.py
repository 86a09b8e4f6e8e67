"""A wallet that bears no more calls says when it will again, and is taken at its word."""

from __future__ import annotations

import httpx2
import pytest

from adapters.wallet.refusals import LONGEST_WAIT, raise_for
from models.errors import ErrorCode, TooFast

pytestmark = pytest.mark.fast


@pytest.mark.parametrize(
    ("said", "waited"),
    [
        ("7", 7.0),
        ("0.5", 0.5),
        ("86400", LONGEST_WAIT),
        ("-3", 0.0),
        ("Thu, 26 Nov 2026 12:00:00 GMT", 1.0),
        ("", 1.0),
    ],
)
def test_it_is_asked_again_when_it_says(said: str, waited: float) -> None:
    with pytest.raises(TooFast) as too_fast:
        raise_for(httpx2.Response(429, headers={"retry-after": said}))
    assert (too_fast.value.code, too_fast.value.retry_after) == (ErrorCode.WALLET_UNREACHABLE, waited)
