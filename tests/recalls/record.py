"""Record the histories of recalls that are committed: `python -m tests.recalls.record`."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from temporalio.client import WorkflowHistory

from adapters.temporal.decrypting import decrypted
from adapters.temporal.replay import replay_history
from cli.embedded import roles
from cli.embedded.ports import free_port
from cli.embedded.postgres import EmbeddedPostgres
from cli.embedded.temporal import EmbeddedTemporal
from models.contracts.transfers import TransferStatus
from models.ids import recall_workflow_id
from tests.conftest import migrate
from tests.recalls.house import PATIENT, QUICK, Recalls, environ, new_incident, open_recalls
from tests.replay.recording import cleaned, write
from tests.running_gateway import run_gateway
from tests.running_sandbox import run_sandbox
from workflows.registry import WORKFLOWS

STORIES = {
    "returned": ("exit-bank-01", "acknowledge"),
    "chased": ("exit-crypto-01", "never"),
    "refused": ("exit-bank-03", "refuse"),
    "stopped": ("exit-bank-02", "never"),
    "withdrawn": ("exit-bank-04", "never"),
}


async def told(recalls: Recalls, name: str) -> WorkflowHistory:
    """One recall from its beginning to its end."""
    exit_account, behaviour = STORIES[name]
    recalls.plan(exit_account, behaviour)
    incident_id = await new_incident(recalls.wiring, recalls.sandbox)
    transfer = await recalls.left(exit_account, 5_000)
    if name == "stopped":
        transfer = transfer.model_copy(update={"status": TransferStatus.PENDING})
    handle = await recalls.ask(
        transfer, policy=QUICK if name == "chased" else PATIENT, incident_id=incident_id
    )
    if name == "withdrawn":
        recall_id = recalls.recall_id(transfer, incident_id)
        await recalls.until_rows("SELECT 1 FROM recall WHERE id = :id AND sent_at IS NOT NULL", id=recall_id)
        assert await recalls.wiring.recalls.ask_withdrawal(incident_id, transfer.transfer_seq)
    await recalls.end(handle)
    found = await recalls.client.get_workflow_handle(
        recall_workflow_id(incident_id, transfer.transfer_seq)
    ).fetch_history()
    codec = recalls.client.data_converter.payload_codec
    return cleaned(await decrypted(found, codec, recalls.client.namespace))


async def tell(gateway_log: Path, postgres: EmbeddedPostgres, temporal: EmbeddedTemporal) -> None:
    """Tell and write every story."""
    with run_sandbox(postgres.url("sandbox", roles.SANDBOX), free_port()) as sandbox:
        sandbox.seed(11)
        with run_gateway(
            postgres.url(), sandbox, free_port(), gateway_log, environ=environ(sandbox)
        ) as gateway:
            async with open_recalls(
                gateway=gateway, sandbox=sandbox, temporal=temporal.environ, queue="record"
            ) as recalls:
                for name in STORIES:
                    history = await told(recalls, name)
                    replayed = await replay_history(history, WORKFLOWS)
                    assert replayed.findings == (), replayed.findings
                    path = write(history, f"{name}-RecallTransfer")
                    print(f"{path.relative_to(Path.cwd())}  {len(history.events)} events")


def main() -> None:
    """Start what is needed, tell, end."""
    with (
        tempfile.TemporaryDirectory() as folder,
        EmbeddedPostgres(throwaway=True) as postgres,
        EmbeddedTemporal(throwaway=True) as temporal,
    ):
        migrate(postgres.url(role=roles.OWNER))
        asyncio.run(tell(Path(folder) / "gateway.log", postgres, temporal))


if __name__ == "__main__":
    main()
