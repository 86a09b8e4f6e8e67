"""A bare Temporal workflow with one activity that does nothing: what freezing through Temporal would cost at least.

Run as `python -m bench.bare_workflow` it is the worker; TEMPORAL_ADDRESS says where.
"""

from __future__ import annotations

import asyncio
import signal
from datetime import timedelta

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.envconfig import ClientConfig
from temporalio.worker import Worker

QUEUE = "bench-bare"
READY = "bare worker ready"


@activity.defn
async def do_nothing() -> str:
    """Not even a call to the wallet."""
    return "done"


@workflow.defn
class Bare:
    """One activity."""

    @workflow.run
    async def run(self) -> str:
        """Start, activity, end."""
        return await workflow.execute_activity(do_nothing, start_to_close_timeout=timedelta(seconds=10))


async def connect() -> Client:
    """A client without encryption or anything else of ours."""
    return await Client.connect(**ClientConfig.load_client_connect_config())


async def main() -> None:
    """Serve until SIGTERM."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with Worker(await connect(), task_queue=QUEUE, workflows=[Bare], activities=[do_nothing]):
        print(READY, flush=True)
        await stop.wait()


if __name__ == "__main__":
    asyncio.run(main())
