"""PostgreSQL and Temporal go away under a house at work, and come back."""

from __future__ import annotations

from time import perf_counter

import pytest

from tests.bad_days.accounts import prove_frozen_once, records, restricted
from tests.bad_days.house import WholeHouse, alarm_about
from tests.bad_days.story import theft_on

pytestmark = pytest.mark.timeout(240)

TEN = 10


def test_without_a_database_ten_alarms_are_refused_and_all_freeze_when_repeated(house: WholeHouse) -> None:
    """What was open before goes on afterwards."""
    story = theft_on(house)
    assert story.alarm().status_code == 201
    accounts = [house.wallet.account() for _ in range(TEN)]
    alarms = [alarm_about(account_id) for account_id in accounts]
    house.postgres.kill()
    for alarm in alarms:
        began = perf_counter()
        refused = house.raise_alarm(alarm)
        took = perf_counter() - began
        assert (refused.status_code, refused.json()["code"]) == (503, "not_accepted")
        assert refused.headers["content-type"] == "application/problem+json"
        assert "same id" in refused.json()["detail"]
        assert took < 0.5, f"{took * 1000:.0f} ms"
    assert restricted(house, accounts) == []
    house.postgres.start()
    assert records(house, accounts) == []
    ids = [alarm["id"] for alarm in alarms]
    assert house.rows("SELECT id FROM alarm WHERE source_id = ANY(:ids)", ids=ids) == []
    assert [house.raise_alarm(alarm).status_code for alarm in alarms] == [201] * TEN
    prove_frozen_once(house, accounts)
    story.prove_owner()
    assert house.processes.ended() == []


def test_without_temporal_ten_alarms_freeze_at_once_and_all_are_opened_later(house: WholeHouse) -> None:
    accounts = [house.wallet.account() for _ in range(TEN)]
    house.temporal.kill()
    answers = [house.raise_alarm(alarm_about(account_id)) for account_id in accounts]
    assert [(each.status_code, each.json()["freeze"]) for each in answers] == [(201, "done")] * TEN
    assert restricted(house, accounts) == sorted(accounts)
    assert {each.taken_up for each in records(house, accounts)} == {0}
    house.temporal.start()
    for each in prove_frozen_once(house, accounts):
        assert house.workflow(each.incident_id) is not None
    query = "SELECT count(*) FROM step WHERE incident_id = ANY(:ids) AND kind = 'freeze' AND gateway_attempt IS NOT NULL"
    ids = [each.json()["incident_id"] for each in answers]
    assert house.rows(query, ids=ids)[0][0] == TEN, "the workflows adopted what the gateway had done"
    assert house.processes.ended() == []
