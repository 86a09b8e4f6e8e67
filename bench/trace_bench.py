"""How long a trace takes: `make bench-trace`, or `python -m bench.trace_bench [--size 1000000]... [--json FILE] [--peers]`.

Generated ledgers, one run, ratios inside the run. All but the last postings are loaded by COPY (bench.bulk_load); the last
`FED` go through the product's feed, and that rate is told. `statement` is the recursive statement until its rows are here; `fetch`
is the floor: one statement that only reads exactly the carried rows, given their primary keys. `run` is everything the
trace activity does: checks, statement, places, digest, edges and lots stored in one transaction. `hub` is the worst case:
a theft straight into the account that pays everybody, in chunks, with the memory it took. With several sizes the ratio of
the largest to the smallest is told for each theft. `--peers` compares with DuckDB's recursive CTE over the same rows, and with
networkx on ledgers up to a million: beyond that its graph takes gigabytes, and the answer is the same.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import itertools
import json
import os
import statistics
import sys
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from time import perf_counter
from typing import Any

import asyncpg
import psutil
from rich.console import Console
from rich.table import Table
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from adapters.transfers.index import SqlTransferIndex
from adapters.transfers.sessions import snapshot
from adapters.transfers.trace_query import fifo_edges
from adapters.transfers.traces import SqlTraces
from bench import peers
from bench.bulk_load import load
from bench.generated_ledger import CURRENCY, MIDDLE, SMALL, GeneratedLedger, TheftPlan, hub_theft
from bench.memory import peak_of
from models.contracts.transfers import FeedPosition, TraceProgress
from tracing.digest import digest
from tracing.statement import fifo_statement, numbered, parameters

REPETITIONS = 41
PLANS = (SMALL, MIDDLE, TheftPlan("L", 900_000_000, 6, 3))
"""About 50, 400 and 2,300 carried rows."""
LARGEST_FOR_NETWORKX = 1_000_000
FED = 200_000
"""Postings that go through the feed: enough for a steady rate, twenty pages."""
WARMING = 6
"""Repetitions not counted: PostgreSQL settles on a plan with the sixth."""

_BY_KEY = (
    "SELECT t.seq, t.transfer_id, t.src, t.dst, t.dst_kind, t.out_pos, t.amount, t.in_pos"
    " FROM unnest($1::bigint[]) AS k (seq) JOIN transfer_index AS t ON t.seq = k.seq AND t.part = 0"
)


@dataclass(frozen=True)
class Measured:
    """One theft on one ledger; times are p50 in milliseconds."""

    theft: str
    edges: int
    statement_ms: float
    fetch_ms: float
    run_ms: float
    statement_to_fetch: float
    pages_per_edge: float


@dataclass(frozen=True)
class Hub:
    """The theft into the hub; memory above what was there before, shared buffers not counted."""

    edges: int
    run_s: float
    chunks: int
    microseconds_per_edge: float
    memory_mb: int
    server_memory_mb: int


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
    duckdb: dict[str, Any] | None
    networkx: dict[str, Any] | None


async def measure(engine: AsyncEngine, owner: AsyncEngine, size: int, *, with_peers: bool) -> Report:
    """Index a generated ledger of `size` rows into an empty database and trace its thefts."""
    hub = hub_theft(size)
    began = perf_counter()
    ledger = GeneratedLedger(size, plans=(*PLANS, hub))
    generated = perf_counter() - began
    fed = min(FED, size)
    began = perf_counter()
    async with owner.connect() as connection:
        driver = (await connection.get_raw_connection()).driver_connection
        await load(driver, ledger, upto_seq=size - fed)
        await connection.execute(text("VACUUM ANALYZE"))
    loaded = perf_counter() - began
    began = perf_counter()
    position = await SqlTransferIndex(engine, ledger).catch_up(budget=timedelta(hours=3))
    rate = fed / (perf_counter() - began)
    if position.upto_seq != size:
        raise RuntimeError(f"the index stopped at {position.upto_seq}: {position.detail}")
    async with owner.connect() as connection:
        await connection.execute(text("VACUUM ANALYZE"))
    thefts = [await _measure(engine, ledger, plan, position) for plan in PLANS]
    worst = await _hub(engine, ledger, hub, position)
    duckdb = networkx = None
    if with_peers:
        victims = {plan.name: (ledger.theft_id(plan), _victim(ledger, plan)) for plan in PLANS}
        digests = {plan.name: await _digest(engine, ledger, plan) for plan in PLANS}
        duckdb = await peers.duckdb_traces(engine, victims, digests)
    if with_peers and size <= LARGEST_FOR_NETWORKX:
        networkx = peers.networkx_reach(ledger, {plan.name: ledger.thefts[plan.name] for plan in PLANS})
    return Report(
        transfers=size,
        accounts=len(ledger.kinds),
        generated_s=round(generated, 1),
        loaded_s=round(loaded, 1),
        fed_rows_per_second=round(rate),
        thefts=thefts,
        hub=worst,
        duckdb=duckdb,
        networkx=networkx,
    )


def _victim(ledger: GeneratedLedger, plan: TheftPlan) -> str:
    return ledger.name(ledger.src[ledger.thefts[plan.name] - 1])


async def _digest(engine: AsyncEngine, ledger: GeneratedLedger, plan: TheftPlan) -> str:
    async with snapshot(engine) as connection:
        edges = await fifo_edges(
            connection,
            thefts=[ledger.theft_id(plan)],
            victim=_victim(ledger, plan),
            currency=CURRENCY,
            upto_seq=ledger.size,
        )
    return digest(edges)


async def _hub(engine: AsyncEngine, ledger: GeneratedLedger, plan: TheftPlan, position: FeedPosition) -> Hub:
    async with snapshot(engine) as connection:
        backend = await connection.fetchval("SELECT pg_backend_pid()")
    server = psutil.Process(backend).parent()
    if server is None:
        raise RuntimeError("the server of this benchmark is not on this machine")
    told: list[TraceProgress] = []
    gc.collect()
    with peak_of(server) as peak:
        began = perf_counter()
        summary = await SqlTraces(engine).run(
            incident_id="hub",
            episode=1,
            currency=CURRENCY,
            thefts=[ledger.theft_id(plan)],
            upto=position,
            progress=told.append,
        )
        took = perf_counter() - began
    return Hub(
        edges=summary.edges,
        run_s=round(took, 2),
        chunks=len(told),
        microseconds_per_edge=round(took / summary.edges * 1e6, 1),
        memory_mb=round(peak.here / 1e6),
        server_memory_mb=round(peak.server / 1e6),
    )


async def _measure(
    engine: AsyncEngine, ledger: GeneratedLedger, plan: TheftPlan, position: FeedPosition
) -> Measured:
    theft = ledger.theft_id(plan)
    victim = _victim(ledger, plan)
    values = parameters(thefts=[theft], victim=victim, currency=CURRENCY, upto_seq=ledger.size)
    async with snapshot(engine) as guarded, snapshot(engine) as free:
        edges = await fifo_edges(
            guarded, thefts=[theft], victim=victim, currency=CURRENCY, upto_seq=ledger.size
        )
        keys = sorted({edge.seq for edge in edges})
        statement, arguments = numbered(fifo_statement([theft]), values)
        explain = await guarded.fetch(f"EXPLAIN (ANALYZE, BUFFERS, TIMING OFF) {statement}", *arguments)
        # The floor is the faster of two: as the planner likes it, and as it must for the trace.
        traced, *fetched = await _alternating(
            lambda: guarded.fetch(statement, *arguments),
            lambda: free.fetch(_BY_KEY, keys),
            lambda: guarded.fetch(_BY_KEY, keys),
        )
    traces = SqlTraces(engine)
    numbers = itertools.count()
    (run,) = await _alternating(
        lambda: traces.run(
            incident_id=f"{plan.name}{next(numbers)}",
            episode=1,
            currency=CURRENCY,
            thefts=[theft],
            upto=position,
        )
    )
    return Measured(
        theft=plan.name,
        edges=len(edges),
        statement_ms=round(traced, 3),
        fetch_ms=round(min(fetched), 3),
        run_ms=round(run, 3),
        statement_to_fetch=round(traced / min(fetched), 2),
        pages_per_edge=round(_pages(explain) / len(edges), 2),
    )


async def _alternating(*works: Callable[[], Awaitable[object]]) -> list[float]:
    """p50 of each in milliseconds, in turn: what else the machine does meets all of them alike."""
    took: list[list[float]] = [[] for _ in works]
    gc.collect()
    gc.disable()  # the ledger in memory is large, and its collection is not the trace's cost
    for repetition in range(REPETITIONS + WARMING):
        for work, times in zip(works, took, strict=True):
            began = perf_counter()
            await work()
            if repetition >= WARMING:
                times.append(perf_counter() - began)
    gc.enable()
    return [statistics.median(times) * 1000 for times in took]


def _pages(explain: list[asyncpg.Record]) -> int:
    line = next(row[0] for row in explain if "Buffers: shared" in row[0])
    return sum(int(part.split("=")[1]) for part in line.split() if part.startswith(("hit=", "read=")))


def show(report: Report, console: Console) -> None:
    """The same numbers as a table."""
    table = Table(
        title=f"FIFO over {report.transfers:,} transfers of {report.accounts:,} accounts "
        f"({report.fed_rows_per_second:,} rows/s fed at that size); p50 of {REPETITIONS}, ms"
    )
    for name in ("theft", "edges", "statement", "fetch by key", "ratio", "whole run", "pages/edge"):
        table.add_column(name, justify="right")
    for row in report.thefts:
        cells = (
            row.edges,
            row.statement_ms,
            row.fetch_ms,
            row.statement_to_fetch,
            row.run_ms,
            row.pages_per_edge,
        )
        table.add_row(row.theft, *(f"{cell:,}" for cell in cells))
    console.print(table)
    hub = report.hub
    console.print(
        f"Theft into the hub: {hub.edges:,} edges in {hub.run_s} s and {hub.chunks} chunks, {hub.microseconds_per_edge} us "
        f"for each, stored; memory {hub.memory_mb} MB here, {hub.server_memory_mb} MB in PostgreSQL."
    )
    for name, figures in (("DuckDB", report.duckdb), ("networkx", report.networkx)):
        if figures is not None:
            console.print(f"{name}: {json.dumps(figures)}")


def growth(reports: list[Report]) -> dict[str, float]:
    """How many times as long each theft takes on the largest ledger as on the smallest."""
    smallest, largest = reports[0], reports[-1]
    return {
        large.theft: round(large.statement_ms / small.statement_ms, 2)
        for small, large in zip(smallest.thefts, largest.thefts, strict=True)
    }


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
    reports: list[Report] = []
    load = os.getloadavg()[0]
    with EmbeddedPostgres(throwaway=True) as server:
        for size in sorted(options.size or [1_000_000]):
            name = f"trace_{size}"
            owner_url = server.create_database(name)
            migrate(owner_url)
            urls = server.url(name), server.url(name, roles.OWNER)
            reports.append(asyncio.run(_on(*urls, size, with_peers=options.peers)))
            show(reports[-1], Console(file=sys.stderr))
            server.drop_database(name)
    figures: dict[str, Any] = {
        "load_before": round(load, 1),
        "ledgers": [asdict(report) for report in reports],
    }
    if len(reports) > 1:
        figures["largest_to_smallest"] = growth(reports)
        Console(file=sys.stderr).print(f"Largest to smallest ledger: {growth(reports)}")
    document = json.dumps(figures, indent=1)
    if options.json is not None:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(f"{document}\n")
    print(document)


async def _on(url: str, owner_url: str, size: int, *, with_peers: bool) -> Report:
    engine, owner = create_async_engine(url), create_async_engine(owner_url, isolation_level="AUTOCOMMIT")
    try:
        return await measure(engine, owner, size, with_peers=with_peers)
    finally:
        await engine.dispose()
        await owner.dispose()


if __name__ == "__main__":
    main()
