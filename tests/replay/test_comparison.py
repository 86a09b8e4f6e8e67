import base64
import json

import pytest

from ledger.chains import check_chains
from ledger.comparison import Comparison, compare
from ledger.findings import Kind
from ledger.histories import HistoryUnreadable, read_history
from models.contracts.steps import RecordedStep
from models.ids import new_id
from models.names import StepKind
from tests.replay.events import Told, forged, payloads, story

pytestmark = pytest.mark.fast

OTHER = "0" * 64


def compared(told: Told, steps: list[RecordedStep] | None = None) -> Comparison:
    return compare(told.incident_id, [told.history], told.steps if steps is None else steps)


def row(told: Told, step_key: str) -> RecordedStep:
    return next(step for step in told.steps if step.step_key == step_key)


def kinds(comparison: Comparison) -> set[Kind]:
    return {finding.kind for finding in comparison.findings}


def test_a_true_story_has_no_finding() -> None:
    told = story()
    result = compared(told)
    assert result.findings == ()
    assert (result.performed, result.adopted, result.unreturned) == (4, 1, 0)
    assert result.reads == {"check_proof": 1, "load_incident": 1}
    assert check_chains(told.workflow_id, [told.history], closed=True) == []


@pytest.mark.parametrize("step_key", ["freeze/full", "hold/1", "reset/password", "close"])
@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"step_key": "reset/everything"}, Kind.STEP_KEY),
        ({"input_digest": OTHER}, Kind.INPUT_DIGEST),
        ({"result_digest": OTHER}, Kind.RESULT_DIGEST),
        ({"episode": 2}, Kind.STEP_MISSING),
    ],
)
def test_a_forged_row_is_found_and_named(step_key: str, change: dict[str, object], kind: Kind) -> None:
    told = story()
    result = compared(told, forged(told.steps, row(told, step_key), **change))
    assert kind in kinds(result)
    changed = {f"1/{step_key}", f"2/{step_key}", "1/reset/everything"}
    assert any(finding.subject in changed for finding in result.findings)


@pytest.mark.parametrize("activity_id", ["99", "1", "6", "7", ""])
def test_a_forged_activity_id_is_found(activity_id: str) -> None:
    told = story()
    password = row(told, "reset/password")
    result = compared(told, forged(told.steps, password, activity_id=activity_id))
    assert Kind.ACTIVITY_ID in kinds(result)
    assert {finding.subject for finding in result.findings} == {"1/reset/password"}


@pytest.mark.parametrize("change", [{"run_id": "run-2"}, {"workflow_id": "incident:other"}])
def test_a_forged_place_is_found(change: dict[str, str]) -> None:
    told = story()
    assert kinds(compared(told, forged(told.steps, row(told, "close"), **change))) == {Kind.ACTIVITY_ID}


def test_a_row_said_to_be_the_gateways_is_found() -> None:
    told = story()
    change = {"gateway_attempt": "attempt-9", "workflow_id": None, "run_id": None, "activity_id": None}
    result = compared(told, forged(told.steps, row(told, "close"), **change))
    assert kinds(result) == {Kind.ACTIVITY_ID}


@pytest.mark.parametrize("step_key", ["freeze/full", "hold/1", "reset/password", "close"])
def test_a_missing_row_is_found(step_key: str) -> None:
    told = story()
    result = compared(told, [step for step in told.steps if step.step_key != step_key])
    assert [(each.kind, each.subject) for each in result.findings] == [(Kind.STEP_MISSING, f"1/{step_key}")]


def test_an_extra_row_is_found() -> None:
    told = story()
    extra = row(told, "close").model_copy(
        update={"step_id": new_id(), "step_key": "lift", "result": {"step_key": "lift"}}
    )
    found = {(each.kind, each.subject) for each in compared(told, [*told.steps, extra]).findings}
    assert (Kind.STEP_KEY, "1/lift") in found


def test_an_extra_row_of_the_gateways_is_found() -> None:
    told = story()
    other = row(told, "freeze/full").model_copy(update={"step_id": new_id(), "episode": 2})
    found = compared(told, [*told.steps, other]).findings
    assert [(each.kind, each.subject) for each in found] == [(Kind.STEP_EXTRA, "2/freeze/full")]


def test_a_step_done_twice_is_found() -> None:
    told = story()
    again = row(told, "close").model_copy(update={"step_id": new_id()})
    assert Kind.STEP_EXTRA in kinds(compared(told, [*told.steps, again]))


