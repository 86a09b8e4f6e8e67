"""The transfer index: gapless, in order, and exact under everything a feed can do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from random import Random

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.transfers.index import SqlTransferIndex
from bench.generated_ledger import GeneratedLedger
from models.contracts.base import MAX_AMOUNT
from models.contracts.transfers import (
    BankDetails,
    FeedState,
    OpeningBalance,
    PostedTransfer,
    TransferStatus,
)
from models.errors import ErrorCode, StanchError
from tests.tracing.conftest import PLENTY, Feed
from tests.tracing.index_rows import NO_TIME, indexed, posted
from tests.tracing.ledgers import START, Ledger, covered, opening, random_ledger, transfer
from tracing.ports import TransferPage


async def generation(engine: AsyncEngine) -> int:
    async with engine.connect() as connection:
        return int((await connection.execute(text("SELECT generation FROM transfer_feed"))).scalar_one())


async def test_pages_of_any_size_give_the_same_positions_as_memory(engine: AsyncEngine) -> None:
    ledger = random_ledger(Random(1), length=97, reversing=0.2)
    index = SqlTransferIndex(engine, Feed(ledger.transfers, ledger.openings), page=10)
    position = await index.catch_up(budget=PLENTY)
    assert (position.upto_seq, position.upto_at) == (97, ledger.transfers[-1].posted_at)
    assert (position.state, position.detail, position.behind_ms) == (FeedState.FOLLOWING, None, 0)
    assert await indexed(engine) == posted(ledger)
    assert (await index.position()).upto_seq == 97


async def test_a_budget_that_is_used_up_says_how_far_behind_it_left_off(engine: AsyncEngine) -> None:
    ledger = random_ledger(Random(2), length=30)
    index = SqlTransferIndex(engine, Feed(ledger.transfers, ledger.openings), page=10)
    first = await index.catch_up(budget=NO_TIME)
    assert (first.upto_seq, first.behind_ms) == (10, 20_000)
    second = SqlTransferIndex(engine, Feed(ledger.transfers, ledger.openings), page=10)
    assert [(await second.catch_up(budget=NO_TIME)).upto_seq for _ in range(4)] == [19, 28, 30, 30]
    assert await indexed(engine) == posted(ledger)


async def test_new_postings_are_taken_up_and_old_ones_are_not_asked_for_again(engine: AsyncEngine) -> None:
    ledger = random_ledger(Random(3), length=20)
    feed = Feed(ledger.transfers[:12], ledger.openings)
    index = SqlTransferIndex(engine, feed)
    assert (await index.catch_up(budget=PLENTY)).upto_seq == 12
    feed.transfers = list(ledger.transfers)
    feed.asked.clear()
    assert (await index.catch_up(budget=PLENTY)).upto_seq == 20
    assert feed.asked == [11]
    assert await indexed(engine) == posted(ledger)


async def test_nothing_posted_yet(engine: AsyncEngine) -> None:
    index = SqlTransferIndex(engine, Feed([], [opening("A", 5)]))
    assert (await index.catch_up(budget=PLENTY)).upto_seq == 0
    assert (await index.position()).state is FeedState.FOLLOWING


async def test_it_stops_at_a_gap_and_goes_on_when_the_gap_is_filled(engine: AsyncEngine) -> None:
    ledger = random_ledger(Random(4), length=20)
    feed = Feed([row for row in ledger.transfers if row.seq != 8], ledger.openings)
    index = SqlTransferIndex(engine, feed, page=5)
    for _ in range(2):
        position = await index.catch_up(budget=PLENTY)
        assert (position.upto_seq, position.state) == (7, FeedState.GAP)
        assert position.detail is not None
        assert "Posting 8 is missing from the feed (it goes on with 9)" in position.detail
    assert (await index.position()).state is FeedState.GAP
    async with engine.connect() as connection:
        alerts = (await connection.execute(text("SELECT kind, subject, detail FROM staff_alert"))).all()
    assert [tuple(row) for row in alerts] == [("feed_stopped", "8/0", "gap")], "staff hear of it once"
    feed.transfers = list(ledger.transfers)
    assert (await index.catch_up(budget=PLENTY)).state is FeedState.FOLLOWING
    assert await indexed(engine) == posted(ledger)


async def test_a_head_that_is_never_delivered_is_a_gap_too(engine: AsyncEngine) -> None:
    ledger = random_ledger(Random(5), length=20)
    feed = Feed(ledger.transfers[:10], ledger.openings)
    feed.head = 14
    index = SqlTransferIndex(engine, feed)
    for _ in range(2):
        position = await index.catch_up(budget=PLENTY)
        assert (position.upto_seq, position.state) == (10, FeedState.GAP)
    feed.transfers = list(ledger.transfers[:14])
    position = await index.catch_up(budget=PLENTY)
    assert (position.upto_seq, position.state) == (14, FeedState.FOLLOWING)


def told_differently(row: PostedTransfer) -> PostedTransfer:
    return row.model_copy(update={"amount": row.amount + 1})


async def test_a_posting_told_differently_stops_the_index_until_it_is_told_as_it_was(
    engine: AsyncEngine,
) -> None:
    ledger = random_ledger(Random(6), length=20)
    feed = Feed(ledger.transfers[:10], ledger.openings)
    index = SqlTransferIndex(engine, feed)
    await index.catch_up(budget=PLENTY)
    feed.transfers = [told_differently(row) if row.seq == 10 else row for row in ledger.transfers]
    for _ in range(2):
        position = await index.catch_up(budget=PLENTY)
        assert (position.upto_seq, position.state) == (10, FeedState.CONFLICT)
        assert position.detail is not None
        assert "posting 10 twice with different content" in position.detail
    feed.transfers = list(ledger.transfers)
    assert (await index.catch_up(budget=PLENTY)).state is FeedState.FOLLOWING
    assert await indexed(engine) == posted(ledger)


async def test_a_number_repeated_with_other_content_in_one_page(engine: AsyncEngine) -> None:
    ledger = random_ledger(Random(7), length=20)
    rows_given = list(ledger.transfers)
    rows_given.insert(6, ledger.transfers[5])  # the same again: harmless
    rows_given.insert(13, told_differently(ledger.transfers[9]))
    index = SqlTransferIndex(engine, Feed(rows_given, ledger.openings))
    position = await index.catch_up(budget=PLENTY)
    assert (position.upto_seq, position.state) == (12, FeedState.CONFLICT)
    assert await indexed(engine) == posted(ledger, 12)


async def test_a_feed_that_lost_what_it_had_told_is_a_conflict(engine: AsyncEngine) -> None:
    ledger = random_ledger(Random(8), length=20)
    feed = Feed(ledger.transfers, ledger.openings)
    index = SqlTransferIndex(engine, feed)
    await index.catch_up(budget=PLENTY)
    feed.transfers = list(ledger.transfers[:15])  # restored from a backup
    position = await index.catch_up(budget=PLENTY)
    assert (position.upto_seq, position.state) == (20, FeedState.CONFLICT)
    assert position.detail is not None
    assert "no longer has posting 20" in position.detail


async def test_a_settled_payout_is_not_another_posting(engine: AsyncEngine) -> None:
    bank = BankDetails(bic="BANKDEFF", end_to_end_id="E1", settlement_date="2026-03-02")
    pending = transfer(
        1, "A", "X", 5, status=TransferStatus.PENDING, bank=bank, device_id="d1", session_id="s1"
    )
    feed = Feed([pending], [opening("A", 5)])
    index = SqlTransferIndex(engine, feed)
    await index.catch_up(budget=PLENTY)
    feed.transfers = [pending.model_copy(update={"status": TransferStatus.SETTLED})]
    assert (await index.catch_up(budget=PLENTY)).state is FeedState.FOLLOWING
    assert await index.transfers(["t1"]) == [pending]


@pytest.mark.parametrize("page", [1, 2, 100])
async def test_a_transfer_id_that_is_taken_stops_the_index(engine: AsyncEngine, page: int) -> None:
    ledger = covered([transfer(seq, "A", "B", 1) for seq in range(1, 8)])
    given = [
        row.model_copy(update={"transfer_id": "t2"}) if row.seq == 5 else row for row in ledger.transfers
    ]
    position = await SqlTransferIndex(engine, Feed(given, ledger.openings), page=page).catch_up(budget=PLENTY)
    assert (position.upto_seq, position.state) == (4, FeedState.CONFLICT)
    assert position.detail is not None
    assert "transfer id t2 is taken" in position.detail
    assert await indexed(engine) == posted(ledger, 4)


async def test_an_account_past_the_largest_position_stops_the_index_and_nothing_wraps(
    engine: AsyncEngine,
) -> None:
    ledger = Ledger(
        (transfer(1, "O", "A", 3), transfer(2, "O", "A", MAX_AMOUNT - 3), transfer(3, "O", "A", 1)),
        (),
    )
    position = await SqlTransferIndex(engine, Feed(ledger.transfers)).catch_up(budget=PLENTY)
    assert (position.upto_seq, position.state) == (2, FeedState.CONFLICT)
    assert position.detail is not None
    assert "account A would pass 2^63-1" in position.detail


async def test_where_time_runs_backwards_the_number_is_the_order_and_the_posting_is_named(
    engine: AsyncEngine,
) -> None:
    ledger = covered([transfer(1, "A", "B", 3), transfer(2, "B", "C", 3), transfer(3, "C", "X", 1)])
    late, early = ledger.transfers[0].posted_at + timedelta(hours=1), ledger.transfers[0].posted_at
    told = [
        ledger.transfers[0],
        *(
            row.model_copy(update={"posted_at": at})
            for row, at in zip(ledger.transfers[1:], (late, early), strict=True)
        ),
    ]
    index = SqlTransferIndex(engine, Feed(told, ledger.openings), page=2)
    position = await index.catch_up(budget=PLENTY)
    assert (position.upto_seq, position.upto_at) == (3, late)
    assert (position.state, position.remarks) == (FeedState.FOLLOWING, 1)
    assert await indexed(engine) == posted(ledger)
    (named,) = await index.remarks()
    assert named == position.detail
    assert (
        f"Posting 3 is told as posted at {early.isoformat()}, before an earlier posting of {late.isoformat()}:"
        in named
    )
    # Clocks of two machines differ by less than a second, and that is nothing to speak of.
    near = late + timedelta(seconds=1)
    more = [
        transfer(4, "C", "X", 1, posted_at=near),
        transfer(5, "C", "X", 1, posted_at=near - timedelta(milliseconds=900), reverses="lost"),
        transfer(6, "A", "B", 1, posted_at=early, reverses="lost"),
    ]
    index = SqlTransferIndex(engine, Feed([*told, *more], ledger.openings))
    position = await index.catch_up(budget=PLENTY)
    newest, reversal, _ = await index.remarks()
    assert position.remarks == 3
    assert "Posting 6 says that it reverses transfer lost" in newest
    assert "Posting 6 is told as posted at" in newest
    assert "is told as posted at" not in reversal


@pytest.mark.parametrize("told", [{"dst": "B" * 129}, {"transfer_id": "t\x00"}, {"device_id": "\x00"}])
async def test_a_row_the_database_cannot_keep_stops_the_index_by_name(
    engine: AsyncEngine, told: dict[str, str]
) -> None:
    feed = Feed(
        [transfer(1, "O", "A", 3), transfer(2, "A", "B", 1).model_copy(update=told), transfer(3, "A", "B", 1)]
    )
    position = await SqlTransferIndex(engine, feed).catch_up(budget=PLENTY)
    assert (position.upto_seq, position.state) == (1, FeedState.CONFLICT)
    assert position.detail is not None
    assert position.detail.startswith("Posting 2 cannot be indexed")


class Failing(Feed):
    """Answers the first pages, then is not reachable."""

    def __init__(self, ledger: Ledger, pages: int) -> None:
        super().__init__(ledger.transfers, ledger.openings)
        self.pages = pages

    async def openings(self) -> AsyncIterator[Sequence[OpeningBalance]]:
        async for batch in super().openings():
            yield batch
            if self.pages < 0:
                raise StanchError(ErrorCode.WALLET_UNREACHABLE, "The wallet did not answer.")

    async def after(self, seq: int, limit: int) -> TransferPage:
        if len(self.asked) == self.pages:
            raise StanchError(ErrorCode.WALLET_UNREACHABLE, "The wallet did not answer.")
        return await super().after(seq, limit)


@pytest.mark.parametrize("pages", [-1, 0, 1, 3])
async def test_a_wallet_that_breaks_off_leaves_whole_pages_and_no_half_ones(
    engine: AsyncEngine, pages: int
) -> None:
    ledger = random_ledger(Random(9), length=50)
    with pytest.raises(StanchError) as failed:
        await SqlTransferIndex(engine, Failing(ledger, pages), page=10).catch_up(budget=PLENTY)
    assert failed.value.code is ErrorCode.WALLET_UNREACHABLE
    assert await indexed(engine) == posted(ledger, max(pages, 0) * 10)
    whole = SqlTransferIndex(engine, Feed(ledger.transfers, ledger.openings), page=7)
    assert (await whole.catch_up(budget=PLENTY)).upto_seq == 50
    assert await indexed(engine) == posted(ledger)


async def test_many_feeders_at_once_index_everything_once(engine: AsyncEngine) -> None:
    ledger = random_ledger(Random(10), length=300)
    feeders = [
        SqlTransferIndex(engine, Feed(ledger.transfers, ledger.openings), page=page)
        for page in (7, 11, 13, 29, 50)
    ]
    positions = await asyncio.gather(*(feeder.catch_up(budget=PLENTY) for feeder in feeders))
    assert {(position.upto_seq, position.state) for position in positions} == {(300, FeedState.FOLLOWING)}
    assert await indexed(engine) == posted(ledger)


async def test_reading_transfers_back(engine: AsyncEngine) -> None:
    given = [
        transfer(1, "A", "B", 5, hold_id="h", reverses="t0"),
        transfer(2, "A", "A", 5),
        transfer(3, "A", "X", 5),
        transfer(4, "B", "A", 5),
        transfer(5, "A", "C", 5),
    ]
    index = SqlTransferIndex(engine, Feed(given, [opening("A", 10)]))
    await index.catch_up(budget=PLENTY)
    assert await index.transfers(["t5", "t2", "unknown", "t1"]) == [given[0], given[1], given[4]]
    since = START + timedelta(seconds=2)
    assert await index.outgoing("A", since, 5) == [given[2], given[4]]
    assert await index.outgoing("A", since, 4) == [given[2]]


async def test_a_reversal_of_a_transfer_nobody_knows_is_indexed_as_an_ordinary_one_and_named(
    engine: AsyncEngine,
) -> None:
    given = [
        transfer(1, "A", "B", 5),
        transfer(2, "B", "A", 5, reverses="t1"),
        transfer(3, "A", "B", 5, reverses="lost"),
        transfer(4, "B", "C", 2, reverses="t6"),
        transfer(5, "B", "C", 2, reverses="t5"),
        transfer(6, "B", "C", 1),
    ]
    feed = Feed(given[:2], [opening("A", 5)])
    index = SqlTransferIndex(engine, feed, page=2)
    position = await index.catch_up(budget=PLENTY)
    assert (position.remarks, position.detail, await index.remarks()) == (0, None, [])
    feed.transfers = given
    position = await index.catch_up(budget=PLENTY)
    assert (position.upto_seq, position.state, position.remarks) == (6, FeedState.FOLLOWING, 3)
    named = await index.remarks()
    assert named[0] == position.detail == (await index.position()).detail
    assert [remark.split()[1] for remark in named] == ["5", "4", "3"]
    assert "reverses transfer lost" in named[2]
    assert await indexed(engine) == posted(Ledger(tuple(given), (opening("A", 5),)))


async def test_a_hundred_thousand_rows_at_once_are_one_page_and_as_right(engine: AsyncEngine) -> None:
    ledger = GeneratedLedger(100_000)
    index = SqlTransferIndex(engine, ledger, page=100_000)
    position = await index.catch_up(budget=NO_TIME)
    assert (position.upto_seq, position.state) == (100_000, FeedState.FOLLOWING)
    async with engine.connect() as connection:
        whole = await connection.execute(
            text(
                "SELECT (SELECT sum(amount) FROM transfer_index WHERE out_pos IS NOT NULL),"
                " (SELECT sum(total_in) FROM transfer_account), (SELECT sum(total_out) FROM transfer_account),"
                " (SELECT sum(inferred) FROM transfer_account)"
            )
        )
        moved, paid_in, paid_out, inferred = whole.one()
    assert (moved, inferred) == (paid_in, 0)
    assert paid_in == paid_out
