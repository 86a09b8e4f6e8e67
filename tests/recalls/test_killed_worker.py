"""The worker dies by SIGKILL when the institution has the recall and nothing of that is on record."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cli.embedded.temporal import EmbeddedTemporal
from models.contracts.recalls import RecallEnding
from tests.recalls.house import Recalls, environ

ROOT = Path(__file__).resolve().parents[2]
QUEUE = "recalls-of-the-dead"


@contextmanager
def worker(recalls: Recalls, temporal: EmbeddedTemporal) -> Iterator[subprocess.Popen[str]]:
    """A worker process on a queue of its own, until the block ends."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("STANCH_")}
    own = {
        "PYTHONPATH": str(ROOT),
        "STANCH_DATABASE_URL": recalls.gateway.database_url,
        "STANCH_WALLET_URL": recalls.sandbox.url,
        "STANCH_WALLET_KEY": recalls.sandbox.wallet_key,
        "STANCH_MASTER_KEY": recalls.gateway.master_key,
        "STANCH_TASK_QUEUE": QUEUE,
        **environ(recalls.sandbox),
        **temporal.environ,
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "worker"],
        cwd=ROOT,
        env=kept | own,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == "worker ready"
        yield process
    finally:
        process.kill()
        process.wait(10)
        if process.stdout is not None:
            process.stdout.close()


async def test_there_is_one_recall_at_the_institution(
    recalls: Recalls, temporal_server: EmbeddedTemporal
) -> None:
    recalls.plan("exit-bank-07", "return")
    transfer = await recalls.left("exit-bank-07", 4_000)
    recall_id = recalls.recall_id(transfer)
    # The effect happens; whoever asked for it waits for the answer until they die.
    recalls.sandbox.fault("POST /bank/recalls$", "lost_answer", ms=30_000)
    with worker(recalls, temporal_server):
        handle = await recalls.ask(transfer, queue=QUEUE)
        async with asyncio.timeout(20):
            while not recalls.asked(recall_id)["recalls"]:  # noqa: ASYNC110 - what is waited for is elsewhere
                await asyncio.sleep(0.05)
        assert await recalls.kinds(transfer) == [("recall_open", "done")]
    recalls.sandbox.clear_faults()
    with worker(recalls, temporal_server):
        result = await recalls.end(handle)
    assert (result.ending, result.received) == (RecallEnding.RETURNED, 4_000)
    assert [each["kind"] for each in recalls.asked(recall_id)["messages"]] == ["recall"]
    kinds = await recalls.kinds(transfer)
    assert kinds.count(("recall_send", "done")) == 1
    attempts = await recalls.rows(
        "SELECT count(*) AS n FROM step_attempt WHERE step_key = :key",
        key=f"recall/{transfer.transfer_seq}/recall",
    )
    assert attempts[0].n == 2
