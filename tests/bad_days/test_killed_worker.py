"""The worker dies by SIGKILL when the wallet has done something and nothing of it is on record."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from models.names import Role
from tests.bad_days.house import WholeHouse
from tests.bad_days.story import Story, theft_on

pytestmark = pytest.mark.timeout(240)

SECONDS_TO_RECOVER = 20.0
"""From the moment the new worker polls: what the dead one was doing is noticed by its silence, 5 s, and is then due again after
the pause its failures had grown to, 10 s at most.
"""

NEVER = {"mode": "lost_answer", "count": 1000, "ms": 3000}
"""The effect happens, and whoever asked for it waits for the answer until they die."""


class Point:
    """One account whose story stands still: an effect is done at the wallet, its answer never came."""

    def __init__(self, house: WholeHouse, kind: str, action: str, place: Callable[[Story], str]) -> None:
        self.story = theft_on(house)
        self.kind = kind
        self.action = action
        self.match = f"POST {place(self.story)}$"

    def arrive(self) -> None:
        """Let the story run until it stands still."""
        wallet = self.story.house.wallet
        if self.kind == "freeze":
            # The gateway fails plainly, so that it is the workflow who freezes.
            wallet.control("POST", "/faults", {"match": self.match, "mode": "error", "count": 1})
        wallet.control("POST", "/faults", {"match": self.match, **NEVER})
        self.story.alarm()
        if self.kind in {"reset_item", "release"}:
            self.story.prove_owner()
        if self.kind == "release":
            self.story.give_back()
        self.story.house.until(lambda: self.done_at_the_wallet == 1, f"{self.action} at the wallet")

    @property
    def done_at_the_wallet(self) -> int:
        """How often the wallet did it."""
        holder = self.story.account_id if self.kind != "hold" else self.story.mule
        query = """
            SELECT count(*) FROM wallet.receipt
            WHERE body::json->>'account_id' = :holder AND body::json->>'action' = :action AND :item IN ('', body::json->'result'->>'item')
        """
        item = "devices" if self.kind == "reset_item" else ""
        (row,) = self.story.house.wallet_rows(query, holder=holder, action=self.action, item=item)
        return int(row[0])

    @property
    def recorded(self) -> int:
        """How many rows say that it was done."""
        return sum(1 for step in self.story.steps(self.kind) if self._is_mine(step.step_key))

    def _is_mine(self, step_key: str) -> bool:
        mine = {"reset_item": "security/devices/", "hold": f"/{self.story.mule}/"}
        return mine.get(self.kind, "") in step_key

    def finish(self) -> None:
        """The rest of the story."""
        if self.kind in {"freeze", "hold"}:
            self.story.prove_owner()
        if self.kind != "release":
            self.story.give_back()
        self.story.until_restored()


def points(house: WholeHouse) -> list[Point]:
    """An account for each kind of effect."""
    return [
        Point(
            house,
            "freeze",
            "place_restriction",
            lambda story: f"/v1/accounts/{story.account_id}/restrictions",
        ),
        Point(house, "hold", "place_hold", lambda story: f"/v1/accounts/{story.mule}/holds"),
        Point(
            house,
            "reset_item",
            "reset_item",
            lambda story: f"/v1/accounts/{story.account_id}/security/devices/reset",
        ),
        Point(
            house,
            "release",
            "release_restrictions",
            lambda story: f"/v1/accounts/{story.account_id}/restrictions/release",
        ),
    ]


def test_what_it_did_is_recorded_once_within_seconds(house: WholeHouse) -> None:
    stories = points(house)
    with ThreadPoolExecutor(len(stories)) as threads:
        # The longest story first and alone: a reset is tried six times, and must stand still when all have arrived.
        stories[-1].arrive()
        for arrived in [threads.submit(point.arrive) for point in stories[:-1]]:
            arrived.result()
        assert [point.recorded for point in stories] == [0, 0, 0, 0]
        house.kill("worker")
        house.wallet.clear_faults()
        house.restart("worker")
        began = time.monotonic()
        house.until(lambda: all(point.recorded for point in stories), "a row for each effect")
        took = time.monotonic() - began
        for finished in [threads.submit(point.finish) for point in stories]:
            finished.result()
    assert [(point.kind, point.done_at_the_wallet, point.recorded) for point in stories] == [
        (point.kind, 1, 1) for point in stories
    ]
    for point in stories:
        point.story.prove_whole()
    print(f"recovered in {took:.1f} s")
    assert took < SECONDS_TO_RECOVER


RETURNED = """
SELECT count(*) FROM wallet.receipt
WHERE body::json->>'action' = 'return_hold' AND body::json->>'account_id' = ANY(:mules)
"""
PAID = (
    "SELECT count(*) AS payments, coalesce(sum(amount), 0) AS amount FROM restitution WHERE incident_id = :id"
)


def test_money_that_was_going_back_goes_back_once(house: WholeHouse) -> None:
    story = theft_on(house)
    story.alarm()
    story.prove_owner()
    story.give_back()
    story.until_restored()
    story.prove_whole()
    own = house.wallet.balance(story.account_id)["balance"]
    mules = [mule.account_id for mule in story.theft.mules]
    house.wallet.control("POST", "/faults", {"match": "POST /v1/holds/[^/]+/return$", **NEVER})

    def asked() -> str | None:
        open_ones = house.ask("GET", "/v1/decisions").json()["decisions"]
        mine = [one for one in open_ones if one["incident_id"] == story.incident_id]
        return next((one["task_id"] for one in mine if one["kind"] == "restitute"), None)

    task = house.until(asked, "the question of restitution")
    body = {"choice": "give_back", "reason": "it is hers"}
    chosen = house.ask("POST", f"/v1/decisions/{task}/request", body).json()["requests"][-1]
    approval = f"/v1/decisions/{chosen['request_id']}/approve"
    house.ask("POST", approval, {"reason": "seen"}, as_=Role.SUPERVISOR).raise_for_status()
    house.until(lambda: house.wallet_rows(RETURNED, mules=mules)[0][0], "a payment at the wallet")
    house.kill("worker")
    assert house.rows(PAID, id=story.incident_id)[0].payments == 0
    house.wallet.clear_faults()
    house.restart("worker")
    stolen = sum(story.theft.amounts)
    house.until(lambda: house.rows(PAID, id=story.incident_id)[0].amount == stolen, "every payment on record")
    assert house.wallet.balance(story.account_id)["balance"] == own + stolen
    payments = house.rows(PAID, id=story.incident_id)[0].payments
    assert house.wallet_rows(RETURNED, mules=mules)[0][0] == payments == len(story.steps("restitute"))
    report = house.audit(story.incident_id)
    assert (report.replay_ok, report.steps_match_history) == (True, True), report.findings
