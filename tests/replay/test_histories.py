"""Histories of every released workflow shape, replayed with today's code."""

import base64
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import WorkflowHistory

from adapters.temporal.replay import Replayed, replay_history
from ledger.chains import check_chains
from ledger.findings import Finding, Kind
from models.registered import Workflow
from tests.replay.recording import BROKEN, cleaned, paths, read, text_of
from workflows.registry import WORKFLOWS

pytestmark = pytest.mark.fast

GOOD = list(paths())
NAMES = [f"{path.parent.name}/{path.name}" for path in GOOD]


async def replayed(history: WorkflowHistory) -> Replayed:
    return await replay_history(history, WORKFLOWS)


def findings(run: Replayed) -> list[Finding]:
    whole = check_chains(run.history.workflow_id, [run.history], closed=True)
    return [*run.findings, *(each for each in whole if each.kind is Kind.HISTORY_GAP)]


@pytest.mark.parametrize("path", GOOD, ids=NAMES)
async def test_a_released_history_replays(path: Path) -> None:
    run = await replayed(read(path))
    assert findings(run) == []
    assert run.history.ending is not None


def test_every_workflow_has_a_history() -> None:
    """A folder holds what a release began: a later one adds its new workflows, and those whose shape it changed."""
    kinds = {path.name.removesuffix(".json.gz").split("-")[1] for path in GOOD}
    assert kinds == {workflow.value for workflow in Workflow}


@pytest.mark.parametrize("path", list(paths(BROKEN)), ids=lambda path: path.name)
async def test_a_broken_history_does_not_replay(path: Path) -> None:
    run = await replayed(read(path))
    assert [each.kind for each in run.findings] == [Kind.REPLAY_FAILED]
    assert "Nondeterminism" in run.findings[0].message


def test_there_is_a_broken_history() -> None:
    assert list(paths(BROKEN))


@pytest.mark.parametrize("path", [*GOOD, *paths(BROKEN)], ids=lambda path: path.name)
def test_a_committed_history_names_nobody_and_no_machine(path: Path) -> None:
    plain = str(_plain(json.loads(text_of(path))))
    for trace in ("site-packages", "/usr/", "/home/", "/root", "/work", "Traceback", 'File "', "+86"):
        assert trace not in plain, trace
    assert re.search(r"[^*]@", plain) is None, "of an address only what is masked"


def _plain(value: object) -> object:
    """With every payload readable."""
    if isinstance(value, dict):
        if "metadata" in value and "data" in value:
            return base64.b64decode(value["data"]).decode()
        return {name: _plain(each) for name, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, list) else value


RESTORED = next(path for path in GOOD if path.name.startswith("restored-StolenAccountIncident"))


def _activity_input(events: list[HistoryEvent]) -> None:
    for event in events:
        if event.HasField("activity_task_scheduled_event_attributes"):
            payload = event.activity_task_scheduled_event_attributes.input.payloads[0]
            if b"step_key" in payload.data:
                payload.data = payload.data.replace(b'"episode":1', b'"episode":7')
                return


def _child_input(events: list[HistoryEvent]) -> None:
    for event in events:
        if event.HasField("start_child_workflow_execution_initiated_event_attributes"):
            payload = event.start_child_workflow_execution_initiated_event_attributes.input.payloads[0]
            payload.data = payload.data.replace(b'"episode":1', b'"episode":7')
            return


def _result(events: list[HistoryEvent]) -> None:
    payload = events[-1].workflow_execution_completed_event_attributes.result.payloads[0]
    payload.data = payload.data.replace(b"restored", b"released")


def _opening(events: list[HistoryEvent]) -> None:
    payload = events[0].workflow_execution_started_event_attributes.input.payloads[0]
    payload.data = payload.data.replace(b'"incident_id":"0', b'"incident_id":"7')


def _freeze_result(events: list[HistoryEvent]) -> None:
    """What the freeze returned fixes how far the trace sees."""
    for event in events:
        if event.HasField("activity_task_completed_event_attributes"):
            payload = event.activity_task_completed_event_attributes.result.payloads[0]
            if b'"effective_seq":' in payload.data:
                payload.data = payload.data.replace(b'"effective_seq":', b'"effective_seq":9')
                return


@pytest.mark.parametrize(
    ("forge", "kind"),
    [
        (_activity_input, Kind.REPLAY_ARGUMENTS),
        (_child_input, Kind.REPLAY_ARGUMENTS),
        (_result, Kind.REPLAY_RESULT),
        (_opening, Kind.REPLAY_FAILED),
        (_freeze_result, Kind.REPLAY_ARGUMENTS),
    ],
)
async def test_a_changed_payload_is_found(forge: Callable[[list[HistoryEvent]], None], kind: Kind) -> None:
    history = cleaned(read(RESTORED))
    before = history.to_json()
    forge(list(history.events))
    assert history.to_json() != before
    assert kind in {each.kind for each in findings(await replayed(history))}


async def test_a_removed_event_is_found_wherever_it_was() -> None:
    whole = read(next(path for path in GOOD if path.name.startswith("restored-ResetSecurity")))
    for index in range(len(whole.events) - 1):
        events = [event for number, event in enumerate(whole.events) if number != index]
        run = await replayed(WorkflowHistory(whole.workflow_id, events))
        assert Kind.HISTORY_GAP in {each.kind for each in findings(run)}


async def test_a_removed_event_is_found_when_the_rest_is_numbered_anew() -> None:
    """Where the events do not tear, the replay or the comparison of what was asked for must notice."""
    path = next(path for path in GOOD if path.name.startswith("restored-ReturnAccount"))
    whole = read(path)
    for index in range(1, len(whole.events) - 1):
        events = cleaned(whole).events
        left = [event for number, event in enumerate(events) if number != index]
        for number, event in enumerate(left, start=1):
            event.event_id = number
        run = await replayed(WorkflowHistory(whole.workflow_id, left))
        assert findings(run), f"event {index + 1} was removed and nobody noticed"


async def test_swapped_activities_of_one_kind_are_found() -> None:
    path = next(path for path in GOOD if path.name.startswith("restored-ResetSecurity"))
    history = cleaned(read(path))
    resets = [
        event.activity_task_scheduled_event_attributes
        for event in history.events
        if event.HasField("activity_task_scheduled_event_attributes")
        and event.activity_task_scheduled_event_attributes.activity_type.name == "reset_item"
    ]
    first, second = resets[0].input.payloads[0], resets[1].input.payloads[0]
    first.data, second.data = second.data, first.data
    run = await replayed(history)
    assert [each.kind for each in findings(run)] == [Kind.REPLAY_ARGUMENTS, Kind.REPLAY_ARGUMENTS]
