"""A recall that lasts for months goes on in new runs; nothing is sent again."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from activities.boundary import StanchErrors
from activities.registry import activities
from adapters.temporal.client import connect
from adapters.temporal.worker_lifecycle import WorkerPlan, run_worker
from cli.embedded.temporal import EmbeddedTemporal
from models.contracts.policy import RecallPolicy
from models.contracts.recalls import RecallEnding
from models.names import WAKE
from tests.recalls.house import Recalls
from tests.recalls.test_answers import xml
from workflows.registry import WORKFLOWS

SUGGESTED_AFTER = 60
"""Events; the server's own limit of 4,096 would take years of reminders."""

ONE_REMINDER = RecallPolicy(chase_seconds=(1, 3600), give_up_seconds=7200, look_seconds=1)


async def test_a_recall_told_in_several_runs_asks_once(
    recalls: Recalls, monkeypatch: pytest.MonkeyPatch
) -> None:
    recalls.plan("exit-bank-08", "never")
    transfer = await recalls.left("exit-bank-08", 10_000)
    recall_id = recalls.recall_id(transfer)
    temporal = EmbeddedTemporal(throwaway=True)
    temporal._settings["limit.historyCount.suggestContinueAsNew"] = SUGGESTED_AFTER
    with temporal:
        for name, value in temporal.environ.items():
            monkeypatch.setenv(name, value)
        here, recalls.client = recalls.client, await connect(recalls.wiring.converter)
        plan = WorkerPlan(
            task_queue="forgetful",
            workflows=WORKFLOWS,
            activities=activities(recalls.wiring.ports),
            interceptors=[StanchErrors()],
            grace=timedelta(seconds=1),
        )
        stop = asyncio.Event()
        serving = asyncio.create_task(run_worker(recalls.client, plan, stop=stop))
        try:
            handle = await recalls.ask(transfer, policy=ONE_REMINDER, queue="forgetful")
            await recalls.until_rows("SELECT 1 FROM recall WHERE id = :id AND chases = 1", id=recall_id)
            first = (await handle.describe()).run_id
            now = recalls.client.get_workflow_handle(handle.id)
            async with asyncio.timeout(30):
                while (await now.describe()).run_id == first:
                    await now.signal(WAKE)
            refusal = xml(transfer, recall_id, "f1", PECR="CNCL")
            assert recalls.answer(refusal)["verdict"] == "matched"
            await now.signal(WAKE)
            await recalls.until_rows(
                "SELECT 1 FROM recall WHERE id = :id AND state = 'promised'", id=recall_id
            )
            assert await recalls.wiring.recalls.ask_withdrawal(recalls.incident_id, transfer.transfer_seq)
            await now.signal(WAKE)
            result = await recalls.end(handle)
        finally:
            recalls.client = here
            stop.set()
            await serving
    assert (result.ending, result.promised, result.received) == (RecallEnding.WITHDRAWN, 4_000, 0)
    kinds = [kind for kind, _ in await recalls.kinds(transfer)]
    assert kinds == [
        "recall_open",
        "recall_send",
        "recall_chase",
        "recall_answer",
        "recall_withdraw",
        "recall_close",
    ]
