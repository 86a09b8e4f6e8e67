"""Many accounts at once: what house and wallet have on record about each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tests.bad_days.house import WholeHouse

RECORDS = """
SELECT incident.account_id, incident.id AS incident_id, incident.closed_at IS NULL AS open,
       (SELECT count(*) FROM alarm WHERE incident_id = incident.id) AS alarms,
       (SELECT count(*) FROM alarm WHERE incident_id = incident.id AND acknowledged_at IS NOT NULL) AS taken_up,
       (SELECT count(*) FROM step WHERE incident_id = incident.id AND kind = 'freeze') AS freezes,
       hand_over.done_at IS NOT NULL AS handed_over, hand_over.attempts AS relayed
FROM incident JOIN hand_over ON hand_over.incident_id = incident.id
WHERE account_id = ANY(:accounts) ORDER BY array_position(:accounts, incident.account_id)
"""
PLACED = """
SELECT body::json->>'account_id' AS account_id FROM wallet.receipt
WHERE body::json->>'action' = 'place_restriction' AND body::json->>'account_id' = ANY(:accounts)
"""
STANDING = """
SELECT account_id FROM wallet.restriction WHERE account_id = ANY(:accounts) AND ended_at IS NULL
"""


@dataclass(frozen=True)
class Record:
    """One incident, in numbers."""

    account_id: str
    incident_id: str
    open: bool
    alarms: int
    taken_up: int
    freezes: int
    handed_over: bool
    relayed: int


def records(house: WholeHouse, accounts: Sequence[str]) -> list[Record]:
    """The incidents of these accounts, in their order."""
    return [Record(**row._mapping) for row in house.rows(RECORDS, accounts=list(accounts))]


def restricted(house: WholeHouse, accounts: Sequence[str]) -> list[str]:
    """Which of them are restricted at the wallet, one name for each restriction that stands."""
    return sorted(row.account_id for row in house.wallet_rows(STANDING, accounts=list(accounts)))


def until_opened(house: WholeHouse, accounts: Sequence[str]) -> list[Record]:
    """Wait until a workflow has taken up every alarm of every incident of these accounts."""

    def opened() -> list[Record] | None:
        found = records(house, accounts)
        good = all(each.taken_up == each.alarms and each.handed_over and each.freezes for each in found)
        return found if good and len(found) >= len(accounts) else None

    return house.until(opened, f"{len(accounts)} incidents opened in Temporal")


def prove_frozen_once(house: WholeHouse, accounts: Sequence[str], *, alarms: int = 1) -> list[Record]:
    """One incident, one effect, one row for each of these accounts, and a workflow that works on it."""
    found = until_opened(house, accounts)
    assert [each.account_id for each in found] == list(accounts)
    assert {(each.open, each.alarms, each.freezes) for each in found} == {(True, alarms, 1)}
    placed = house.wallet_rows(PLACED, accounts=list(accounts))
    assert sorted(row.account_id for row in placed) == sorted(accounts)
    assert restricted(house, accounts) == sorted(accounts)
    return found
