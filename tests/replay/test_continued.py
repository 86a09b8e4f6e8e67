"""An incident that goes on in a new run: the story, the rows and the audit go on with it."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from cli.embedded.temporal import EmbeddedTemporal
from ledger.findings import Kind
from ledger.histories import CONTINUED
from models.contracts.closure import ProvenDestination, WalletDestination
from models.ids import incident_workflow_id, recovery_workflow_id
from models.lifecycle import Status
from models.names import WAKE, DecisionKind, Outcome, Role, StepKind
from models.registered import Workflow
from tests.conftest import Database
from tests.replay.living import Engine, engine, quick_policy
from tests.running_sandbox import RunningSandbox
from use_cases.audit_replay import audit

pytestmark = pytest.mark.timeout(240)

SUGGESTED_AFTER = 180
"""Events; the server's own limit of 4,096 would take a day of alarms."""


@pytest.fixture(scope="module")
def temporal() -> Iterator[EmbeddedTemporal]:
    """A Temporal that suggests a new run very soon."""
    server = EmbeddedTemporal(throwaway=True)
    server._settings["limit.historyCount.suggestContinueAsNew"] = SUGGESTED_AFTER
    with server:
        yield server


@pytest.fixture(scope="module")
async def forgetful(
    module_database: Database,
    wallet: RunningSandbox,
    temporal: EmbeddedTemporal,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Engine]:
    """An engine whose Temporal suggests a new run very soon."""
    folder: Path = tmp_path_factory.mktemp("policy")
    async with engine(
        database_url=module_database.url,
        sandbox=wallet,
        temporal=temporal.environ,
        policies=quick_policy(folder),
        queue="continued",
    ) as running:
        yield running


async def until_new_run(engine: Engine, incident_id: str) -> None:
    """Woken without reason until the story goes on in a new run."""
    handle = engine.histories.client.get_workflow_handle(incident_workflow_id(incident_id))
    first = (await handle.describe()).run_id

    async def goes_on() -> bool:
        await engine.wiring.incidents.ask_again(incident_id)
        await engine.parts.wake.now(incident_id)
        return (await handle.describe()).run_id != first

    await engine.until(goes_on, "a new run")


async def told_in_two_runs(engine: Engine) -> str:
    """Woken without reason while people decide, until the story goes on in a new run: one has chosen in the run before, the
    other approves of it in this one."""
    theft = engine.sandbox.steal(engine.sandbox.rich_account())
    incident_id = (await engine.alarm(theft)).incident_id
    await engine.prove_owner(incident_id)
    asked = await engine.question(incident_id, DecisionKind.RETURN_ACCOUNT)
    kind, agent = DecisionKind.RETURN_ACCOUNT, engine.people[Role.AGENT]
    chosen = await engine.parts.decide.request(
        asked.task_id, Outcome.RESTORED.value, "it is theirs", by=agent
    )

    async def come_to_the_question() -> bool:
        steps = await engine.wiring.overview.steps(incident_id)
        return len([step for step in steps if step.step_key.startswith(f"ask/{kind}/")]) == 2

    await until_new_run(engine, incident_id)
    await engine.until(come_to_the_question, "the question in the new run")
    supervisor = engine.people[Role.SUPERVISOR]
    await engine.parts.decide.approve(chosen.requests[-1].request_id, "seen by another", by=supervisor)
    await engine.parts.wake.now(incident_id)
    closed = await engine.until_closed(incident_id)
    assert closed.outcome is Outcome.RESTORED
    return incident_id


@pytest.fixture(scope="module")
async def incident_id(forgetful: Engine) -> str:
    return await told_in_two_runs(forgetful)


async def test_a_story_told_in_several_runs_ends_and_its_audit_finds_nothing(
    forgetful: Engine, incident_id: str
) -> None:
    report = await forgetful.audit(incident_id)
    assert report.findings == ()
    root = [run for run in report.workflows if run.type == Workflow.STOLEN_ACCOUNT_INCIDENT]
    assert len(root) >= 2
    assert [run.ended for run in root].count(CONTINUED) == len(root) - 1


async def test_a_run_that_is_left_out_is_missed(forgetful: Engine, incident_id: str) -> None:
    runs = await forgetful.histories.replay(incident_id, closed=True)
    steps = await forgetful.wiring.overview.steps(incident_id)
    root = [run for run in runs if run.history.type == Workflow.STOLEN_ACCOUNT_INCIDENT]
    assert len(root) >= 2
    for left_out in root:
        report = audit(incident_id, [run for run in runs if run is not left_out], steps, closed=True)
        assert not report.replay_ok
        assert Kind.HISTORY_MISSING.value in {finding.kind for finding in report.findings}


async def test_a_recovery_goes_on_in_a_new_run_with_all_it_knew(forgetful: Engine, incident_id: str) -> None:
    """Its rounds are counted on, so that no step of the run before is taken for one of this; what is held is given back."""
    recovery = forgetful.histories.client.get_workflow_handle(recovery_workflow_id(incident_id))
    first = (await recovery.describe()).run_id

    async def goes_on() -> bool:
        await recovery.signal(WAKE)
        return (await recovery.describe()).run_id != first

    await forgetful.until(goes_on, "a new run of the recovery")
    held = await forgetful.wiring.recoveries.placed(incident_id)
    assert held
    await forgetful.give_back_what_is_held(incident_id)
    ended = await forgetful.recovered(incident_id)
    assert (ended.ending, await forgetful.wiring.recoveries.placed(incident_id)) == ("nothing_left", [])
    rounds = [
        step.step_key
        for step in await forgetful.wiring.overview.steps(incident_id)
        if step.kind is StepKind.TRACE and step.step_key.startswith("pursuit/")
    ]
    assert len(rounds) == len(set(rounds)) == ended.rounds
    cells = (await forgetful.parts.account_by_remedy.of_incident(incident_id)).currencies["CNY"]
    assert cells.returned == cells.stolen


async def test_an_account_is_closed_out_of_its_stages_in_a_run_that_goes_on(
    database_url: str, wallet: RunningSandbox, temporal: EmbeddedTemporal, tmp_path: Path
) -> None:
    """That run knows by the return that the owner is proven: it hears them, and what is held for them stays held."""
    async with engine(
        database_url=database_url,
        sandbox=wallet,
        temporal=temporal.environ,
        policies=quick_policy(tmp_path, seconds=3600),
        queue="continued-stages",
    ) as running:
        theft = running.sandbox.steal(running.sandbox.rich_account())
        incident_id = (await running.alarm(theft)).incident_id
        await running.prove_owner(incident_id)
        await running.question(incident_id, DecisionKind.RETURN_ACCOUNT)
        await running.decide(incident_id, DecisionKind.RETURN_ACCOUNT, Outcome.RESTORED.value)
        await running.until_status(incident_id, Status.RETURNING)
        await until_new_run(running, incident_id)
        receiver = WalletDestination(kind="wallet", account_id=running.sandbox.account())
        asked = await running.parts.ask_to_close.ask(
            incident_id,
            ProvenDestination(destination=receiver, how_proven="a contract with her name, seen by video"),
            "she wants no account any more",
            by=running.people[Role.AGENT],
        )
        await running.parts.decide.approve(
            asked.requests[-1].request_id, "seen by another", by=running.people[Role.SUPERVISOR]
        )
        await running.parts.wake.now(incident_id)
        assert (await running.until_closed(incident_id)).outcome is Outcome.ACCOUNT_CLOSED
        steps = await running.wiring.overview.steps(incident_id)
        assert [step for step in steps if step.kind is StepKind.RELEASE_HOLD] == []
        assert (await running.audit(incident_id)).findings == ()
