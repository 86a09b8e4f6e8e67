"""Ledgers nobody here wrote, through the real files, the real index and the real statement."""

from __future__ import annotations

from collections import defaultdict
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from time import perf_counter

import pytest
from sqlalchemy.ext.asyncio import create_async_engine

from adapters.transfers.files import FileTransferSource
from adapters.transfers.index import SqlTransferIndex
from adapters.transfers.offline import OfflineLedger
from adapters.transfers.traces import SqlTraces
from ledger_tests.conftest import THEFTS, Given
from models.contracts.transfers import FeedState
from tracing.digest import digest
from tracing.edges import Edge
from tracing.fifo import PostedLedger, trace
from tracing.places import Place

pytestmark = pytest.mark.timeout(300)
"""A whole ledger is posted several times over, in plain Python."""


@dataclass(frozen=True)
class Known:
    """What is known of a ledger without asking our code."""

    transfers: int
    zero_amounts: int
    short_accounts: int


KNOWN = {
    "amlsim_20k": Known(transfers=120_558, zero_amounts=0, short_accounts=14_018),
    "amlgentex_swish3k": Known(transfers=131_315, zero_amounts=3, short_accounts=2),
}


def test_the_files_are_read_whole(given: Given) -> None:
    ledger = given.ledger
    known = KNOWN.get(given.name, Known(len(ledger.transfers), len(ledger.refused), ledger.inferred_count))
    assert (len(ledger.transfers), ledger.inferred_count) == (known.transfers, known.short_accounts)
    assert [refused.reason for refused in ledger.refused] == ["amount 0 is zero"] * known.zero_amounts
    assert "step n is posted n minutes after" in ledger.mapping
    assert "back in time" not in ledger.mapping


def test_what_is_inferred_is_the_least(given: Given) -> None:
    now = {opening.account_id: opening.amount for opening in given.ledger.openings}
    lowest = dict(now)
    for row in given.ledger.transfers:
        if row.src != row.dst:
            now[row.src] = now.get(row.src, 0) - row.amount
            now[row.dst] = now.get(row.dst, 0) + row.amount
            if not row.src_kind.is_exit:
                lowest[row.src] = min(lowest[row.src], now[row.src])
    assert min(lowest.values()) == 0
    assert all(lowest[opening.account_id] == 0 for opening in given.ledger.openings if opening.inferred)


def test_memory_and_sqlite_trace_what_the_naive_ledger_traces(given: Given) -> None:
    posted, last = PostedLedger(given.rows), len(given.ledger.transfers)
    with closing(OfflineLedger(given.rows)) as offline:
        for theft in given.thefts:
            edges = trace(posted, thefts=theft.ids, victim=theft.victim, currency="XXX", upto_seq=last)
            assert edges == offline.fifo_edges(
                thefts=theft.ids, victim=theft.victim, currency="XXX", upto_seq=last
            )
            assert carried(edges) == theft.naive.carried


def carried(edges: list[Edge]) -> dict[str, tuple[int, int]]:
    """Stolen amount and least hop by transfer."""
    found: dict[str, tuple[int, int]] = {}
    for edge in edges:
        amount, hop = found.get(edge.transfer_id, (0, edge.hop))
        found[edge.transfer_id] = (amount + edge.amount, min(hop, edge.hop))
    return found


async def test_the_index_traces_the_same_to_the_unit(given: Given, database_url: str) -> None:
    ledger = given.ledger
    engine = create_async_engine(database_url)
    index = SqlTransferIndex(engine, FileTransferSource(ledger))
    began = perf_counter()
    position = await index.catch_up(budget=timedelta(minutes=2))
    rate = len(ledger.transfers) / (perf_counter() - began)
    assert (position.upto_seq, position.state) == (len(ledger.transfers), FeedState.FOLLOWING)
    assert await index.inferred("XXX") == (ledger.inferred_count, ledger.inferred_amount)
    posted, traces, took, edges_in_all = PostedLedger(given.rows), SqlTraces(engine), [], 0
    for number, theft in enumerate(given.thefts):
        began = perf_counter()
        summary = await traces.run(
            incident_id=str(number), episode=1, currency="XXX", thefts=theft.ids, upto=position
        )
        took.append(perf_counter() - began)
        edges = trace(
            posted, thefts=theft.ids, victim=theft.victim, currency="XXX", upto_seq=position.upto_seq
        )
        assert await traces.edges(summary.trace_id) == edges
        assert summary.digest == digest(edges)
        flow = summary.flow
        assert flow.stolen == sum(row.amount for row in theft.stolen)
        assert flow.stolen == flow.held + flow.exited + flow.pooled + flow.returned + flow.pruned
        lying: dict[Place, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        for lot in await traces.resting(summary.trace_id):
            lying[lot.place][lot.account_id] += lot.amount
        assert lying[Place.HELD] == theft.naive.held
        assert lying[Place.EXITED] == theft.naive.exited
        assert flow.returned == theft.naive.returned
        edges_in_all += summary.edges
    await engine.dispose()
    median = sorted(took)[len(took) // 2] * 1000
    print(
        f"{given.name}: {rate:,.0f} rows/s indexed; {THEFTS} traces, {edges_in_all} edges in all, median {median:.1f} ms"
    )
