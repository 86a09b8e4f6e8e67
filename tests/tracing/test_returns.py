"""A bank that pays recalled money in anew, instead of undoing the payout, gives back the very units all the same."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.transfers.index import SqlTransferIndex
from adapters.transfers.traces import SqlTraces
from models.contracts.transfers import BankDetails, FeedState
from models.ids import new_id
from tests.tracing.conftest import PLENTY, Feed, at
from tests.tracing.ledgers import opening, transfer

UETR = "eb6305c9-1f7f-49de-aed0-16487c27b42d"
PAYOUT = BankDetails(uetr=UETR)
RECALL = """
INSERT INTO recall (id, incident_id, episode, transfer_seq, transfer_id, exit_account, exit_kind, currency, amount, asked,
                    promised, received, chases, wakes, state, uetr, opened_at, next_wake_at)
SELECT :id, :id, 1, seq, transfer_id, dst, 'bank', currency, amount, amount, 0, 0, 0, 0, 'sent', :uetr, now(), now()
FROM transfer_index WHERE transfer_id = 't2'
"""
INCIDENT = """
INSERT INTO incident (id, account_id, status, episode, scope, provisional, opened_at, episode_opened_at, renewals, workflow_id)
VALUES (:id, 'A', 'frozen', 1, 'full', false, now(), now(), 0, 'w')
"""


async def test_what_comes_with_the_payments_reference_is_the_same_money(engine: AsyncEngine) -> None:
    """In full, once, only from that bank to that payer; what is more than the payment had brought is the bank's own."""
    ledger = [
        transfer(1, "A", "B", 100),
        transfer(2, "B", "X", 80, bank=PAYOUT),
        transfer(3, "C", "X", 50),
        transfer(4, "X", "C", 30, bank=PAYOUT),
        transfer(5, "X", "B", 60),
        transfer(6, "X", "B", 50, bank=PAYOUT),
        transfer(7, "X", "B", 90, bank=PAYOUT),
    ]
    feed = Feed(ledger, [opening("A", 100), opening("C", 100)])
    index, traces = SqlTransferIndex(engine, feed), SqlTraces(engine)
    await index.catch_up(budget=PLENTY)
    incident_id = new_id()
    async with engine.begin() as connection:
        await connection.execute(text(INCIDENT), {"id": incident_id})
        await connection.execute(text(RECALL), {"id": incident_id, "uetr": UETR})

    async def held() -> tuple[int, int]:
        summary = await traces.run(
            incident_id=incident_id, episode=1, currency="EUR", thefts=["t1"], upto=at(7)
        )
        return summary.flow.held, summary.flow.exited

    assert await held() == (20, 80)
    assert await index.locate_returns() == 2
    assert await held() == (100, 0), "50 of posting 6 and the 30 that were left of posting 7"
    assert await index.locate_returns() == 0
    feed.asked.clear()
    position = await SqlTransferIndex(engine, Feed(ledger[5:])).catch_up(budget=PLENTY)
    assert position.state is FeedState.FOLLOWING
