"""Packs of stored traces prove the range over the rules as well: from rows of the index, holds and reversals included."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from random import Random

from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.evidence.archive import packed
from adapters.evidence.verification import verified
from adapters.transfers.evidence_rows import other_rows, own_rows
from adapters.transfers.index import SqlTransferIndex
from adapters.transfers.sessions import snapshot
from adapters.transfers.stored_traces import SqlStoredTraces
from adapters.transfers.trace_rows import select_run
from adapters.transfers.traces import SqlTraces
from bench.generated_ledger import LARGE, MIDDLE, GeneratedLedger
from tests.tracing.conftest import PLENTY, Feed, at
from tests.tracing.ledgers import random_ledger
from tests.tracing.test_holds import clear, random_moves, with_restitution
from tests.tracing.test_rules_in_database import INCIDENT, claim, ours
from tracing.evidence.formats import MANIFEST, OTHER_ROWS, TRACE
from tracing.evidence.parts import manifest_part, parts_of
from tracing.rules import Rule


async def test_a_pack_of_an_incident_gives_every_rule_what_was_compared(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    path = tmp_path / "case.pack"
    for seed in range(4):
        random = Random(seed)
        ledger = random_ledger(random, length=60, reversing=0.2)
        await clear(engine)
        moves = random_moves(random, ledger)
        ledger = with_restitution(random, ledger, moves)
        index = SqlTransferIndex(engine, Feed(ledger.transfers, ledger.openings))
        await index.catch_up(budget=PLENTY)
        for move in moves:
            await move.tell(index)
        await claim(engine, ours(move.hold_id for move in moves))
        _, thefts = ledger.thefts(random)
        traces = SqlTraces(engine)
        for rule in (Rule.FIFO, random.choice(list(Rule)[1:])):
            summary = await traces.run(
                incident_id=INCIDENT, episode=seed, currency="EUR", thefts=thefts, upto=at(60), rule=rule
            )
            compared = await traces.compare(summary.trace_id, rows_allowed=10_000)
            evidence = await SqlStoredTraces(engine).evidence(summary.trace_id, with_ranges=True)
            assert {
                each: (flow.held, flow.exited, flow.pooled, flow.returned)
                for each, flow in evidence.ranges.items()
            } == {Rule(each.rule): (each.held, each.exited, each.pooled, each.returned) for each in compared}
            path.write_bytes(packed(parts_of(evidence)))
            verdict = verified(path, expected=summary.digest)
            assert verdict.findings == ()
            assert verdict.ranges_recomputed
            assert verdict.rules_recomputed == tuple(Rule)


async def test_a_forged_range_and_a_missing_row_of_another_rule_are_found(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    ledger = GeneratedLedger(3_000)
    await SqlTransferIndex(engine, ledger).catch_up(budget=PLENTY)
    thefts = [ledger.theft_id(LARGE)]
    summary = await SqlTraces(engine).run(
        incident_id=INCIDENT, episode=1, currency="EUR", thefts=thefts, upto=at(3_000)
    )
    stored = SqlStoredTraces(engine)
    parts = parts_of(await stored.evidence(summary.trace_id, with_ranges=True))
    path = tmp_path / "case.pack"

    def findings(changed: dict[str, bytes]) -> set[tuple[str, str]]:
        forged = parts | changed
        path.write_bytes(packed(forged | {MANIFEST: manifest_part(forged)}))
        return {(finding.part, finding.message) for finding in verified(path).findings}

    assert findings({}) == set()
    told = json.loads(parts[TRACE])
    told["ranges"]["lifo"]["held"] += 1
    told["ranges"]["lifo"]["exited"] -= 1
    forged = json.dumps(told, indent=1).encode() + b"\n"
    assert (TRACE, "the range over the rules is not what the rows give") in findings({TRACE: forged})
    lines = parts[OTHER_ROWS].splitlines(keepends=True)
    assert len(lines) > 20
    half = b"".join(lines[: len(lines) // 2])
    assert OTHER_ROWS in {part for part, _ in findings({OTHER_ROWS: half})}
    changed = b"".join(lines).replace(b'"src_balance_after":', b'"src_balance_after":1', 1)
    assert findings({OTHER_ROWS: changed}) != set()
    # Without the other rules' rows a pack says that it does not prove its range.
    bare = parts_of(await stored.evidence(summary.trace_id))
    path.write_bytes(packed(bare))
    verdict = verified(path)
    assert (verdict.findings, verdict.ranges_recomputed) == ((), False)


async def test_a_rule_that_stands_on_too_much_is_left_out_and_named(engine: AsyncEngine) -> None:
    ledger = GeneratedLedger(3_000)
    await SqlTransferIndex(engine, ledger).catch_up(budget=PLENTY)
    thefts = [ledger.theft_id(MIDDLE)]
    summary = await SqlTraces(engine).run(
        incident_id=INCIDENT, episode=1, currency="EUR", thefts=thefts, upto=at(3_000)
    )
    async with snapshot(engine) as connection:
        run = await select_run(connection, summary.trace_id)
        assert run is not None
        own = await own_rows(connection, run)
        every = await other_rows(connection, run, own)
        within = [await other_rows(connection, run, own, most=most) for most in (1, 520, 600, 800)]
    assert every.rules == [rule for rule in Rule if rule is not Rule.FIFO]
    assert (within[0].rules, within[0].rows) == ([], {})
    assert [len(some.rules) for some in within] == [0, 1, 2, 3]
    for fewer, more in pairwise(within):
        assert set(fewer.rules) <= set(more.rules)
        assert set(fewer.rows) <= set(more.rows)
