"""`make bench`: time to freeze against the floor and a bare workflow, a burst, a trace. One run, one table, JSON beside it.

Usage: python -m bench [--json FILE]. The JSON goes to .stanch/bench.json unless FILE says otherwise.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.burst import ALARMS as BURST
from bench.burst import burst, until_handed_over
from bench.running import Measured, running
from bench.time_to_freeze import ALARMS, WARM_UP, bare, sequential
from bench.trace_theft import trace_theft

SETTLING_SECONDS = 5
"""What the alarms have begun goes on after the hand-over; the bare workflow shall have the machine for itself."""

ROOT = Path(__file__).resolve().parent.parent


async def measure(measured: Measured) -> dict[str, Any]:
    """Everything, one after the other."""
    names = [name for number in range(1, 2000) if (name := f"acc-{number:04d}") != measured.victim]
    one_by_one = 2 * (ALARMS + WARM_UP)
    theft = await trace_theft(measured)
    freezing = await sequential(measured, await _open_accounts(measured, names[:700], one_by_one))
    await until_handed_over(measured)
    await asyncio.sleep(SETTLING_SECONDS)
    freezing["bare_workflow"] = await bare()
    bursting = await burst(measured, await _open_accounts(measured, names[700:1500], BURST))
    return {"time_to_freeze": freezing, "burst": bursting, "trace": theft}


async def _open_accounts(measured: Measured, names: list[str], wanted: int) -> list[str]:
    """So many accounts that are open and that nothing stands on."""
    found: list[str] = []
    async with measured.wallet() as wallet:
        for name in names:
            answer = await wallet.get(f"/v1/accounts/{name}")
            if (
                answer.status_code == 200
                and answer.json()["status"] == "active"
                and not answer.json()["restrictions"]
            ):
                found.append(name)
            if len(found) == wanted:
                return found
    raise SystemExit(f"the sandbox has only {len(found)} accounts to freeze")


def show(figures: dict[str, Any], console: Console) -> None:
    """The table."""
    freezing, bursting, theft = figures["time_to_freeze"], figures["burst"], figures["trace"]
    floor = freezing["floor"]
    table = Table(title=f"Time to freeze, {floor['count']} alarms one after the other, as the caller waits")
    for heading in ("", "p50 ms", "p95 ms", "p50 against the floor"):
        table.add_column(heading, justify="left" if not heading else "right")
    rows = (
        ("floor: two commits, one call", floor),
        ("Stanch, through the gateway", freezing["gateway"]),
        ("bare one-activity workflow", freezing["bare_workflow"]),
    )
    for name, row in rows:
        ratio = f"{row['p50_ms'] / floor['p50_ms']:.2f} ×"
        table.add_row(name, f"{row['p50_ms']:.1f}", f"{row['p95_ms']:.1f}", ratio)
    console.print(table)
    console.print(
        f"Burst of {bursting['alarms']} alarms: last account frozen after {bursting['last_frozen_s']} s, last incident "
        f"open in Temporal after {bursting['last_open_in_temporal_s']} s, lost: {bursting['lost']}; "
        f"answers {bursting['answers']}."
    )
    console.print(f"Trace of the demo's theft: {theft['first_ms']} ms (first), p50 {theft['p50_ms']} ms.")


def main() -> int:
    """Measure, show, write; 1 when an alarm was lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, default=ROOT / ".stanch" / "bench.json")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="stanch-bench-") as folder, running(Path(folder)) as measured:
        figures = asyncio.run(measure(measured))
    figures["when"] = datetime.now(UTC).isoformat(timespec="seconds")
    figures["where"] = {
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "machine": platform.machine(),
    }
    show(figures, Console())
    chosen.json.parent.mkdir(parents=True, exist_ok=True)
    chosen.json.write_text(json.dumps(figures, indent=1) + "\n")
    print(f"JSON: {chosen.json}")
    return 1 if figures["burst"]["lost"] else 0


if __name__ == "__main__":
    sys.exit(main())