def test_a_row_of_another_incident_is_found() -> None:
    told = story()
    result = compared(told, forged(told.steps, row(told, "close"), incident_id=new_id()))
    assert Kind.STEP_EXTRA in kinds(result)


def test_a_changed_result_in_a_row_is_found() -> None:
    told = story()
    close = row(told, "close")
    result = compared(told, forged(told.steps, close, result={**close.result, "receipt_id": "r-2"}))
    assert [(each.kind, each.subject) for each in result.findings] == [(Kind.RESULT_DIGEST, "1/close")]


@pytest.mark.parametrize(
    ("event_type", "field", "kind"),
    [
        ("EVENT_TYPE_ACTIVITY_TASK_SCHEDULED", "input", Kind.INPUT_DIGEST),
        ("EVENT_TYPE_ACTIVITY_TASK_COMPLETED", "result", Kind.RESULT_DIGEST),
    ],
)
def test_a_changed_payload_in_the_history_is_found(event_type: str, field: str, kind: Kind) -> None:
    """Of every step's activity in turn."""
    clean = story()
    places = [
        index
        for index, event in enumerate(clean.events)
        if event["eventType"] == event_type and "check_proof" not in str(event)
    ]
    found: set[tuple[str, Kind]] = set()
    for index in places:
        told = story()
        (attributes,) = (value for name, value in told.events[index].items() if name.endswith("Attributes"))
        value = json.loads(base64.b64decode(attributes[field]["payloads"][0]["data"]))
        attributes[field] = payloads({**value, "forged": True})
        found |= {(finding.subject, finding.kind) for finding in compared(told).findings}
    named = ("1/freeze/full", "1/hold/1", "1/reset/password", "1/reset/sessions", "1/close")
    assert {(subject, kind) for subject in named} <= found


def test_an_activity_that_returns_another_step_is_found() -> None:
    told = Told()
    told.activity("reset_item", told.asked("reset/password"), {"step_key": "reset/sessions"})
    assert kinds(compared(told)) == {Kind.STEP_KEY}


def test_an_activity_about_another_incident_is_found() -> None:
    told = Told()
    told.activity("reset_item", {**told.asked("reset/password"), "incident_id": new_id()}, {"step_key": "x"})
    assert kinds(compared(told)) == {Kind.HISTORY_INPUT}


@pytest.mark.parametrize("end", [None, "CANCELED", "TIMED_OUT"])
def test_a_step_whose_result_never_reached_its_workflow_is_accounted_for(end: str | None) -> None:
    told = Told()
    told.step("reset/password", end=end)
    result = compared(told)
    assert (result.findings, result.unreturned) == ((), 1)
    assert kinds(compared(told, forged(told.steps, told.steps[0], input_digest=OTHER))) == {Kind.INPUT_DIGEST}


def test_a_row_of_an_activity_that_failed_is_found() -> None:
    told = Told()
    told.step("reset/password", end="FAILED")
    assert kinds(compared(told)) == {Kind.STEP_EXTRA}


def test_a_step_told_again_is_adopted_and_stays_its_first_activitys() -> None:
    told = Told()
    freeze = told.step("freeze/full", kind=StepKind.FREEZE)
    again = told.activity("freeze", told.asked("freeze/full"), freeze.result)
    assert compared(told).findings == ()
    assert kinds(compared(told, forged(told.steps, freeze, activity_id=again))) == {Kind.ACTIVITY_ID}


def test_refusals_beside_the_done_row_are_evidence() -> None:
    told = Told()
    refused = told.step("hold/1", kind=StepKind.HOLD, refusal={"code": "wallet_refused", "message": "No."})
    told.steps.append(refused.model_copy(update={"step_id": new_id()}))
    told.step("hold/1", kind=StepKind.HOLD)
    assert compared(told).findings == ()


def test_a_question_that_a_person_put_stands_beside_the_histories() -> None:
    told = Told()
    told.step("ask/end_as_false_alarm/people/1", kind=StepKind.ASK_DECISION, by_gateway=True)
    del told.events[1:]
    result = compared(told)
    assert (result.findings, result.beside) == ((), 1)


def test_what_a_claimant_showed_at_the_gateway_stands_beside_the_histories() -> None:
    told = Told()
    told.step("identity/factor/totp/claim/time", kind=StepKind.FACTOR, by_gateway=True)
    told.step("identity/call-back/claim/time", kind=StepKind.CALL_BACK, by_gateway=True)
    told.step("identity/document/0a1b", kind=StepKind.CHALLENGE, by_gateway=True)
    told.step("identity/trusted/claim", kind=StepKind.CHALLENGE, by_gateway=True)
    del told.events[1:]
    result = compared(told)
    assert (result.findings, result.beside) == ((), 4)
    told.step("identity/code/contact/1", kind=StepKind.CHALLENGE, by_gateway=True)
    del told.events[1:]
    assert kinds(compared(told)) == {Kind.STEP_EXTRA}, "codes are sent by the workflow alone"


