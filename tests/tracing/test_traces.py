"""Traces over the index in PostgreSQL: the same statement, the same edges, stored once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from random import Random

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from adapters.transfers.index import SqlTransferIndex
from adapters.transfers.sessions import snapshot
from adapters.transfers.trace_query import guard
from adapters.transfers.traces import SqlTraces
from bench.generated_ledger import LARGE, SMALL, GeneratedLedger
from models.contracts.transfers import OpeningBalance, TraceProgress, TraceSummary
from models.errors import ErrorCode, StanchError
from tests.tracing.conftest import PLENTY, Feed, at
from tests.tracing.ledgers import covered, opening, random_ledger, transfer
from tests.tracing.naive import NaiveLedger
from tracing.digest import digest
from tracing.edges import in_order
from tracing.fifo import PostedLedger, trace
from tracing.places import flow, resting_lots
from tracing.posting import rows
from tracing.statement import fifo_statement, numbered, parameters


async def clear(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        for table in ("transfer_index", "transfer_account", "transfer_feed"):
            await connection.execute(text(f"DELETE FROM {table}"))


async def count(engine: AsyncEngine, table: str) -> int:
    async with engine.connect() as connection:
        return int((await connection.execute(text(f"SELECT count(*) FROM {table}"))).scalar_one())


async def test_postgresql_traces_what_memory_and_the_naive_ledger_trace(engine: AsyncEngine) -> None:
    for seed in range(25):
        random = Random(seed)
        ledger = random_ledger(random, length=80, reversing=0.2)
        await clear(engine)
        await SqlTransferIndex(engine, Feed(ledger.transfers, ledger.openings)).catch_up(budget=PLENTY)
        traces = SqlTraces(engine, chunk_edges=random.choice([4, 1000]))
        for upto in (40, 80):
            victim, thefts = ledger.thefts(random)
            if any(int(theft[1:]) > upto for theft in thefts):
                continue
            naive = NaiveLedger(frozenset(thefts), victim)
            for stated in ledger.openings:
                naive.open(stated)
            for row in ledger.transfers[:upto]:
                naive.post(row)
            naive.edges.sort(key=in_order)
            summary = await traces.run(
                incident_id=f"{seed}/{upto}", episode=1, currency="EUR", thefts=thefts, upto=at(upto)
            )
            edges = trace(
                PostedLedger(rows(ledger.transfers, ledger.openings)),
                thefts=thefts,
                victim=victim,
                currency="EUR",
                upto_seq=upto,
            )
            lots = resting_lots(edges, victim)
            assert await traces.edges(summary.trace_id) == edges == naive.edges
            assert await traces.resting(summary.trace_id) == lots
            assert summary.flow == flow(edges, lots)
            assert summary.digest == digest(naive.edges)
            assert (summary.edges, summary.upto_seq, summary.rule) == (len(edges), upto, "fifo")


LEDGER = covered(
    [
        transfer(1, "A", "B", 10),
        transfer(2, "B", "C", 4),
        transfer(3, "A", "B", 5),
        transfer(4, "B", "X", 8),
        transfer(5, "A", "C", 6, currency="USD"),
        transfer(6, "C", "A", 1),
        transfer(7, "A", "A", 3),
        transfer(8, "C", "P", 1),
    ],
    [opening("A", 15), opening("A", 6, "USD")],
)


async def fed(engine: AsyncEngine, openings: Sequence[OpeningBalance] = LEDGER.openings) -> SqlTraces:
    await SqlTransferIndex(engine, Feed(LEDGER.transfers, openings)).catch_up(budget=PLENTY)
    return SqlTraces(engine)


async def test_every_unit_has_one_place(engine: AsyncEngine) -> None:
    traces = await fed(engine)
    summary = await traces.run(incident_id="I", episode=1, currency="EUR", thefts=["t1", "t3"], upto=at(8))
    places = summary.flow.model_dump()
    assert places == {"stolen": 15, "held": 5, "exited": 8, "pooled": 1, "returned": 1, "pruned": 0}
    lots = [
        (lot.account_id, lot.lo, lot.hi, lot.last_seq, lot.amount)
        for lot in await traces.lots(summary.trace_id)
    ]
    assert lots == [("B", 12, 15, 3, 3), ("C", 2, 4, 2, 2)]


async def test_thefts_in_two_currencies_are_two_traces(engine: AsyncEngine) -> None:
    traces = await fed(engine)
    dollars = await traces.run(incident_id="I", episode=1, currency="USD", thefts=["t5"], upto=at(8))
    assert (dollars.flow.stolen, dollars.flow.held) == (6, 6)
    with pytest.raises(StanchError) as refused:
        await traces.run(incident_id="I", episode=1, currency="EUR", thefts=["t1", "t5"], upto=at(8))
    assert refused.value.code is ErrorCode.CURRENCY_MIXED


@pytest.mark.parametrize(
    ("thefts", "upto", "code"),
    [
        (["t9"], 8, ErrorCode.THEFT_UNKNOWN),
        ([], 8, ErrorCode.THEFT_UNKNOWN),
        (["t1", "t3"], 2, ErrorCode.THEFT_UNKNOWN),
        (["t1", "t2"], 8, ErrorCode.THEFT_NOT_VICTIMS),
        (["t1", "t7"], 8, ErrorCode.THEFT_NOT_VICTIMS),
        (["t1"], 9, ErrorCode.FEED_GAP),
    ],
)
async def test_what_cannot_be_traced_is_refused_and_nothing_is_stored(
    engine: AsyncEngine, thefts: list[str], upto: int, code: ErrorCode
) -> None:
    traces = await fed(engine)
    with pytest.raises(StanchError) as refused:
        await traces.run(incident_id="I", episode=1, currency="EUR", thefts=thefts, upto=at(upto))
    assert refused.value.code is code
    assert await count(engine, "trace_run") == await count(engine, "trace_edge") == 0


async def test_the_same_trace_is_stored_once_however_many_ask(engine: AsyncEngine) -> None:
    traces = await fed(engine)
    run = partial(traces.run, incident_id="I", episode=1, currency="EUR", upto=at(8))
    told = await asyncio.gather(*(run(thefts=["t1", "t3"]) for _ in range(8)))
    told.append(await run(thefts=["t1", "t3", "t1"]))
    assert told == told[:1] * 9
    assert await count(engine, "trace_run") == 1
    assert await count(engine, "trace_edge") == told[0].edges
    other = await traces.run(incident_id="I", episode=2, currency="EUR", thefts=["t1", "t3"], upto=at(8))
    assert (other.trace_id != told[0].trace_id, other.digest) == (True, told[0].digest)


async def test_opening_money_found_missing_later_makes_it_another_trace(engine: AsyncEngine) -> None:
    feed = Feed([transfer(1, "A", "B", 10), transfer(2, "B", "C", 4)], [opening("A", 10)])
    index = SqlTransferIndex(engine, feed)
    await index.catch_up(budget=PLENTY)
    traces = SqlTraces(engine)
    run = partial(traces.run, incident_id="I", episode=1, currency="EUR", thefts=["t1"], upto=at(2))
    first = await run()
    assert first.edges == 2
    feed.transfers.append(
        transfer(3, "B", "D", 9)
    )  # B had 3 that nobody told of: t2 carried 3 of them and 1 stolen
    await index.catch_up(budget=PLENTY)
    second = await run()
    assert first.trace_id != second.trace_id
    assert [edge.amount for edge in await traces.edges(second.trace_id)] == [10, 1]
    assert await traces.summary(first.trace_id) == first


async def test_a_trace_cut_anywhere_and_begun_again_by_anyone_is_the_same_trace(engine: AsyncEngine) -> None:
    ledger = GeneratedLedger(3_000)
    await SqlTransferIndex(engine, ledger).catch_up(budget=PLENTY)
    theft = ledger.theft_id(LARGE)
    run = partial(SqlTraces.run, episode=1, currency="EUR", thefts=[theft], upto=at(3_000))
    whole = await run(SqlTraces(engine), incident_id="whole")
    assert whole.edges > 400
    told: list[TraceProgress] = []
    chunked = await run(SqlTraces(engine, chunk_edges=40), incident_id="chunked", progress=told.append)
    chunks = [each.chunk for each in told]
    assert chunks == sorted(chunks)
    assert set(chunks) == set(range(1, chunks[-1] + 1))
    assert len(told) > 10
    assert told[-1].following == 0
    assert told[0].edges == 40 < told[5].edges < told[-1].edges == whole.edges
    before = await count(engine, "trace_chunk")
    killed, kills = None, -1
    while killed is None:
        kills += 1
        killed = await killed_after_two_chunks(engine, 30 + kills, partial(run, incident_id="killed"))
    assert kills > 3
    assert await count(engine, "trace_chunk") > before + 2 * kills - 1
    traces = SqlTraces(engine)
    again = [await traces.edges(each.trace_id) for each in (whole, chunked, killed)]
    assert again == again[:1] * 3
    rest = [await traces.resting(each.trace_id) for each in (whole, chunked, killed)]
    assert rest == rest[:1] * 3
    assert (
        len({(each.digest, each.edges, each.flow.model_dump_json()) for each in (whole, chunked, killed)})
        == 1
    )


async def killed_after_two_chunks(
    engine: AsyncEngine, chunk_edges: int, run: Callable[..., Awaitable[TraceSummary]]
) -> TraceSummary | None:
    """Let a worker trace and kill its connection after its second chunk; None when it did not come to its end."""
    worker = create_async_engine(engine.url, connect_args={"server_settings": {"application_name": "doomed"}})
    told, second = [], asyncio.Event()

    def progress(chunk: TraceProgress) -> None:
        told.append(chunk)
        if len(told) == 2:
            second.set()

    running = asyncio.ensure_future(run(SqlTraces(worker, chunk_edges=chunk_edges), progress=progress))
    waiting = asyncio.ensure_future(second.wait())
    await asyncio.wait({running, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    async with engine.begin() as connection:
        await connection.execute(
            text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'doomed'")
        )
    try:
        return await running
    except StanchError as error:
        if error.code is not ErrorCode.DATABASE_UNREACHABLE:
            raise
        return None
    finally:
        await worker.dispose()


async def test_an_extended_trace_is_a_fresh_trace_whatever_was_traced_before_and_in_which_chunks(
    engine: AsyncEngine,
) -> None:
    for seed in range(10, 22):
        random = Random(seed)
        ledger = random_ledger(random, length=100, reversing=0.35)
        await clear(engine)
        feed = Feed(ledger.transfers, ledger.openings)
        await SqlTransferIndex(engine, feed).catch_up(budget=PLENTY)
        _, thefts = ledger.thefts(random)
        first = max(int(theft[1:]) for theft in thefts)
        summary = None
        for upto in [first, *random.choices(range(first, 101), k=4), 100]:
            traces = SqlTraces(engine, chunk_edges=random.choice([1, 2, 3, 1000]))
            run = partial(traces.run, episode=1, currency="EUR", thefts=thefts, upto=at(upto))
            if summary is None:
                summary = await run(incident_id=f"{seed}")
            else:
                summary = await traces.extend(summary.trace_id, at(upto))
            fresh = await SqlTraces(engine).run(
                incident_id=f"{seed}/{upto}", episode=1, currency="EUR", thefts=thefts, upto=at(upto)
            )
            assert (summary.digest, summary.flow, summary.edges) == (fresh.digest, fresh.flow, fresh.edges)
            assert await traces.edges(summary.trace_id) == await traces.edges(fresh.trace_id)
            assert await traces.resting(summary.trace_id) == await traces.resting(fresh.trace_id)
            assert await traces.lots(summary.trace_id) == await traces.lots(fresh.trace_id)


async def test_an_unknown_trace_is_not_found(engine: AsyncEngine) -> None:
    with pytest.raises(StanchError) as refused:
        await SqlTraces(engine).summary("nothing")
    assert refused.value.code is ErrorCode.NOT_FOUND


async def pages_per_edge(engine: AsyncEngine, ledger: GeneratedLedger, theft: str) -> float:
    """How many buffer pages the statement touches for each edge; fails when its plan reads a table."""
    victim = ledger.name(ledger.src[int(theft[3:]) - 1])
    values = parameters(thefts=[theft], victim=victim, currency="EUR", upto_seq=ledger.size)
    statement, arguments = numbered(fifo_statement([theft]), values)
    async with snapshot(engine) as connection:
        await guard(connection)
        plan = await connection.fetch(f"EXPLAIN (ANALYZE, BUFFERS, TIMING OFF) {statement}", *arguments)
        edges = len(await connection.fetch(statement, *arguments))
    lines = [row[0] for row in plan]
    assert not [line for line in lines if "Seq Scan" in line or "Bitmap" in line], lines
    assert sum("ix_transfer_index_spent" in line for line in lines) >= 2, lines
    hits = next(line for line in lines if "Buffers: shared" in line)
    return sum(int(part.split("=")[1]) for part in hits.split() if "=" in part) / edges


@pytest.mark.parametrize("statistics", ["none", "fresh"])
async def test_what_a_trace_reads_does_not_grow_with_the_ledger(
    engine: AsyncEngine, owner_database_url: str, statistics: str
) -> None:
    touched = []
    for size in (2_000, 30_000):
        await clear(engine)
        ledger = GeneratedLedger(size)
        await SqlTransferIndex(engine, ledger).catch_up(budget=PLENTY)
        if statistics == "fresh":
            owner = create_async_engine(owner_database_url, isolation_level="AUTOCOMMIT")
            async with owner.connect() as connection:
                await connection.execute(text("VACUUM ANALYZE transfer_index"))
            await owner.dispose()
        touched += [await pages_per_edge(engine, ledger, ledger.theft_id(plan)) for plan in (SMALL, LARGE)]
    print("buffer pages per edge: ", touched)
    assert max(touched) < 16
