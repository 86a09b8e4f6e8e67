"""The worker process: serves workflows and activities, relays hand-overs, sweeps, tells people and staff. Nobody imports it."""

from __future__ import annotations

import asyncio
import sys

import uvloop

from activities.boundary import StanchErrors
from activities.registry import activities
from adapters.forgetting import Forgetting
from adapters.logs import configure
from adapters.notices.deliverer import Deliverer
from adapters.staff.alerter import Alerter
from adapters.temporal.client import connect_at_last
from adapters.temporal.relay import RELAY_BUDGET, Relay
from adapters.temporal.sweeping import Sweeping
from adapters.temporal.worker_lifecycle import StopOnSignals, WorkerPlan, run_worker
from adapters.wiring import Wiring
from models.errors import StanchError
from settings import Settings, read_settings
from workflows.registry import WORKFLOWS

READY = "worker ready"
"""The line by which whoever started the process sees that it polls."""

INVALID_SETTINGS = 2


async def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; Temporal may come later than we do."""
    wiring = Wiring(settings)
    try:
        with StopOnSignals(asyncio.Event(), asyncio.get_running_loop()) as stop:
            client = await connect_at_last(wiring.converter, stop=stop)
            if client is None:
                return
            relay = Relay(rows=wiring.hand_overs, hand_over=wiring.hand_over(client, budget=RELAY_BUDGET))
            deliverer = Deliverer(store=wiring.notices, deliver=wiring.deliver_notice)
            alerter = Alerter(store=wiring.staff_alerts, alert=wiring.alert_staff)
            plan = WorkerPlan(
                task_queue=settings.task_queue,
                workflows=WORKFLOWS,
                activities=activities(wiring.ports),
                interceptors=[StanchErrors()],
                companions=[
                    relay.run,
                    Sweeping(wiring.sweep, wiring.escalate, wiring.break_the_glass).run,
                    wiring.recall_care(client).run,
                    deliverer.run,
                    alerter.run,
                    Forgetting(wiring.pace, wiring.clock).run,
                ],
                activities_at_once=settings.database_pool * 2,
            )
            await run_worker(client, plan, stop=stop, ready=lambda: print(READY, flush=True))  # noqa: T201
    finally:
        await wiring.close()


def main() -> int:
    """Run; the exit code is 2 when the settings are not usable."""
    try:
        settings = read_settings()
        configure(settings.log_level)
        uvloop.run(serve(settings))
    except StanchError as error:
        sys.stderr.write(f"{error.message}\n")
        return INVALID_SETTINGS
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
