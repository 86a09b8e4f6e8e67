"""What may be traced together."""

from __future__ import annotations

import pytest

from models.errors import ErrorCode, StanchError
from tests.tracing.ledgers import transfer
from tracing.thefts import victim_of

pytestmark = pytest.mark.fast

POSTED = [
    transfer(1, "A", "B", 5),
    transfer(2, "A", "X", 5),
    transfer(3, "C", "B", 5),
    transfer(4, "A", "B", 5, currency="USD"),
    transfer(5, "A", "A", 5),
]


def test_the_victim_is_the_account_all_thefts_left() -> None:
    assert victim_of(["t1", "t2"], POSTED, upto_seq=4) == "A"
    assert victim_of(["t4"], POSTED, upto_seq=4, currency="USD") == "A"


@pytest.mark.parametrize(
    ("thefts", "upto", "currency", "code"),
    [
        ([], 4, None, ErrorCode.THEFT_UNKNOWN),
        (["t9"], 4, None, ErrorCode.THEFT_UNKNOWN),
        (["t1", "t3"], 2, None, ErrorCode.THEFT_UNKNOWN),
        (["t1", "t3"], 4, None, ErrorCode.THEFT_NOT_VICTIMS),
        (["t5"], 5, None, ErrorCode.THEFT_NOT_VICTIMS),
        (["t1", "t5"], 5, None, ErrorCode.THEFT_NOT_VICTIMS),
        (["t1", "t4"], 4, None, ErrorCode.CURRENCY_MIXED),
        (["t1"], 4, "USD", ErrorCode.CURRENCY_MIXED),
    ],
)
def test_what_does_not_belong_together_is_refused(
    thefts: list[str], upto: int, currency: str | None, code: ErrorCode
) -> None:
    with pytest.raises(StanchError) as refused:
        victim_of(thefts, POSTED, upto_seq=upto, currency=currency)
    assert refused.value.code is code
    assert "Nothing was traced" in refused.value.message
