"""A hold is seen to have taken its units out of the account's turn, by whoever looks at the trace afterwards."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.transfers.index import SqlTransferIndex
from adapters.transfers.stored_traces import SqlStoredTraces
from adapters.transfers.traces import SqlTraces
from tests.tracing.conftest import PLENTY, Feed, at
from tests.tracing.ledgers import opening, transfer
from tracing.evidence.held import hold_sentences
from tracing.evidence.sentences import sentences
from tracing.picture.languages import Language

OTHERS = "another's hold"


async def test_what_was_paid_after_a_hold_of_another_victim_was_paid_with_the_rest(
    engine: AsyncEngine,
) -> None:
    """B has 100 stolen units and then 50 clean ones. Another incident's hold keeps 60 of the 100; B pays 70 on."""
    feed = Feed(
        [transfer(1, "A", "B", 100), transfer(2, "D", "B", 50)], [opening("A", 100), opening("D", 50)]
    )
    index, traces = SqlTransferIndex(engine, feed), SqlTraces(engine)
    await index.catch_up(budget=PLENTY)
    before = await traces.run(incident_id="I", episode=1, currency="EUR", thefts=["t1"], upto=at(2))
    await index.apply_hold("B", "EUR", 0, 60, 2, OTHERS)
    feed.transfers.append(transfer(3, "B", "C", 70))
    await index.catch_up(budget=PLENTY)
    after = await traces.extend(before.trace_id, at(3))
    evidence = await SqlStoredTraces(engine).evidence(after.trace_id)
    told = list(sentences(evidence, Language.ENGLISH))
    assert "paid out units 60 to 130 of B; the stolen money is units 60 to 100; 40 went to C" in told[1]
    (held,) = hold_sentences(evidence, Language.ENGLISH)
    assert held == (
        f"after posting 2 hold {OTHERS} took 60 of B out of its turn (for another incident): what the account paid since it "
        "paid with the rest."
    )
    await index.release_hold(OTHERS, 3)
    feed.transfers.append(transfer(4, "B", "C", 80))
    await index.catch_up(budget=PLENTY)
    last = await traces.extend(after.trace_id, at(4))
    evidence = await SqlStoredTraces(engine).evidence(last.trace_id)
    assert [edge.src_lo for edge in evidence.trace.units if edge.seq == 4] == [0]
    begun, ended = hold_sentences(evidence, Language.ENGLISH)
    assert (begun, ended) == (held, f"after posting 3 hold {OTHERS} put 60 of B back into its place.")
    assert all("移出" in each or "归还" in each for each in hold_sentences(evidence, Language.CHINESE))
