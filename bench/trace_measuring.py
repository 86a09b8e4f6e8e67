"""What is measured of traces on generated ledgers; bench.trace_bench says what it means."""

from __future__ import annotations

import gc
import itertools
import statistics
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from time import perf_counter

import asyncpg
import psutil
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.transfers.index import SqlTransferIndex
from adapters.transfers.sessions import snapshot
from adapters.transfers.trace_query import fifo_edges
from adapters.transfers.traces import SqlTraces
from bench.bulk_load import load
from bench.generated_ledger import CURRENCY, MIDDLE, SMALL, GeneratedLedger, TheftPlan, hub_theft
from bench.memory import peak_of
from models.contracts.transfers import FeedPosition, TraceProgress
from tracing.digest import digest
from tracing.edges import Edge
from tracing.statement import fifo_statement, numbered, parameters

REPETITIONS = 41
PLANS = (SMALL, MIDDLE, TheftPlan("L", 900_000_000, 6, 3))
"""About 50, 400 and 2,300 carried rows."""
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
    """One theft on one ledger; times are p50 in milliseconds, `statement_us_per_edge` in microseconds."""

    theft: str
    edges: int
    statement_ms: float
    fetch_ms: float
    run_ms: float
    statement_to_fetch: float
    statement_us_per_edge: float
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
class Indexed:
    """A generated ledger in the index of its own database."""

    engine: AsyncEngine
    ledger: GeneratedLedger
    position: FeedPosition
    generated_s: float
    loaded_s: float
    fed_rows_per_second: int

    def victim(self, plan: TheftPlan) -> str:
        """Whom this theft robs."""
        return self.ledger.name(self.ledger.src[self.ledger.thefts[plan.name] - 1])

    async def edges(self, connection: asyncpg.Connection, plan: TheftPlan) -> list[Edge]:
        """The trace of this theft."""
        return await fifo_edges(
            connection,
            thefts=[self.ledger.theft_id(plan)],
            victim=self.victim(plan),
            currency=CURRENCY,
            upto_seq=self.ledger.size,
        )

    async def digest(self, plan: TheftPlan) -> str:
        """The digest of that trace."""
        async with snapshot(self.engine) as connection:
            return digest(await self.edges(connection, plan))


async def indexed(engine: AsyncEngine, owner: AsyncEngine, size: int) -> Indexed:
    """Generate a ledger of `size` rows into an empty database: all but the last by COPY, those through the feed."""
    began = perf_counter()
    ledger = GeneratedLedger(size, plans=(*PLANS, hub_theft(size)))
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
    return Indexed(engine, ledger, position, round(generated, 1), round(loaded, 1), round(rate))


async def measure_hub(on: Indexed) -> Hub:
    """A theft as large as a month of the hub's payments, into the hub, as the trace activity would follow it."""
    async with snapshot(on.engine) as connection:
        backend = await connection.fetchval("SELECT pg_backend_pid()")
    server = psutil.Process(backend).parent()
    if server is None:
        raise RuntimeError("the server of this benchmark is not on this machine")
    told: list[TraceProgress] = []
    gc.collect()
    with peak_of(server) as peak:
        began = perf_counter()
        summary = await SqlTraces(on.engine).run(
            incident_id="hub",
            episode=1,
            currency=CURRENCY,
            thefts=[on.ledger.theft_id(hub_theft(on.ledger.size))],
            upto=on.position,
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


async def measure_theft(every: Sequence[Indexed], plan: TheftPlan) -> list[Measured]:
    """The same theft on every ledger, in turn: what else the machine does meets all of them, and both statements, alike."""
    works: list[Callable[[], Awaitable[object]]] = []
    known: list[tuple[int, float]] = []
    async with AsyncExitStack() as stack:
        for on in every:
            guarded = await stack.enter_async_context(snapshot(on.engine))
            free = await stack.enter_async_context(snapshot(on.engine))
            edges = await on.edges(guarded, plan)
            theft = on.ledger.theft_id(plan)
            values = parameters(
                thefts=[theft], victim=on.victim(plan), currency=CURRENCY, upto_seq=on.ledger.size
            )
            statement, arguments = numbered(fifo_statement([theft]), values)
            explain = await guarded.fetch(f"EXPLAIN (ANALYZE, BUFFERS, TIMING OFF) {statement}", *arguments)
            known.append((len(edges), _pages(explain)))
            keys = sorted({edge.seq for edge in edges})
            # The floor is the faster of two: as the planner likes it, and as it must for the trace.
            works += [
                _fetching(guarded, statement, *arguments),
                _fetching(free, _BY_KEY, keys),
                _fetching(guarded, _BY_KEY, keys),
            ]
        took = await _alternating(works)
    runs = await _alternating([_running(on, plan) for on in every])
    found = []
    for number, (run, (count, pages)) in enumerate(zip(runs, known, strict=True)):
        traced, *fetched = took[3 * number : 3 * number + 3]
        found.append(
            Measured(
                theft=plan.name,
                edges=count,
                statement_ms=round(traced, 3),
                fetch_ms=round(min(fetched), 3),
                run_ms=round(run, 3),
                statement_to_fetch=round(traced / min(fetched), 2),
                statement_us_per_edge=round(traced * 1000 / count, 2),
                pages_per_edge=round(pages / count, 2),
            )
        )
    return found


def _fetching(
    connection: asyncpg.Connection, statement: str, *arguments: object
) -> Callable[[], Awaitable[object]]:
    return lambda: connection.fetch(statement, *arguments)


def _running(on: Indexed, plan: TheftPlan) -> Callable[[], Awaitable[object]]:
    traces, numbers = SqlTraces(on.engine), itertools.count()
    return lambda: traces.run(
        incident_id=f"{plan.name}{next(numbers)}",
        episode=1,
        currency=CURRENCY,
        thefts=[on.ledger.theft_id(plan)],
        upto=on.position,
    )


async def _alternating(works: Sequence[Callable[[], Awaitable[object]]]) -> list[float]:
    """p50 of each in milliseconds, in turn."""
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
