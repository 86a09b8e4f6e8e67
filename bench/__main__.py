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
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.burst import ALARMS as BURST
from bench.burst import burst, until_settled
from bench.running import Measured, running
from bench.time_to_freeze import ALARMS, WARM_UP, in_turns
from bench.trace_theft import trace_theft

NAMES = {
    "floor": "floor: two commits, one call",
    "gateway": "Stanch, through the gateway",
    "bare": "bare one-activity workflow",
}
ROOT = Path(__file__).resolve().parent.parent


async def measure(measured: Measured) -> dict[str, Any]:
    """Everything, one after the other, each on a machine that has come to rest."""
    names = (name for number in range(1, 2000) if (name := f"acc-{number:04d}") != measured.victim)
    pairs = 2 * (ALARMS + WARM_UP)
    theft = await trace_theft(measured)
    await until_settled(measured)
    measured.rest()
    at_rest = await in_turns(measured, await _open_accounts(measured, names, pairs), with_bare=True)
    measured.work()
    await until_settled(measured)
    at_work = await in_turns(measured, await _open_accounts(measured, names, pairs), with_bare=False)
    await until_settled(measured)
    bursting = await burst(measured, await _open_accounts(measured, names, BURST))
    return {"time_to_freeze": {"at_rest": at_rest, "at_work": at_work}, "burst": bursting, "trace": theft}


async def _open_accounts(measured: Measured, names: Iterator[str], wanted: int) -> list[str]:
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
    table = Table(title=f"Time to freeze, {ALARMS} alarms one after the other, as the caller waits")
    for heading in ("", "p50 ms", "p95 ms", "p50 against the floor"):
        table.add_column(heading, justify="right" if heading else "left")
    for load, title in (("at_rest", "worker at rest"), ("at_work", "worker at work")):
        floor = freezing[load]["floor"]
        for name, row in freezing[load].items():
            if name in NAMES:
                ratio = f"{row['p50_ms'] / floor['p50_ms']:.2f} ×"
                table.add_row(
                    f"{NAMES[name]}, {title}", f"{row['p50_ms']:.1f}", f"{row['p95_ms']:.1f}", ratio
                )
        table.add_section()
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
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="stanch-bench-") as folder, running(Path(folder)) as measured:
        figures = asyncio.run(measure(measured))
    figures["when"] = datetime.now(UTC).isoformat(timespec="seconds")
    figures["where"] = {
        "cores": os.cpu_count(),
        "load_before": round(load, 1),
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
