"""The trace of the demo's theft: a thief at work in the sandbox, the detector's alarm, the trace step that followed."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any

from bench.figures import summary
from bench.running import SEED, Measured
from cli.demo.cast import part_of
from cli.demo.scenario import THIEF
from models.names import Role, StepKind

LOOK_SECONDS = 0.2
PATIENCE_SECONDS = 120.0


async def trace_theft(measured: Measured) -> dict[str, Any]:
    """Milliseconds of each trace step of the incident, from asked to recorded, and what the last one found."""
    measured.processes.start(part_of(THIEF, measured.house, victim=measured.victim, seed=SEED))
    async with measured.client(Role.AUDITOR) as client, asyncio.timeout(PATIENCE_SECONDS):
        while True:
            listed = (await client.get("/v1/incidents", params={"account_id": measured.victim})).json()
            for incident in listed["incidents"]:
                steps = (await client.get(f"/v1/incidents/{incident['incident_id']}/steps")).json()["steps"]
                traces = [step for step in steps if step["kind"] == StepKind.TRACE]
                if len(traces) >= 2:
                    return _figures(traces)
            await asyncio.sleep(LOOK_SECONDS)


def _figures(traces: list[dict[str, Any]]) -> dict[str, Any]:
    took = [
        (
            datetime.fromisoformat(step["completed_at"]) - datetime.fromisoformat(step["started_at"])
        ).total_seconds()
        * 1000
        for step in traces
    ]
    return {"first_ms": round(took[0], 1), **summary(took)}
