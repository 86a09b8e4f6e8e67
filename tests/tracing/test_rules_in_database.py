"""Every rule over PostgreSQL gives what the same call gives in memory: whole, in chunks, killed, extended, limited."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import closing
from functools import partial
from random import Random

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.transfers.index import SqlTransferIndex
from adapters.transfers.offline import OfflineLedger
from adapters.transfers.traces import SqlTraces
from bench.generated_ledger import LARGE, MIDDLE, GeneratedLedger
from models.contracts.transfers import TraceProgress, TraceSummary
from tests.tracing.conftest import PLENTY, Feed, at
from tests.tracing.ledgers import random_ledger
from tests.tracing.test_holds import clear, random_moves
from tests.tracing.test_traces import killed_after_two_chunks
from tracing.outflows import HoldChange
from tracing.posting import Row
from tracing.result import Limits, Trace
from tracing.rules import Rule
from tracing.trace import ranges, trace

SWEPT = [rule for rule in Rule if rule is not Rule.FIFO]
INCIDENT = "01J00000000000000000000001"


async def indexed_rows(engine: AsyncEngine) -> list[Row]:
    async with engine.connect() as connection:
        found = await connection.execute(
            text(f"SELECT {', '.join(Row._fields)} FROM transfer_index ORDER BY seq, part")
        )
        return [Row(*row) for row in found]


async def hold_changes(engine: AsyncEngine, own: set[str]) -> list[HoldChange]:
    async with engine.connect() as connection:
        found = await connection.execute(
            text("SELECT effective_seq, released_seq, account_id, hold_id, hi - lo FROM transfer_hold")
        )
        changes = []
        for since, until, account, hold, amount in found:
            if since != until:
                changes.append(HoldChange(since, account, hold, amount, hold in own))
                if until is not None:
                    changes.append(HoldChange(until, account, hold, -amount, hold in own))
        return changes


def ours(hold_ids: Iterable[str]) -> set[str]:
    """Which holds are on money of the incident: those on A and C. Claims outlive a ledger of this file, so names decide."""
    return {hold_id for hold_id in hold_ids if hold_id[0] in "AC"}


async def claim(engine: AsyncEngine, hold_ids: set[str]) -> None:
    """These holds are on money of the incident."""
    async with engine.begin() as connection:
        await connection.execute(
            text(
                "INSERT INTO incident (id, account_id, status, episode, scope, provisional, opened_at, episode_opened_at,"
                " renewals, workflow_id) VALUES (:id, 'v', 'frozen', 1, 'full', false, now(), now(), 0, 'w')"
                " ON CONFLICT DO NOTHING"
            ),
            {"id": INCIDENT},
        )
        for hold_id in hold_ids:
            await connection.execute(
                text(
                    "INSERT INTO hold_claim (id, incident_id, episode, account_id, currency, claimed_lo, claimed_hi, lo, hi,"
                    " state, trace_id, theft_seq, expires_at, created_at) VALUES (:id, :incident, 1, 'x', 'EUR', 0, 1, 0, 1,"
                    " 'placed', 't', 1, now(), now()) ON CONFLICT DO NOTHING"
                ),
                {"id": hold_id, "incident": INCIDENT},
            )


def same(summary: TraceSummary, found: Trace) -> None:
    assert summary.rule == found.rule
    assert summary.flow == found.flow
    assert summary.digest == found.digest
    pruned = {reason: (part.count, part.amount) for reason, part in summary.pruned_by.items()}
    assert pruned == {reason: (part.count, part.amount) for reason, part in found.pruned.items()}


async def test_each_rule_with_holds_and_limits_gives_what_memory_gives(engine: AsyncEngine) -> None:
    for seed in range(6):
        random = Random(seed)
        ledger = random_ledger(random, length=60, reversing=0.2)
        await clear(engine)
        index = SqlTransferIndex(engine, Feed(ledger.transfers, ledger.openings))
        await index.catch_up(budget=PLENTY)
        moves = random_moves(random, ledger)
        for move in moves:
            await move.tell(index)
        own = ours(move.hold_id for move in moves)
        await claim(engine, own)
        changes = await hold_changes(engine, own)
        traces = SqlTraces(engine, chunk_edges=random.choice([2, 1000]))
        _, thefts = ledger.thefts(random)
        with closing(OfflineLedger(await indexed_rows(engine), changes)) as memory:
            for rule in Rule:
                for limits in (Limits(), Limits(horizon_seq=45), Limits(dust=2), Limits(max_edges=5)):
                    summary = await traces.run(
                        incident_id=INCIDENT,
                        episode=seed,
                        currency="EUR",
                        thefts=thefts,
                        upto=at(60),
                        rule=rule,
                        limits=limits,
                    )
                    found = trace(
                        memory, rule=rule, thefts=thefts, currency="EUR", upto_seq=60, limits=limits
                    )
                    same(summary, found)
                    assert await traces.carried(summary.trace_id) == list(found.carried)
                    assert await traces.summary(summary.trace_id) == summary


@pytest.mark.parametrize("rule", SWEPT)
async def test_a_sweep_cut_anywhere_and_begun_again_by_anyone_is_the_same_sweep(
    engine: AsyncEngine, rule: Rule
) -> None:
    ledger = GeneratedLedger(3_000)
    await SqlTransferIndex(engine, ledger).catch_up(budget=PLENTY)
    plan = LARGE if rule is Rule.LIBR else MIDDLE
    run = partial(
        SqlTraces.run, episode=1, currency="EUR", thefts=[ledger.theft_id(plan)], upto=at(3_000), rule=rule
    )
    whole = await run(SqlTraces(engine), incident_id="whole")
    with closing(OfflineLedger(await indexed_rows(engine))) as memory:
        found = trace(memory, rule=rule, thefts=[ledger.theft_id(plan)], currency="EUR", upto_seq=3_000)
    same(whole, found)
    told: list[TraceProgress] = []
    chunked = await run(SqlTraces(engine, chunk_edges=20), incident_id="chunked", progress=told.append)
    assert len(told) > 4
    reached = [each.reached_seq for each in told]
    assert reached == sorted(reached)
    killed, kills = None, -1
    while killed is None:
        kills += 1
        killed = await killed_after_two_chunks(engine, 20 + 10 * kills, partial(run, incident_id="killed"))
    assert kills > 1
    traces = SqlTraces(engine)
    for each in (chunked, killed):
        assert (each.digest, each.flow, each.edges) == (whole.digest, whole.flow, whole.edges)
        assert await traces.carried(each.trace_id) == list(found.carried)
        assert await traces.lots(each.trace_id) == await traces.lots(whole.trace_id)


async def test_an_extended_sweep_is_a_fresh_sweep(engine: AsyncEngine) -> None:
    for seed in range(3):
        random = Random(seed)
        ledger = random_ledger(random, length=100, reversing=0.2)
        await clear(engine)
        await SqlTransferIndex(engine, Feed(ledger.transfers, ledger.openings)).catch_up(budget=PLENTY)
        _, thefts = ledger.thefts(random)
        first = max(int(theft[1:]) for theft in thefts)
        traces = SqlTraces(engine, chunk_edges=random.choice([2, 1000]))
        with closing(OfflineLedger(await indexed_rows(engine))) as memory:
            for rule in SWEPT:
                run = partial(traces.run, episode=1, currency="EUR", thefts=thefts, rule=rule)
                summary = await run(incident_id=f"{seed}", upto=at(first))
                for upto in [*random.choices(range(first, 101), k=3), 100]:
                    summary = await traces.extend(summary.trace_id, at(upto))
                    same(summary, trace(memory, rule=rule, thefts=thefts, currency="EUR", upto_seq=upto))


async def test_a_rule_without_units_names_the_newest_units_for_holds_and_never_more_than_is_stolen(
    engine: AsyncEngine,
) -> None:
    ledger = random_ledger(Random(4), length=60, reversing=0.2)
    await SqlTransferIndex(engine, Feed(ledger.transfers, ledger.openings)).catch_up(budget=PLENTY)
    traces = SqlTraces(engine)
    _, thefts = ledger.thefts(Random(4))
    run = partial(traces.run, incident_id="I", episode=1, currency="EUR", thefts=thefts, upto=at(60))
    told = await asyncio.gather(*(run(rule=rule) for rule in SWEPT * 2))
    assert len({summary.trace_id for summary in told}) == len(SWEPT)
    for summary in told:
        lots = await traces.lots(summary.trace_id)
        assert sum(lot.amount for lot in lots) == summary.flow.held
        for lot in lots:
            async with engine.connect() as connection:
                found = await connection.execute(
                    text(
                        "SELECT axis_start + opening + total_in, opening + total_in - total_out FROM transfer_account"
                        " WHERE account_id = :account"
                    ),
                    {"account": lot.account_id},
                )
                end, balance = found.one()
            assert lot.hi == end
            assert lot.amount <= balance


async def test_beside_a_trace_stands_what_every_rule_makes_of_it_or_that_it_would_read_too_much(
    engine: AsyncEngine,
) -> None:
    ledger = GeneratedLedger(3_000)
    await SqlTransferIndex(engine, ledger).catch_up(budget=PLENTY)
    traces = SqlTraces(engine)
    thefts = [ledger.theft_id(LARGE)]
    with closing(OfflineLedger(await indexed_rows(engine))) as memory:
        flows = ranges(memory, thefts=thefts, currency="EUR", upto_seq=3_000)
    for rule in (Rule.FIFO, Rule.LIBR):
        run = partial(traces.run, episode=1, currency="EUR", thefts=thefts, upto=at(3_000), rule=rule)
        summary = await run(incident_id="whole")
        assert await traces.ranges(summary.trace_id) == []
        told: list[TraceProgress] = []
        compare = partial(traces.compare, summary.trace_id, rows_allowed=100_000)
        found, again = await asyncio.gather(compare(progress=told.append), compare())
        assert found == again == await traces.ranges(summary.trace_id)
        assert [each.chunk for each in told] == [1, 2, 3, 4, 5]
        assert found[0].rule == rule
        assert {Rule(each.rule): (each.held, each.exited, each.pooled, each.returned) for each in found} == {
            each: (flow.held, flow.exited, flow.pooled, flow.returned) for each, flow in flows.items()
        }
        summary = await run(incident_id="short")
        short = await traces.compare(summary.trace_id, rows_allowed=summary.edges // 4)
        assert [each.known for each in short] == [True, False, False, False, False]
        assert all(each.rows_read >= each.rows_allowed for each in short[1:])
        assert await compare() == found
