"""Every rule on ledgers nobody here wrote: as a naive whole ledger has it, adding up at prefixes, the same from files and stored."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta

import pytest
from sqlalchemy.ext.asyncio import create_async_engine

from adapters.evidence.gathering import LedgerInFiles
from adapters.transfers.files import FileTransferSource
from adapters.transfers.index import SqlTransferIndex
from adapters.transfers.offline import OfflineLedger
from adapters.transfers.traces import SqlTraces
from ledger_tests import naive_sums
from ledger_tests.conftest import Given, Ledger, Theft
from models.contracts.transfers import FeedPosition
from tracing.places import Place
from tracing.result import Limits, Trace
from tracing.rules import Rule
from tracing.trace import trace

pytestmark = pytest.mark.timeout(300)
"""A whole ledger is posted several times over, in plain Python."""

PARTS = (0.5, 0.75, 1.0)
"""Prefixes of the ledger, beside the posting of the last theft itself."""

SWEPT = [rule for rule in Rule if rule is not Rule.FIFO]


@pytest.fixture(scope="module")
def offline(given: Given) -> Iterator[OfflineLedger]:
    """The whole ledger in SQLite, as a run on files has it."""
    with closing(OfflineLedger(given.rows)) as ledger:
        yield ledger


def prefixes(given: Given, theft: Theft) -> list[int]:
    """Postings at which a trace of this theft is looked at."""
    last = max(row.seq for row in theft.stolen)
    whole = len(given.ledger.transfers)
    return sorted({last, *(upto for part in PARTS if (upto := int(whole * part)) > last)})


def traced(offline: OfflineLedger, theft: Theft, rule: Rule, upto: int) -> Trace:
    return trace(offline, rule=rule, thefts=theft.ids, currency="XXX", upto_seq=upto)


def lying(found: Trace) -> dict[Place, dict[str, int]]:
    places: dict[Place, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for rest in found.resting:
        places[rest.place][rest.account_id] += rest.amount
    return places


@pytest.mark.parametrize("rule", list(Rule))
def test_places_add_up_at_every_prefix_and_a_prefix_gives_a_prefix(
    given: Given, offline: OfflineLedger, rule: Rule
) -> None:
    for theft in given.thefts[:4]:
        whole = traced(offline, theft, rule, len(given.ledger.transfers))
        for upto in prefixes(given, theft):
            found = traced(offline, theft, rule, upto)
            flow = found.flow
            assert flow.stolen == sum(row.amount for row in theft.stolen)
            assert flow.stolen == flow.held + flow.exited + flow.pooled + flow.returned
            assert flow.pruned == 0
            assert flow.stolen == sum(sum(place.values()) for place in lying(found).values())
            if rule is not Rule.FIFO:
                assert list(found.carried) == [step for step in whole.carried if step.seq <= upto]
            else:
                assert list(found.units) == [edge for edge in whole.units if edge.seq <= upto]


@pytest.mark.parametrize("rule", SWEPT)
def test_each_rule_is_what_the_naive_ledger_makes_of_it(
    given: Given, offline: OfflineLedger, rule: Rule
) -> None:
    for theft in given.thefts[:1]:
        naive = naive_sums.follow(
            rule.value, given.ledger.transfers, given.ledger.openings, set(theft.ids), theft.victim
        )
        found = traced(offline, theft, rule, len(given.ledger.transfers))
        assert {step.transfer_id: (step.amount, -1) for step in found.carried} == naive.carried
        places = lying(found)
        assert (places[Place.HELD], places[Place.EXITED]) == (naive.held, naive.exited)
        assert found.flow.returned == naive.returned


async def test_what_is_stored_is_what_a_run_on_the_files_gives(
    ledger: Ledger, given: Given, offline: OfflineLedger, database_url: str
) -> None:
    engine = create_async_engine(database_url)
    whole = await SqlTransferIndex(engine, FileTransferSource(given.ledger)).catch_up(
        budget=timedelta(minutes=2)
    )
    traces, compared, longest = SqlTraces(engine), 0, 0
    for number, theft in enumerate(given.thefts[:3]):
        for upto in prefixes(given, theft)[::2]:
            position = FeedPosition(upto_seq=upto, upto_at=whole.upto_at, behind_ms=0)
            for rule in Rule:
                summary = await traces.run(
                    incident_id=f"{number}",
                    episode=1,
                    currency="XXX",
                    thefts=theft.ids,
                    upto=position,
                    rule=rule,
                )
                found = traced(offline, theft, rule, upto)
                assert (summary.digest, summary.flow) == (found.digest, found.flow)
                assert await traces.carried(summary.trace_id) == list(found.carried)
                compared += 1
                longest = max(longest, summary.edges)
    await engine.dispose()
    # And the very call of `stanch trace run`, once: files read anew, every rule beside the one asked for.
    theft = given.thefts[0]
    evidence = LedgerInFiles(ledger.transfers, ledger.accounts, currency="XXX").trace(
        theft.ids, rule=Rule.FIFO, limits=Limits(), with_rows=False
    )
    last = len(given.ledger.transfers)
    assert evidence.trace.digest == traced(offline, theft, Rule.FIFO, last).digest
    assert evidence.ranges == {rule: traced(offline, theft, rule, last).flow for rule in Rule}
    print(f"{given.name}: {compared} stored traces equal those of the files, the longest has {longest} edges")
