import difflib
import json
from pathlib import Path

import pytest

from tests.replay.shapes import BASELINE, WORKFLOWS, shapes
from workflows.registry import WORKFLOWS as REGISTERED

pytestmark = pytest.mark.fast

WAY_OUT = """
The commands a workflow gives to Temporal have changed. An incident that is open when this is deployed replays its history
with the new code: where the two disagree it stands still, with somebody's account frozen.

- Changed on purpose, and the shape was never released: python -m tests.replay.shapes && python -m tests.replay.record
- Changed on purpose, with incidents open on the old shape: keep both behind `workflow.patched(NAME)` with a named
  constant, keep the old histories beside the new ones, then python -m tests.replay.shapes
- Not on purpose: take the change back.
"""


def test_no_workflow_changed_its_shape_unnoticed() -> None:
    known, found = BASELINE.read_text(), json.dumps(shapes(), indent=1, sort_keys=True) + "\n"
    differences = "\n".join(
        difflib.unified_diff(
            known.splitlines(), found.splitlines(), "fingerprints.json", "workflows/", lineterm=""
        )
    )
    assert not differences, f"\n{differences}\n{WAY_OUT}"


def test_every_registered_workflow_has_a_shape() -> None:
    classes = {name for functions in shapes().values() for name in functions if "." not in name}
    assert {workflow.__name__ for workflow in REGISTERED} <= classes


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("LiftLimits.run", "EnterStage.run"),
        ("await workflow.sleep(left", "await workflow.wait_condition(lambda: False, timeout=left"),
        ("return await workflow.execute_activity_method(", "return await workflow.execute_local_activity("),
        ("@workflow.defn(name=Workflow.RETURN_ACCOUNT)", "@workflow.defn(name=Workflow.TRACE_FUNDS)"),
        ("class ReturnAccount:", "class ReturnAccount(Attention):"),
    ],
)
def test_a_changed_command_changes_the_shape(tmp_path: Path, old: str, new: str) -> None:
    source = (WORKFLOWS / "return_account.py").read_text()
    assert old in source
    (tmp_path / "return_account.py").write_text(source.replace(old, new))
    assert shapes(tmp_path)["return_account.py"] != shapes()["return_account.py"]


def test_other_words_do_not_change_the_shape(tmp_path: Path) -> None:
    source = (WORKFLOWS / "return_account.py").read_text()
    (tmp_path / "return_account.py").write_text(f"# a remark\n{source}".replace("entered", "stages_entered"))
    assert shapes(tmp_path)["return_account.py"] == shapes()["return_account.py"]
