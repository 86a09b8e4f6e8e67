"""Gateway and worker die in the middle of a burst: what was answered stands, what was not can be repeated."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, wait

import httpx2
import pytest

from tests.bad_days.accounts import prove_frozen_once, until_opened
from tests.bad_days.house import WholeHouse, alarm_about

pytestmark = pytest.mark.timeout(240)

ALARMS = 30
QUICK = 12
"""So many the wallet answers at once; the others are under way when everything dies."""


def test_every_answer_holds_and_every_other_alarm_may_be_repeated(house: WholeHouse) -> None:
    accounts = [house.wallet.account() for _ in range(ALARMS)]
    alarms = {account_id: alarm_about(account_id) for account_id in accounts}
    slow = {"match": "POST .*/restrictions$", "mode": "latency", "ms": 1200, "skip": QUICK, "count": ALARMS}
    house.wallet.control("POST", "/faults", slow)
    with ThreadPoolExecutor(ALARMS) as threads:
        sent = {threads.submit(house.raise_alarm, alarm): account_id for account_id, alarm in alarms.items()}
        house.until(lambda: sum(future.done() for future in sent) >= QUICK - 2, "the first answers")
        house.kill("gateway", "worker")
        wait(sent)
    answered = {account_id for future, account_id in sent.items() if future.exception() is None}
    errors = [future.exception() for future in sent if future.exception() is not None]
    assert answered, "some were answered"
    assert errors, "some were not"
    assert all(isinstance(error, httpx2.TransportError) for error in errors)
    # Thirty at once may be more than the database serves in time: such a one is told plainly that nothing was accepted.
    codes = {
        account_id: future.result().status_code
        for future, account_id in sent.items()
        if account_id in answered
    }
    assert set(codes.values()) <= {201, 202, 503}
    answered -= {account_id for account_id, code in codes.items() if code == 503}
    house.wallet.clear_faults()

    house.restart("worker")
    prove_frozen_once(house, sorted(answered))

    house.restart("gateway")
    house.until(
        lambda: all(house.raise_alarm(alarms[each]).json().get("freeze") == "done" for each in accounts),
        "every alarm repeated until it is done",
    )
    repeated = [house.raise_alarm(alarms[account_id]) for account_id in accounts]
    assert {(each.status_code in {200, 201}, each.json()["freeze"]) for each in repeated} == {(True, "done")}
    for future, account_id in sent.items():
        if account_id in answered:
            again = repeated[accounts.index(account_id)]
            assert again.status_code == 200
            assert again.json()["incident_id"] == future.result().json()["incident_id"]
    until_opened(house, accounts)
    prove_frozen_once(house, accounts)
