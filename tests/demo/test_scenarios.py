"""`./stanch demo --scenario ...`: the same real stack, other people, another ending."""

from __future__ import annotations

import pytest

from cli.demo.scenario import SCENARIOS
from models.names import SecurityItem
from tests.demo.starting import SECONDS, Run, Starter

pytestmark = pytest.mark.timeout(SECONDS + 30)
PLACES = ("held", "exited", "pooled", "returned", "pruned")


def told(starter: Starter, scenario: str) -> Run:
    run = starter.run("--json", "--scenario", scenario)
    assert run.code == 0, run.err
    document = run.document
    assert document["outcome"] == SCENARIOS[scenario].outcome
    assert document["audit"] == {"replay_ok": True, "steps_match_history": True}
    assert document["clock"] == "demo"
    money = document["money"]
    assert money["stolen"] == sum(money[place] for place in PLACES)
    assert starter.left_running() == []
    return run


def test_a_false_alarm_takes_the_same_proof_and_leaves_nothing_held(starter: Starter) -> None:
    document = told(starter, "false_alarm").document
    assert document["identity"]["verified"] is True
    assert document["money"]["stolen"] > 0
    assert document["holds"] == {"count": 0, "amount": 0}
    assert document["stages"] == []
    assert document["refreezes"] == 0


def test_a_report_nobody_proves_ends_by_its_clock(starter: Starter) -> None:
    run = told(starter, "silence")
    document = run.document
    assert document["identity"] == {"verified": False, "factors": []}
    assert document["security_items"] == {}
    assert document["stages"] == []
    assert document["money"]["stolen"] == 0
    assert document["kept_in_account"] > 0
    assert "reset_item" not in document["steps"]["by_kind"]
    assert "thief" not in run.err


def test_an_impostor_shows_everything_and_gets_nothing_and_the_owner_is_told(starter: Starter) -> None:
    run = told(starter, "impostor")
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


def test_a_thief_who_comes_back_in_the_cool_down_is_frozen_out_again(starter: Starter) -> None:
    document = told(starter, "relapse").document
    assert document["refreezes"] == 1
    assert document["identity"]["verified"] is True
    assert set(document["security_items"]) == set(SecurityItem)
    assert len(document["stages"]) == 3
    assert document["steps"]["by_kind"]["freeze"] == 2
    assert document["steps"]["by_kind"]["verify_identity"] == 2
