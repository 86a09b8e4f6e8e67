"""Record the histories that are committed: `python -m tests.replay.record`.

Tells every story of stories.py on throwaway servers and writes the incident's own history and the first of each kind of
child. Do it when a release gets a shape of its own, never over the folder of a release that is out.
"""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from temporalio.client import WorkflowHistory

from adapters.temporal.replay import read_run, replay_history
from cli.embedded import roles
from cli.embedded.ports import free_port
from cli.embedded.postgres import EmbeddedPostgres
from cli.embedded.temporal import EmbeddedTemporal
from ledger.findings import Finding
from tests.conftest import migrate
from tests.replay.living import engine, quick_policy
from tests.replay.recording import BROKEN, SHAPE, cleaned, write
from tests.replay.stories import STORIES
from tests.running_sandbox import RunningSandbox, run_sandbox
from workflows.registry import WORKFLOWS


async def tell(database_url: str, temporal: EmbeddedTemporal, sandbox: RunningSandbox, folder: Path) -> None:
    """Tell and write every story."""
    policies = quick_policy(folder)
    async with engine(
        database_url=database_url,
        sandbox=sandbox,
        temporal=temporal.environ,
        policies=policies,
        queue="record",
    ) as running:
        for name, story in STORIES.items():
            incident_id = await story(running)
            audited = await running.audit(incident_id)
            assert audited.findings == (), audited.findings
            seen: set[str] = set()
            for history in await running.histories.fetch(incident_id):
                run = read_run(history)
                assert not isinstance(run, Finding), run
                if run.type not in seen:
                    seen.add(run.type)
                    clean = cleaned(history)
                    replayed = await replay_history(clean, WORKFLOWS)
                    assert replayed.findings == (), replayed.findings
                    path = write(clean, f"{name}-{run.type}")
                    print(f"{path.relative_to(Path.cwd())}  {run.events} events")
                    if (name, run.type) == ("restored", "ResetSecurity"):
                        write(_broken(clean), f"{run.type}-in-another-order", BROKEN)


def _broken(history: WorkflowHistory) -> WorkflowHistory:
    """As if the first reset had been a read-back: today's code asks for something else there."""
    copy = cleaned(history)
    for event in copy.events:
        if event.HasField("activity_task_scheduled_event_attributes"):
            event.activity_task_scheduled_event_attributes.activity_type.name = "read_back"
            return copy
    raise AssertionError("no activity in this history")


def main() -> None:
    """Start what is needed, tell, end."""
    with (
        tempfile.TemporaryDirectory() as folder,
        EmbeddedPostgres(throwaway=True) as postgres,
        EmbeddedTemporal(throwaway=True) as temporal,
    ):
        migrate(postgres.url(role=roles.OWNER))
        with run_sandbox(postgres.url("sandbox", roles.SANDBOX), free_port()) as sandbox:
            sandbox.seed(11)
            print(f"shape {SHAPE}")
            asyncio.run(tell(postgres.url(), temporal, sandbox, Path(folder)))


if __name__ == "__main__":
    main()
