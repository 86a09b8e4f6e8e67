"""How long a trace takes: `make bench-trace`, or `python -m bench.trace_bench [--size 1000000]... [--json FILE] [--peers]`.

Generated ledgers, one run, ratios inside the run. All but the last postings are loaded by COPY (bench.bulk_load); the last
200,000 go through the product's feed, and that rate is told. `statement` is the recursive statement until its rows are here;
`fetch` is the floor: one statement that only reads exactly the carried rows, given their primary keys. `run` is everything the
trace activity does: checks, statement, places, digest, edges and lots stored in one transaction. With several sizes the
ledgers stand side by side and are traced in turn; how much longer the largest takes than the smallest is told for each theft,
whole and for each carried row. `hub` is the worst case: a theft straight into the account that pays everybody, in chunks, with
the memory it took. `--peers` compares with DuckDB's recursive CTE over the same rows, and with networkx on ledgers up to a
million: beyond that its graph takes gigabytes, and the answer is the same.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from sqlalchemy.ext.asyncio import create_async_engine

from bench import peers
from bench.trace_measuring import (
    PLANS,
    REPETITIONS,
    Hub,
    Indexed,
    Measured,
    indexed,
    measure_hub,
    measure_theft,
)

LARGEST_FOR_NETWORKX = 1_000_000


@dataclass(frozen=True)
class Report:
    """One ledger."""

    transfers: int
    accounts: int
    generated_s: float
    loaded_s: float
    fed_rows_per_second: int
    thefts: list[Measured]
    hub: Hub
    duckdb: dict[str, Any] | None = None
    networkx: dict[str, Any] | None = None


def growth(smallest: Sequence[Measured], largest: Sequence[Measured]) -> dict[str, dict[str, float]]:
    """How many times as long each theft takes on the largest ledger as on the smallest."""
    return {
        large.theft: {
            "whole": round(large.statement_ms / small.statement_ms, 2),
            "for_each_edge": round(large.statement_us_per_edge / small.statement_us_per_edge, 2),
        }
        for small, large in zip(smallest, largest, strict=True)
    }


async def measure(
    urls: Sequence[tuple[int, str, str]], console: Console, *, with_peers: bool
) -> dict[str, Any]:
    """Everything, for (size, the application's address, the owner's address) of empty databases; told as it is known."""
    figures: dict[str, Any] = {"load_before": round(os.getloadavg()[0], 1)}
    async with AsyncExitStack() as stack:
        every = []
        for size, url, owner_url in urls:
            on = await stack.enter_async_context(_indexed(size, url, owner_url))
            every.append(on)
            console.print(
                f"{size:,} transfers of {len(on.ledger.kinds):,} accounts: generated in {on.generated_s} s, loaded in "
                f"{on.loaded_s} s, the last fed at {on.fed_rows_per_second:,} rows/s."
            )
        by_plan = [await measure_theft(every, plan) for plan in PLANS]
        thefts = [list(of_ledger) for of_ledger in zip(*by_plan, strict=True)]
        for on, measured in zip(every, thefts, strict=True):
            _show(on, measured, console)
        if len(every) > 1:
            figures["largest_to_smallest"] = growth(thefts[0], thefts[-1])
            console.print(f"Largest to smallest ledger: {figures['largest_to_smallest']}")
        figures["ledgers"] = []
        for on, measured in zip(every, thefts, strict=True):
            report = await _report(on, measured, console, with_peers=with_peers)
            figures["ledgers"].append(asdict(report))
    return figures


@asynccontextmanager
async def _indexed(size: int, url: str, owner_url: str) -> AsyncIterator[Indexed]:
    engine, owner = create_async_engine(url), create_async_engine(owner_url, isolation_level="AUTOCOMMIT")
    try:
        yield await indexed(engine, owner, size)
    finally:
        await engine.dispose()
        await owner.dispose()


async def _report(on: Indexed, thefts: list[Measured], console: Console, *, with_peers: bool) -> Report:
    hub = await measure_hub(on)
    console.print(
        f"{on.ledger.size:,}: a theft into the hub: {hub.edges:,} edges in {hub.run_s} s and {hub.chunks} chunks, "
        f"{hub.microseconds_per_edge} us for each, stored; memory {hub.memory_mb} MB here, {hub.server_memory_mb} MB in "
        "PostgreSQL."
    )
    duckdb = networkx = None
    if with_peers:
        victims = {plan.name: (on.ledger.theft_id(plan), on.victim(plan)) for plan in PLANS}
        digests = {plan.name: await on.digest(plan) for plan in PLANS}
        duckdb = await peers.duckdb_traces(on.engine, victims, digests)
        console.print(f"{on.ledger.size:,}: DuckDB: {json.dumps(duckdb)}")
    if with_peers and on.ledger.size <= LARGEST_FOR_NETWORKX:
        networkx = peers.networkx_reach(on.ledger, {plan.name: on.ledger.thefts[plan.name] for plan in PLANS})
        console.print(f"{on.ledger.size:,}: networkx: {json.dumps(networkx)}")
    return Report(
        transfers=on.ledger.size,
        accounts=len(on.ledger.kinds),
        generated_s=on.generated_s,
        loaded_s=on.loaded_s,
        fed_rows_per_second=on.fed_rows_per_second,
        thefts=thefts,
        hub=hub,
        duckdb=duckdb,
        networkx=networkx,
    )


def _show(on: Indexed, thefts: Sequence[Measured], console: Console) -> None:
    """The same numbers as a table."""
    table = Table(title=f"FIFO over {on.ledger.size:,} transfers; p50 of {REPETITIONS}, ms")
    for name in (
        "theft",
        "edges",
        "statement",
        "fetch by key",
        "ratio",
        "us/edge",
        "whole run",
        "pages/edge",
    ):
        table.add_column(name, justify="right")
    for row in thefts:
        cells = (
            row.edges,
            row.statement_ms,
            row.fetch_ms,
            row.statement_to_fetch,
            row.statement_us_per_edge,
            row.run_ms,
            row.pages_per_edge,
        )
        table.add_row(row.theft, *(f"{cell:,}" for cell in cells))
    console.print(table)


def main() -> None:
    """Measure on a PostgreSQL of its own, thrown away afterwards."""
    from cli.embedded import roles  # noqa: PLC0415 - only the command line starts servers
    from cli.embedded.postgres import EmbeddedPostgres  # noqa: PLC0415
    from tests.conftest import migrate  # noqa: PLC0415

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, action="append", help="transfers; may be given several times")
    parser.add_argument("--json", type=Path, help="also write the numbers here")
    parser.add_argument("--peers", action="store_true", help="compare with DuckDB and networkx")
    options = parser.parse_args()
    with EmbeddedPostgres(throwaway=True) as server:
        urls = []
        for size in sorted(options.size or [1_000_000]):
            name = f"trace_{size}"
            migrate(server.create_database(name))
            urls.append((size, server.url(name), server.url(name, roles.OWNER)))
        console = Console(file=sys.stderr, width=120)
        figures = asyncio.run(measure(urls, console, with_peers=options.peers))
    document = json.dumps(figures, indent=1)
    if options.json is not None:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(f"{document}\n")
    print(document)


if __name__ == "__main__":
    main()
