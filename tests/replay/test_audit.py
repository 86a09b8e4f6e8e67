"""The audit on real incidents: true ones pass, and each forgery of a real row or a real history is found."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from temporalio.client import WorkflowHistory

from adapters.temporal.replay import read_run, replay_history
from ledger.comparison import compare
from ledger.findings import Kind
from ledger.histories import History
from models.contracts.steps import RecordedStep
from models.errors import ErrorCode, StanchError
from models.ids import new_id
from models.names import StepKind
from tests.conftest import Database
from tests.replay.living import Engine
from tests.replay.recording import cleaned
from tests.replay.stories import STORIES, restored
from use_cases.audit_replay import AuditReport, audit
from workflows.registry import WORKFLOWS

OTHER = "0" * 64
KINDS = [
    StepKind.FREEZE,
    StepKind.VERIFY_IDENTITY,
    StepKind.TRACE,
    StepKind.RESET_ITEM,
    StepKind.STAGE,
    StepKind.CLOSE,
]


@dataclass(frozen=True)
class Finished:
    """A real incident that was restored."""

    incident_id: str
    histories: Sequence[WorkflowHistory]
    steps: Sequence[RecordedStep]

    def a(self, kind: StepKind) -> RecordedStep:
        return next(step for step in self.steps if step.kind is kind)

    async def audited(
        self,
        *,
        histories: Sequence[WorkflowHistory] | None = None,
        steps: Sequence[RecordedStep] | None = None,
    ) -> AuditReport:
        runs = [await replay_history(history, WORKFLOWS) for history in histories or self.histories]
        return audit(self.incident_id, runs, self.steps if steps is None else steps, closed=True)

    def compared(self, steps: Iterable[RecordedStep]) -> set[tuple[str, str]]:
        """Kind and subject of what the comparison alone finds."""
        runs = [read_run(history) for history in self.histories]
        known = [run for run in runs if isinstance(run, History)]
        return {(each.kind, each.subject) for each in compare(self.incident_id, known, list(steps)).findings}

    def forged(self, which: RecordedStep, **changes: Any) -> list[RecordedStep]:
        return [step.model_copy(update=changes) if step is which else step for step in self.steps]


@pytest.fixture(scope="module")
async def finished(living: Engine) -> Finished:
    incident_id = await restored(living)
    report = await living.audit(incident_id)
    assert report.findings == ()
    return Finished(
        incident_id,
        await living.histories.fetch(incident_id),
        await living.wiring.overview.steps(incident_id),
    )


@pytest.mark.parametrize("name", STORIES)
async def test_the_audit_of_a_true_story_finds_nothing(living: Engine, name: str) -> None:
    incident_id = await STORIES[name](living)
    report = await living.audit(incident_id)
    assert report.findings == ()
    assert (report.replay_ok, report.steps_match_history) == (True, True)
    assert report.steps == report.performed + report.adopted + report.unreturned + report.beside
    assert all(run.replayed for run in report.workflows)
    assert report.events == sum(run.events for run in report.workflows)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"step_key": "freeze/everything"}, Kind.STEP_KEY),
        ({"activity_id": "999", "gateway_attempt": None}, Kind.ACTIVITY_ID),
        ({"input_digest": OTHER}, Kind.INPUT_DIGEST),
        ({"result_digest": OTHER}, Kind.RESULT_DIGEST),
        ({"result": {"step_key": "freeze/full"}}, Kind.RESULT_DIGEST),
    ],
)
async def test_a_forged_step_is_found_and_named(
    finished: Finished, kind: StepKind, changes: dict[str, Any], found: Kind
) -> None:
    which = finished.a(kind)
    report = await finished.audited(steps=finished.forged(which, **changes))
    assert report.replay_ok
    assert not report.steps_match_history
    assert found.value in {finding.kind for finding in report.findings}
    subjects = {finding.subject for finding in report.findings}
    assert subjects & {f"{which.episode}/{which.step_key}", f"{which.episode}/freeze/everything"}


async def test_a_missing_step_and_an_extra_step_are_found(finished: Finished) -> None:
    for which in finished.steps:
        report = finished.compared(step for step in finished.steps if step is not which)
        assert (Kind.STEP_MISSING.value, f"{which.episode}/{which.step_key}") in report
    extra = finished.a(StepKind.RESET_ITEM).model_copy(
        update={"step_id": new_id(), "step_key": "security/1/soul"}
    )
    report = finished.compared([*finished.steps, extra])
    assert f"1/{extra.step_key}" in {subject for _, subject in report}


async def test_every_activity_of_a_step_whose_payload_was_changed_is_found(finished: Finished) -> None:
    root = finished.histories[0]
    for index, event in enumerate(root.events):
        scheduled = event.HasField("activity_task_scheduled_event_attributes")
        completed = event.HasField("activity_task_completed_event_attributes")
        if not scheduled and not completed:
            continue
        changed = cleaned(root)
        attributes = (
            changed.events[index].activity_task_scheduled_event_attributes.input
            if scheduled
            else changed.events[index].activity_task_completed_event_attributes.result
        )
        payload = attributes.payloads[0]
        if b'"step_key":"' not in payload.data:
            continue
        payload.data = payload.data.replace(b'"step_key":"', b'"step_key":"forged-')
        report = await finished.audited(histories=[changed, *finished.histories[1:]])
        assert not report.steps_match_history, f"event {index + 1}"


async def test_a_removed_event_a_removed_child_and_a_removed_end_are_found(finished: Finished) -> None:
    root, *children = finished.histories
    shorter = WorkflowHistory(root.workflow_id, [*root.events[:20], *root.events[21:]])
    report = await finished.audited(histories=[shorter, *children])
    assert not report.replay_ok
    assert Kind.HISTORY_GAP.value in {finding.kind for finding in report.findings}
    report = await finished.audited(histories=[root, *children[1:]])
    assert Kind.HISTORY_MISSING.value in {finding.kind for finding in report.findings}
    report = await finished.audited(
        histories=[WorkflowHistory(root.workflow_id, root.events[:-1]), *children]
    )
    assert Kind.HISTORY_OPEN.value in {finding.kind for finding in report.findings}


async def test_a_row_that_was_really_changed_in_the_database_is_found(
    living: Engine, finished: Finished, module_database: Database
) -> None:
    """By somebody who owns the tables: nobody else gets past the triggers."""
    which = finished.a(StepKind.CLOSE)
    owner = create_async_engine(module_database.owner_url)
    change = text("UPDATE step SET input_digest = :digest WHERE id = :id")
    try:
        for digest in (OTHER, which.input_digest):
            async with owner.begin() as connection:
                await connection.execute(text("ALTER TABLE step DISABLE TRIGGER USER"))
                await connection.execute(change, {"digest": digest, "id": which.step_id})
                await connection.execute(text("ALTER TABLE step ENABLE TRIGGER USER"))
            report = await living.audit(finished.incident_id)
            assert report.steps_match_history is (digest == which.input_digest)
    finally:
        await owner.dispose()


async def test_an_unknown_incident_is_said_to_be_unknown(living: Engine) -> None:
    with pytest.raises(StanchError) as refused:
        await living.audit(new_id())
    assert refused.value.code is ErrorCode.NOT_FOUND


async def test_an_erased_incident_says_so(living: Engine) -> None:
    incident_id = await STORIES["released"](living)
    table = living.wiring.keys._table
    await table.destroy(incident_id, living.wiring.clock.now())  # type: ignore[attr-defined]
    living.wiring.keys.forget(incident_id)
    with pytest.raises(StanchError) as refused:
        await living.audit(incident_id)
    assert refused.value.code is ErrorCode.ERASED


async def test_an_incident_at_work_is_audited_too(living: Engine) -> None:
    theft = living.sandbox.steal(living.sandbox.rich_account())
    incident_id = (await living.alarm(theft)).incident_id
    await living.prove_owner(incident_id)
    report = await living.audit(incident_id)
    assert report.findings == ()
    assert any(run.ended is None for run in report.workflows)
