"""What a closing notice says of the money to a proven owner; tests/incidents have what it says where nobody is proven."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from activities.figures import UNCOUNTED, fields_of, told
from models.contracts.figures import VictimsFigures
from models.contracts.recovery import Remedy
from models.names import Outcome

pytestmark = pytest.mark.fast

AT = datetime(2026, 11, 26, 10, 5, tzinfo=UTC)
CNY = Remedy(
    currency="CNY", stolen=210, returned=10, on_hold=20, recall_pending=30, recalled=40, at_large=50, lost=60
)
NOTHING = Remedy(
    currency="USD", stolen=0, returned=0, on_hold=0, recall_pending=0, recalled=0, at_large=0, lost=0
)
KNOWN = VictimsFigures(remedies={"CNY": CNY, "USD": NOTHING}, stopped=3)


def test_every_stolen_unit_is_told_once() -> None:
    cells = told(CNY)
    assert cells.pop("stolen") == sum(cells.values()) == 210
    assert cells["missing"] == 110


@pytest.mark.parametrize("outcome", [Outcome.RESTORED, Outcome.ACCOUNT_CLOSED, Outcome.RELEASED])
def test_figures_are_told_per_currency_that_was_stolen(outcome: Outcome) -> None:
    said = fields_of(KNOWN, outcome, AT)
    assert json.loads(said["figures"]) == {"CNY": told(CNY)}
    assert (said["stopped"], said["at"]) == ("3", AT.isoformat())


def test_what_does_not_add_up_is_said_to_be_uncounted() -> None:
    unknown = VictimsFigures(remedies=None, stopped=0)
    assert fields_of(unknown, Outcome.RESTORED, AT)["figures"] == UNCOUNTED


def test_of_a_false_alarm_only_what_was_stopped_is_told() -> None:
    assert set(fields_of(KNOWN, Outcome.FALSE_ALARM, AT)) == {"at", "stopped"}
