"""Alarms that come at the same moment: repeated ones, and different ones for one account."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import httpx2
import pytest

from tests.bad_days.accounts import prove_frozen_once, restricted, until_opened
from tests.bad_days.house import WholeHouse, alarm_about

pytestmark = pytest.mark.timeout(240)

ACCOUNTS = 4
FIVE = 5


def raised(house: WholeHouse, alarms: Sequence[dict[str, Any]]) -> list[httpx2.Response]:
    """Send all of them at the same moment."""
    start = Barrier(len(alarms))

    def send(alarm: dict[str, Any]) -> httpx2.Response:
        start.wait()
        return house.raise_alarm(alarm)

    with ThreadPoolExecutor(len(alarms)) as threads:
        return list(threads.map(send, alarms))


def frozen(house: WholeHouse, answer: httpx2.Response, alarm: dict[str, Any]) -> bool:
    """Whether it is done, now or by the word of whoever asks again: the wallet may be late when all ask at once."""
    if answer.json()["freeze"] == "done":
        return True
    assert answer.json()["freeze"] == "pending"
    house.until(lambda: house.raise_alarm(alarm).json()["freeze"] == "done", "the freeze that was late")
    return True


def test_the_same_alarm_five_times_is_one(house: WholeHouse) -> None:
    accounts = [house.wallet.account() for _ in range(ACCOUNTS)]
    alarms = [alarm for account in accounts for alarm in [alarm_about(account)] * FIVE]
    answers = raised(house, alarms)
    for number in range(ACCOUNTS):
        five = answers[number * FIVE : (number + 1) * FIVE]
        assert len([each for each in five if each.status_code == 201]) <= 1
        assert {each.status_code for each in five} <= {200, 201, 202}
        assert len({tuple(each.json()[name] for name in ("incident_id", "alarm_id")) for each in five}) == 1
    assert all(frozen(house, *each) for each in zip(answers, alarms, strict=True))
    prove_frozen_once(house, accounts)


def test_two_different_alarms_for_one_account_are_one_incident(house: WholeHouse) -> None:
    accounts = [house.wallet.account() for _ in range(ACCOUNTS)]
    alarms = [alarm_about(account) for account in accounts for _ in range(2)]
    answers = raised(house, alarms)
    assert {each.status_code for each in answers} <= {201, 202}
    assert all(frozen(house, *each) for each in zip(answers, alarms, strict=True))
    for first, second in zip(answers[::2], answers[1::2], strict=True):
        assert first.json()["incident_id"] == second.json()["incident_id"]
        assert first.json()["alarm_id"] != second.json()["alarm_id"]
    prove_frozen_once(house, accounts, alarms=2)


def test_a_report_beside_a_trigger_never_narrows_or_shortens_the_freeze(house: WholeHouse) -> None:
    accounts = [house.wallet.account() for _ in range(ACCOUNTS)]
    alarms = [alarm_about(each, kind=kind) for each in accounts for kind in ("trigger", "report")]
    answers = raised(house, alarms)
    assert {each.status_code for each in answers} <= {201, 202}
    assert all(frozen(house, *each) for each in zip(answers, alarms, strict=True))
    found = until_opened(house, accounts)
    assert [(each.account_id, each.open, each.alarms) for each in found] == [
        (each, True, 2) for each in accounts
    ]
    for each in found:
        incident = house.incident(each.incident_id)
        assert (incident["scope"], incident["provisional"]) == ("full", False)
        scopes = [one["scope"] for one in house.wallet.state(each.account_id)["restrictions"]]
        assert "full" in scopes
        assert len(scopes) == each.freezes, "every restriction at the wallet has its row"
    assert set(restricted(house, accounts)) == set(accounts)
