"""`./stanch demo` as a newcomer types it: real processes, the real story, nothing left running."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import psutil
import pytest

from models.names import SecurityItem
from tests.demo.starting import SECONDS, Run, Starter

pytestmark = pytest.mark.timeout(SECONDS + 30)
PLACES = ("held", "exited", "pooled", "returned", "pruned")


@pytest.fixture(scope="module")
def story(starter: Starter) -> Run:
    """The one full demo of the suite."""
    return starter.run("--json", "--seed", "7")


def test_the_story_ends_as_it_should_and_leaves_nothing_running(story: Run, starter: Starter) -> None:
    assert story.code == 0, story.err
    assert story.document["outcome"] == "restored"
    assert starter.left_running() == []


def test_it_froze_by_the_alarm_itself_and_not_by_the_workflow(story: Run) -> None:
    """Within what one call may take: how fast is for the bench, on an idle machine."""
    times = story.document["time_to_freeze_ms"]
    assert 0 < times["wallet_ack"] <= times["committed"] < 3000


def test_every_stolen_unit_has_one_place_and_some_are_saved(story: Run) -> None:
    money = story.document["money"]
    assert money["currency"] == "CNY"
    assert money["stolen"] == sum(money[place] for place in PLACES) > 0
    assert money["held"] > 0
    assert money["refused_after_freeze"] >= 3


def test_owner_security_stages_steps_and_audit(story: Run) -> None:
    told = story.document
    assert told["identity"]["verified"] is True
    assert len(set(told["identity"]["factors"])) >= 2
    assert set(told["security_items"]) == set(SecurityItem)
    assert len(set(told["security_items"].values())) == len(SecurityItem)
    assert len(told["stages"]) == 3
    assert told["refreezes"] == 0
    assert told["steps"]["total"] == sum(told["steps"]["by_kind"].values())
    assert told["steps"]["by_kind"]["reset_item"] == len(SecurityItem)
    assert told["audit"] == {"replay_ok": True, "steps_match_history": True}
    assert told["inferred_openings"] == {"count": 0, "amount": 0}
    assert told["clock"] == "demo"
    assert told["wall_s"] > 0


def test_what_was_held_goes_back_and_every_unit_stands_somewhere(story: Run) -> None:
    told = story.document
    remedy = told["remedy"]
    cells = ("returned", "on_hold", "recall_pending", "recalled", "at_large", "lost")
    assert remedy["stolen"] == told["money"]["stolen"] == sum(remedy[cell] for cell in cells)
    assert told["restitution"]["count"] > 0
    assert remedy["returned"] == told["restitution"]["amount"] + told["money"]["returned"] > 0


def test_the_timeline_is_on_stderr_in_plain_lines(story: Run) -> None:
    assert "account frozen" in story.err
    assert "\x1b[" not in story.err
    assert "Traceback" not in story.err


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Our own small ledger, seeded: customers, two mules, a shop and the world outside. Thefts: t-300, t-301."""
    folder = tmp_path_factory.mktemp("ledger")
    chance = random.Random(20260131)
    people = [f"c{number}" for number in range(40)]
    rows: list[tuple[object, ...]] = []
    for number in range(300):
        src, dst = chance.choice(people), chance.choice([*people, "shop", "abroad"])
        rows.append((f"t-{number}", number // 10, src, dst, chance.randint(1, 5000)))
    rows += [
        ("t-300", 40, "c0", "mule", 7000),
        ("t-301", 40, "c0", "mule", 500),
        ("t-302", 41, "mule", "second", 6000),
        ("t-303", 42, "second", "abroad", 2000),
        ("bad-1", 42, "c1", "c2", 0),
        ("bad-2", 42, "c1", "c2", "1.5"),
        ("t-304", 43, "mule", "mule", 100),
    ]
    lines = ["tx_id,time,src,dst,amount_cents", *(",".join(map(str, row)) for row in rows)]
    (folder / "transfers.csv").write_text("\n".join(lines) + "\n")
    accounts = [
        "account,opening_cents,kind",
        *(f"{name},100," for name in people),
        "mule,0,wallet",
        "second,0,wallet",
        "shop,0,merchant",
    ]
    (folder / "accounts.csv").write_text("\n".join(accounts) + "\n")
    return {"transfers": folder / "transfers.csv", "accounts": folder / "accounts.csv"}


def on(ledger: dict[str, Path]) -> Sequence[str]:
    return ("--transfers", str(ledger["transfers"]), "--accounts", str(ledger["accounts"]))


def test_the_same_story_on_a_ledger_of_somebody_else(starter: Starter, ledger: dict[str, Path]) -> None:
    run = starter.run(*on(ledger), "--theft", "t-300,t-301", "--currency", "SEK", "--json")
    assert run.code == 0, run.err
    told = run.document
    assert told["account_id"] == "c0"
    assert told["outcome"] == "restored"
    # First in, first out: mule sends 6,000 of 7,500 on, and second sends 2,000 of those abroad.
    assert told["money"] == {
        "currency": "SEK",
        "stolen": 7500,
        "held": 5500,
        "exited": 2000,
        "pooled": 0,
        "returned": 0,
        "pruned": 0,
        "refused_after_freeze": 0,
    }
    assert told["inferred_openings"]["count"] > 0
    assert told["audit"] == {"replay_ok": True, "steps_match_history": True}
    assert "transfers.csv line 306: amount 0 is zero" in run.err
    assert "2 rows were refused" in run.err
    assert "step n is posted n minutes after" in run.err
    assert starter.left_running() == []


def engine(starter: Starter, part: str) -> psutil.Process | None:
    """The process of a part, once it runs."""
    for process in starter.processes():
        command = process.cmdline()
        if command[1:3] == ["-m", part] and len(command) == 3:
            return process
    return None


def wait_for(starter: Starter, demo: subprocess.Popen[str], part: str) -> psutil.Process:
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        found = engine(starter, part)
        if found is not None:
            return found
        assert demo.poll() is None, "the demo ended first"
        time.sleep(0.05)
    raise AssertionError(f"no {part} in {SECONDS} s")


@pytest.mark.parametrize(
    ("number", "code", "part"), [(signal.SIGINT, 130, "worker"), (signal.SIGTERM, 143, "sandbox")]
)
def test_ended_from_outside_it_leaves_nothing_running(
    starter: Starter, number: signal.Signals, code: int, part: str
) -> None:
    demo = starter.start("--json")
    wait_for(starter, demo, part)
    demo.send_signal(number)
    run = starter.end(demo)
    assert run.code == code
    assert run.out == ""
    assert "nothing is left running" in run.err
    assert "Traceback" not in run.err
    assert starter.left_running() == []


def test_a_part_that_dies_ends_the_demo_with_a_sentence_and_its_logs(starter: Starter) -> None:
    demo = starter.start("--json")
    wait_for(starter, demo, "worker").kill()
    run = starter.end(demo)
    assert run.code == 1
    sentence = json.loads(run.out)["error"]["message"]
    assert "The worker ended" in sentence
    assert (starter.logs_named_in(sentence) / "worker.log").exists()
    assert "Traceback" not in run.err
    assert starter.left_running() == []
