"""The gateway dies by SIGKILL between its commit and the hand-over: the relay opens what it could not."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest

from tests.bad_days.accounts import prove_frozen_once, records
from tests.bad_days.house import WholeHouse, alarm_about

pytestmark = pytest.mark.timeout(240)

ATTEMPTED = (
    "SELECT 1 FROM step_attempt JOIN incident ON incident.id = incident_id WHERE account_id = :account_id"
)


def test_the_relay_opens_what_was_not_handed_over(house: WholeHouse) -> None:
    answered, unanswered = house.wallet.account(), house.wallet.account()
    # While an alarm is under way the gateway hands nothing over, and this one waits for a slow wallet.
    house.wallet.fault(f"{unanswered}/restrictions$", "latency", ms=1900)
    slow, quick = alarm_about(unanswered), alarm_about(answered)
    # Its relay would take up what waits for two seconds, before anybody has looked.
    house.kill("worker")
    with ThreadPoolExecutor(1) as thread:
        waiting = thread.submit(house.raise_alarm, slow)
        house.until(lambda: house.rows(ATTEMPTED, account_id=unanswered), "the slow alarm's commit")
        frozen = house.raise_alarm(quick)
        house.kill("gateway")
        with pytest.raises(httpx2.TransportError):
            waiting.result()
    assert (frozen.status_code, frozen.json()["freeze"]) == (201, "done")
    assert [each.handed_over for each in records(house, [answered, unanswered])] == [False, False]
    house.restart("worker")
    found = prove_frozen_once(house, [answered, unanswered])
    assert all(each.relayed for each in found), "opened by the relay"
    origins = "SELECT gateway_attempt IS NOT NULL AS by_gateway FROM step WHERE kind = 'freeze' AND incident_id = :id"
    by_gateway = [house.rows(origins, id=each.incident_id)[0].by_gateway for each in found]
    assert by_gateway == [True, False], "the first adopted, the second done by the workflow"

    house.restart("gateway")
    again = house.raise_alarm(quick)
    assert (again.status_code, again.json()) == (200, frozen.json() | again.json())
    assert again.json()["incident_id"] == frozen.json()["incident_id"]
    late = house.raise_alarm(slow)
    assert (late.status_code, late.json()["freeze"]) == (200, "done")
    prove_frozen_once(house, [answered, unanswered])
