"""How long a trace takes: `python -m bench.trace_bench [--size 1000000] [--json FILE]`.

One generated ledger, one run, ratios inside the run. `statement` is the recursive statement until its rows are here; `fetch`
is the floor: one statement that only reads exactly the carried rows, given their primary keys. `run` is everything the
trace activity does: checks, statement, places, digest, edges and lots stored in one transaction.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import itertools
import json
import statistics
import sys
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from time import perf_counter

import asyncpg
from rich.console import Console
from rich.table import Table
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from adapters.transfers.index import SqlTransferIndex
from adapters.transfers.sessions import snapshot
from adapters.transfers.trace_query import fifo_edges
from adapters.transfers.traces import SqlTraces
from bench.generated_ledger import CURRENCY, GeneratedLedger, TheftPlan
from models.contracts.transfers import FeedPosition
from tracing.statement import fifo_statement, numbered, parameters

REPETITIONS = 41
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
class Report:
    """One ledger."""

    transfers: int
    accounts: int
    indexed_rows_per_second: int
    thefts: list[Measured]


async def measure(engine: AsyncEngine, owner: AsyncEngine, size: int) -> Report:
    """Index a generated ledger of `size` rows into an empty database and trace its thefts."""
    ledger = GeneratedLedger(size)
    began = perf_counter()
    position = await SqlTransferIndex(engine, ledger).catch_up(budget=timedelta(hours=1))
    rate = size / (perf_counter() - began)
    if position.upto_seq != size:
        raise RuntimeError(f"the index stopped at {position.upto_seq}: {position.detail}")
    async with owner.connect() as connection:
        await connection.execute(text("VACUUM ANALYZE"))
    thefts = [await _measure(engine, ledger, plan, position) for plan in ledger.plans]
    return Report(size, len(ledger.kinds), round(rate), thefts)


async def _measure(
    engine: AsyncEngine, ledger: GeneratedLedger, plan: TheftPlan, position: FeedPosition
) -> Measured:
    theft = ledger.theft_id(plan)
    victim = ledger.name(ledger.src[ledger.thefts[plan.name] - 1])
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
        f"({report.indexed_rows_per_second:,} rows/s indexed); p50 of {REPETITIONS}, ms"
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


def main() -> None:
    """Measure on a PostgreSQL of its own, thrown away afterwards."""
    from cli.embedded import roles  # noqa: PLC0415 - only the command line starts servers
    from cli.embedded.postgres import EmbeddedPostgres  # noqa: PLC0415
    from tests.conftest import migrate  # noqa: PLC0415

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, action="append", help="transfers; may be given several times")
    parser.add_argument("--json", type=Path, help="also write the numbers here")
    options = parser.parse_args()
    reports = []
    with EmbeddedPostgres(throwaway=True) as server:
        for size in options.size or [1_000_000]:
            name = f"trace_{size}"
            owner_url = server.create_database(name)
            migrate(owner_url)
            reports.append(asyncio.run(_on(server.url(name), server.url(name, roles.OWNER), size)))
            show(reports[-1], Console(file=sys.stderr))
    document = json.dumps([asdict(report) for report in reports], indent=2)
    if options.json is not None:
        options.json.write_text(f"{document}\n")
    print(document)


async def _on(url: str, owner_url: str, size: int) -> Report:
    engine, owner = create_async_engine(url), create_async_engine(owner_url, isolation_level="AUTOCOMMIT")
    try:
        return await measure(engine, owner, size)
    finally:
        await engine.dispose()
        await owner.dispose()


if __name__ == "__main__":
    main()
