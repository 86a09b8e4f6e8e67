"""The wallet answers 5xx, is slow, or does what it was asked and loses the answer, at every call that matters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from tests.bad_days.house import WholeHouse
from tests.bad_days.story import Story, theft_on

pytestmark = pytest.mark.timeout(240)

KINDS: dict[str, dict[str, Any]] = {
    "5xx": {"mode": "error", "status": 503},
    "slow": {"mode": "latency", "ms": 2300},
    "lost": {"mode": "lost_answer"},
}
TWICE = 2
"""At the freeze: once for the gateway, once for the workflow, which insists."""


def told(story: Story, fault: Mapping[str, Any]) -> dict[str, Any]:
    """The whole story of one account, whose every kind of effect has this bad day."""
    wallet, account = story.house.wallet, f"/v1/accounts/{story.account_id}"
    mule = story.mule
    for place in (
        f"{account}/restrictions",
        f"/v1/accounts/{mule}/holds",
        f"{account}/security/devices/reset",
        f"{account}/stage-limits",
        f"{account}/restrictions/release",
    ):
        wallet.control("POST", "/faults", {"match": f"{place}$", "count": TWICE, **fault})
    answer = story.alarm()
    story.until_status("frozen")
    frozen = story.receipts("place_restriction")
    story.prove_owner()
    story.give_back()
    story.until_restored()
    hits = {
        each["match"]: each["hits"]
        for each in wallet.control("GET", "/faults")["faults"]
        if story.account_id in each["match"] or mule in each["match"]
    }
    return {"answer": answer, "frozen": frozen, "hits": hits}


@pytest.fixture(scope="module")
def stories(shared_house: WholeHouse) -> Iterator[dict[str, tuple[Story, Future[dict[str, Any]]]]]:
    """Three accounts are robbed, and each has its own kind of bad day, all at the same time."""
    shared_house.heal()
    robbed = {kind: theft_on(shared_house) for kind in KINDS}
    with ThreadPoolExecutor(len(KINDS)) as threads:
        yield {kind: (story, threads.submit(told, story, KINDS[kind])) for kind, story in robbed.items()}
    shared_house.heal()


@pytest.mark.parametrize("kind", KINDS)
def test_every_effect_happens_once_and_is_recorded_once(
    stories: dict[str, tuple[Story, Future[dict[str, Any]]]], kind: str
) -> None:
    story, future = stories[kind]
    seen = future.result()
    assert set(seen["hits"].values()) == {TWICE}, "every call had its bad day"
    answer = seen["answer"]
    assert (answer.status_code, answer.json()["freeze"]) == (202, "pending")
    assert answer.json()["time_to_freeze_ms"] is None
    (freeze,) = story.steps("freeze")
    assert freeze.workflow_id == f"incident:{story.incident_id}", "frozen by the workflow"
    assert seen["frozen"] == [f"{story.incident_id}/1/full"], "under the key the gateway had used"
    story.prove_whole()
