"""On whose word a transfer counts as stolen, and on whose it is only claimed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from activities.thefts import bases
from models.contracts.money import TheftWords
from models.contracts.wallet import AccountState, SecurityEntry
from models.names import SecurityItem
from tests.tracing.ledgers import transfer

pytestmark = pytest.mark.fast

SINCE = datetime(2026, 1, 1, tzinfo=UTC)
LATER = SINCE + timedelta(days=20)
OLD = transfer(1, "A", "B", 5, posted_at=SINCE + timedelta(days=1))
NEW = transfer(2, "A", "C", 5, posted_at=LATER + timedelta(days=1))
THIEFS = transfer(3, "A", "C", 5, posted_at=LATER + timedelta(days=2), device_id="thief")
NOBODYS = TheftWords(named=(), claimed=(), added=(), withdrawn=(), since=LATER)


def account(device: datetime | None = None) -> AccountState:
    entries = () if device is None else (SecurityEntry(id="thief", label="d", set_at=device, active=True),)
    return AccountState(
        account_id="A",
        status="active",
        real_name_state="verified",
        read_at=LATER,
        balances=(),
        restrictions=(),
        contact_points=(),
        security={SecurityItem.DEVICES: entries},
    )


def why(words: TheftWords, device: datetime | None = None, **changes: Any) -> dict[str, str]:
    words = words.model_copy(update=changes)
    return bases(words, [OLD, NEW, THIEFS], account(device), since=SINCE, without={})


def test_what_a_report_names_is_claimed_and_what_a_machine_names_counts() -> None:
    assert why(NOBODYS, named=("t2",), claimed=("t1",)) == {"t2": "named", "t1": "claimed"}
    assert why(NOBODYS, LATER, named=("t2",), claimed=("t1",)) == {
        "t2": "named",
        "t3": "new_device",
        "t1": "claimed",
    }


def test_a_report_that_only_says_since_long_ago_makes_nobody_a_payee_of_stolen_money() -> None:
    assert why(NOBODYS) == {"t1": "claimed", "t2": "since_compromise", "t3": "since_compromise"}
    assert why(NOBODYS, SINCE) == {"t2": "since_compromise", "t3": "since_compromise"}


def test_where_nobody_who_counts_has_spoken_all_is_claimed() -> None:
    assert set(why(NOBODYS, since=None, claimed=("t1",)).values()) == {"claimed"}
    assert set(why(NOBODYS, since=None).values()) == {"claimed"}


def test_what_people_added_counts_and_what_they_withdrew_does_not() -> None:
    said = why(NOBODYS, named=("t2",), claimed=("t1",), added=("t1",), withdrawn=("t2", "t3"))
    assert said == {"t1": "people"}