@pytest.mark.parametrize("kind", [StepKind.TRACE, StepKind.COMPARE_RULES])
def test_a_trace_that_a_person_asked_for_stands_beside_the_histories(kind: StepKind) -> None:
    told = Told()
    told.step(f"{kind}/people/1", kind=kind, by_gateway=True)
    del told.events[1:]
    result = compared(told)
    assert (result.findings, result.beside) == ((), 1)
    other = Told()
    other.step(f"{kind}/1", kind=kind, by_gateway=True)
    del other.events[1:]
    assert kinds(compared(other)) == {Kind.STEP_EXTRA}


def test_a_narrower_freeze_of_the_gateways_needs_no_activity_beside_the_wider_one_that_was_adopted() -> None:
    told = Told()
    told.step("freeze/outgoing", kind=StepKind.FREEZE, by_gateway=True)
    del told.events[1:]
    assert kinds(compared(told)) == {Kind.STEP_EXTRA}
    told.step("freeze/full", kind=StepKind.FREEZE, by_gateway=True)
    result = compared(told)
    assert (result.findings, result.adopted, result.beside) == ((), 1, 1)


def test_a_refusal_that_only_the_gateway_met_needs_no_activity() -> None:
    told = Told()
    refused = told.step(
        "freeze/full", kind=StepKind.FREEZE, refusal={"code": "account_unknown", "message": "No."}
    )
    other = refused.model_copy(
        update={
            "step_id": new_id(),
            "gateway_attempt": "g",
            "workflow_id": None,
            "run_id": None,
            "activity_id": None,
        }
    )
    assert compared(told, [other, refused]).findings == ()


def test_a_step_recorded_while_the_histories_were_fetched_is_no_finding() -> None:
    told = Told()
    late = told.step("reset/password")
    del told.events[1:]
    assert kinds(compared(told)) == {Kind.ACTIVITY_ID}
    assert compare(told.incident_id, [told.history], told.steps, fresh={late.step_id}).findings == ()


@pytest.mark.parametrize("index", range(1, 12))
def test_a_removed_event_is_a_gap(index: int) -> None:
    told = story()
    del told.events[index]
    found = check_chains(told.workflow_id, [told.history], closed=True)
    assert [each.kind for each in found] == [Kind.HISTORY_GAP]
    assert f"event {index + 1} should come next" in found[0].message


def test_a_removed_beginning_and_a_removed_end_are_found() -> None:
    told = story()
    whole = list(told.events)
    told.events[:] = whole[1:]
    assert Kind.HISTORY_GAP in {
        each.kind for each in check_chains(told.workflow_id, [told.history], closed=True)
    }
    told.events[:] = whole[:-1]
    assert [each.kind for each in check_chains(told.workflow_id, [told.history], closed=True)] == [
        Kind.HISTORY_OPEN
    ]


def test_a_missing_workflow_a_missing_child_and_a_missing_run_are_found() -> None:
    told = story()
    assert [each.kind for each in check_chains(told.workflow_id, [], closed=True)] == [Kind.HISTORY_MISSING]
    started, name = told.events[0], "workflowExecutionStartedEventAttributes"
    started[name]["continuedExecutionRunId"] = "run-0"
    assert [each.kind for each in check_chains(told.workflow_id, [told.history], closed=True)] == [
        Kind.HISTORY_MISSING
    ]
    del started[name]["continuedExecutionRunId"]
    parent = Told()
    child = f"{parent.workflow_id}/1/money/1"
    parent.child("TraceFunds", child, "run-c")
    found = check_chains(parent.workflow_id, [parent.history], closed=False)
    assert [(each.kind, child in each.message) for each in found] == [(Kind.HISTORY_MISSING, True)]


@pytest.mark.parametrize("spoilt", [{"payloads": [{"metadata": {}}]}, {"payloads": ["x"]}])
def test_a_payload_that_is_none_is_said_to_be_unreadable(spoilt: dict[str, object]) -> None:
    told = story()
    told.events[1]["activityTaskScheduledEventAttributes"]["input"] = spoilt
    with pytest.raises(HistoryUnreadable, match="event 2"):
        read_history(told.workflow_id, told.run_id, told.events)
