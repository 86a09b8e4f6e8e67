"""`./stanch demo --scenario ...`: the same real stack, other people, another ending."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from cli.demo.scenario import SCENARIOS
from models.names import SecurityItem
from tests.demo.starting import SECONDS, Run, Starter

pytestmark = pytest.mark.timeout(SECONDS + 30)
PLACES = ("held", "exited", "pooled", "returned", "pruned")


@dataclass(frozen=True)
class Begun:
    """One demo under way, and who started it."""

    starter: Starter
    demo: subprocess.Popen[str]


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Begun]]:
    """All of them at once: a story is mostly waiting, and each has a folder and a mark of its own."""
    stories: dict[str, Begun] = {}
    try:
        for scenario in ("relapse", "impostor", "false_alarm", "silence"):
            starter = Starter(tmp_path_factory.mktemp(scenario))
            stories[scenario] = Begun(starter, starter.start("--json", "--scenario", scenario))
        yield stories
    finally:
        for story in stories.values():
            if story.demo.poll() is None:
                story.demo.terminate()
                story.demo.communicate(timeout=SECONDS)


def told(begun: dict[str, Begun], scenario: str) -> Run:
    starter = begun[scenario].starter
    run = starter.end(begun[scenario].demo)
    assert run.code == 0, run.err
    document = run.document
    assert document["outcome"] == SCENARIOS[scenario].outcome
    assert document["audit"] == {"replay_ok": True, "steps_match_history": True}
    assert document["clock"] == "demo"
    money = document["money"]
    assert money["stolen"] == sum(money[place] for place in PLACES)
    assert starter.left_running() == []
    return run


def test_a_false_alarm_takes_the_same_proof_and_leaves_nothing_held(begun: dict[str, Begun]) -> None:
    document = told(begun, "false_alarm").document
    assert document["identity"]["verified"] is True
    assert document["money"]["stolen"] > 0
    assert document["holds"] == {"count": 0, "amount": 0}
    assert document["stages"] == []
    assert document["refreezes"] == 0


def test_a_report_nobody_proves_ends_by_its_clock(begun: dict[str, Begun]) -> None:
    run = told(begun, "silence")
    document = run.document
    assert document["identity"] == {"verified": False, "factors": []}
    assert document["security_items"] == {}
    assert document["stages"] == []
    assert document["money"]["stolen"] == 0
    assert document["kept_in_account"] > 0
    assert "reset_item" not in document["steps"]["by_kind"]
    assert "thief" not in run.err


def test_an_impostor_shows_everything_and_gets_nothing_and_the_owner_is_told(begun: dict[str, Begun]) -> None:
    run = told(begun, "impostor")
    document = run.document
    assert document["identity"] == {"verified": False, "factors": []}
    assert document["security_items"] == {}
    assert document["stages"] == []
    assert document["money"]["stolen"] == 0
    assert document["kept_in_account"] > 0
    kinds = document["steps"]["by_kind"]
    # App code, saved code, passkey and document, each refused, and the owner's word at the old number.
    assert (kinds["factor"], kinds["call_back"]) == (4, 1)
    assert "and it counts" not in run.err
    assert "supervisor approves" in run.err
    assert "told on an old contact that somebody else claimed to be the owner" in run.err


def test_a_thief_who_comes_back_in_the_cool_down_is_frozen_out_again(begun: dict[str, Begun]) -> None:
    document = told(begun, "relapse").document
    assert document["refreezes"] == 1
    assert document["identity"]["verified"] is True
    assert set(document["security_items"]) == set(SecurityItem)
    assert len(document["stages"]) == 3
    assert document["steps"]["by_kind"]["freeze"] == 2
    assert document["steps"]["by_kind"]["verify_identity"] == 2
