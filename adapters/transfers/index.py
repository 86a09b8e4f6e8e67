"""Stanch's own index of the wallet's transfers, fed in posting order, in PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.transfers.examination import Examined, examine
from adapters.transfers.feed_state import Feed, load_feed, save_feed
from adapters.transfers.holds import begin_hold, end_hold
from adapters.transfers.openings import insert_openings
from adapters.transfers.pages import post_page, trim_taken
from adapters.transfers.returns import any_to_link, link_return, link_returns
from adapters.transfers.rows import whole_transfers
from adapters.transfers.sessions import alone, snapshot
from models.contracts.transfers import FeedPosition, FeedState, PostedTransfer
from tracing.intervals import subtract
from tracing.ports import TransferPage, TransferSource

PAGE = 10_000
"""Transfers asked for at once: one transaction each."""


class SqlTransferIndex:
    """Follows `source` without gaps. Postings 1..N are in the index, all of them, or it says where it stopped and why.

    Many feeders may run at once: pages are written one after the other under an advisory lock, and no transaction
    spans a call to the source. The application role needs SELECT, INSERT, UPDATE and DELETE on the `transfer_*` tables.
    """

    def __init__(self, engine: AsyncEngine, source: TransferSource, *, page: int = PAGE) -> None:
        self._engine = engine
        self._source = source
        self._page = page

    async def catch_up(self, *, budget: timedelta) -> FeedPosition:
        """Feed until the source's head, the end of the budget, a gap or a conflict; the position says which.

        Something new is taken whatever the budget. The last posting indexed is read again each time, so a feed that went back on
        its word is noticed. A gap ends by itself when the missing posting comes; a conflict when the source tells the
        posting as it was. Errors: what the source raises; pages before it are kept.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + budget.total_seconds()
        feed = await self._open()
        began = feed.upto_seq
        after = max(min(began, feed.stopped_seq or began) - 1, 0)
        while True:
            known = feed.upto_seq
            page = await self._ask(after)
            feed, reached = await self._take(page, after, known)
            if feed.state is not FeedState.FOLLOWING or reached >= page.head_seq:
                return feed.position()
            if reached > began and loop.time() >= deadline:
                return feed.position()
            after = reached

    async def position(self) -> FeedPosition:
        """How far the index reaches, without asking the source: it may be behind by as long as it was not asked."""
        async with snapshot(self._engine) as connection:
            return (await load_feed(connection)).position()

    async def transfers(self, ids: Sequence[str]) -> list[PostedTransfer]:
        """The transfers with these ids that are in the index, in posting order."""
        async with snapshot(self._engine) as connection:
            return await whole_transfers(connection, "transfer_id = ANY($1::text[])", list(ids))

    async def last_before(self, at: datetime) -> int:
        """The number of the last posting at or before this instant; 0 when there is none."""
        async with snapshot(self._engine) as connection:
            # Times hardly ever run back, so counting down from the head meets it after the few that came later.
            found = await connection.fetchval(
                "SELECT seq FROM transfer_index WHERE posted_at <= $1 ORDER BY seq DESC LIMIT 1", at
            )
        return found or 0

    async def outgoing(self, account_id: str, since: datetime, upto_seq: int) -> list[PostedTransfer]:
        """Transfers out of the account posted at or after `since`, up to and including `upto_seq`, in posting order.

        Transfers to itself are left out: they moved nothing.
        """
        async with snapshot(self._engine) as connection:
            return await whole_transfers(
                connection,
                "src = $1 AND dst <> $1 AND posted_at >= $2 AND seq <= $3",
                account_id,
                since,
                upto_seq,
            )

    async def remaining(
        self, account_id: str, currency: str, lo: int, hi: int, upto_seq: int
    ) -> list[tuple[int, int]]:
        """The parts of units [lo, hi) of this account that no transfer up to `upto_seq` has carried away."""
        async with snapshot(self._engine) as connection:
            spent = await connection.fetch(
                "SELECT out_pos, out_pos + amount FROM transfer_index WHERE src = $1 AND currency = $2 AND out_pos < $4"
                " AND out_pos >= coalesce((SELECT max(out_pos) FROM transfer_index"
                "                           WHERE src = $1 AND currency = $2 AND out_pos <= $3), $3)"
                " AND seq <= $5 ORDER BY out_pos",
                account_id,
                currency,
                lo,
                hi,
                upto_seq,
            )
        return subtract([(lo, hi)], [(start, end) for start, end in spent])

    async def remarks(self, most: int = 100) -> list[str]:
        """What there is to say about postings that were indexed all the same, newest first."""
        async with snapshot(self._engine) as connection:
            records = await connection.fetch(
                "SELECT remark FROM transfer_remark ORDER BY seq DESC LIMIT $1", most
            )
        return [record["remark"] for record in records]

    async def inferred(self, currency: str) -> tuple[int, int]:
        """(accounts, minor units): opening money nobody stated, from the source's openings and found while feeding."""
        async with snapshot(self._engine) as connection:
            record = await connection.fetchrow(
                "SELECT count(*), coalesce(sum(inferred), 0)::bigint FROM transfer_account"
                " WHERE currency = $1 AND inferred > 0",
                currency,
            )
        return (0, 0) if record is None else (record[0], record[1])

    async def apply_hold(  # noqa: PLR0917 - the port's
        self, account_id: str, currency: str, lo: int, hi: int, effective_seq: int, hold_id: str
    ) -> None:
        """Take units [lo, hi) out of the account's queue from posting `effective_seq` + 1 on.

        Payments posted since are given other units, the lowest free ones. A hold may have several pieces; repeating
        one changes nothing. Errors: REFUSED_BY_RULE when another standing hold has one of the units (nothing changed).
        """
        async with alone(self._engine) as connection:
            if await begin_hold(connection, (account_id, currency), (lo, hi), effective_seq, hold_id):
                await _renew(connection)

    async def release_hold(
        self, hold_id: str, effective_seq: int, *, units: tuple[int, int] | None = None
    ) -> None:
        """Put the hold's units, or only [lo, hi) of them, back into their place from posting `effective_seq` + 1 on.

        Repeating changes nothing; an unknown hold is nobody's and nothing happens.
        """
        async with alone(self._engine) as connection:
            if await end_hold(connection, hold_id, effective_seq, units):
                await _renew(connection)

    async def locate_returns(self) -> int:
        """Find what institutions sent back for recalled transfers without saying what it undoes; how many payments.

        Each is read from now on as reversing that transfer. Repeating changes nothing.
        """
        async with snapshot(self._engine) as connection:
            if not await any_to_link(connection):
                return 0
        async with alone(self._engine) as connection:
            linked = await link_returns(connection)
            if linked:
                await _renew(connection)
        return linked

    async def link_return(self, seq: int, original: str) -> bool:
        """Read this posting as reversing that transfer. False: it says or was linked to something already."""
        async with alone(self._engine) as connection:
            linked = await link_return(connection, seq, original)
            if linked:
                await _renew(connection)
        return linked

    async def _open(self) -> Feed:
        """The feed, its openings loaded."""
        async with snapshot(self._engine) as connection:
            feed = await load_feed(connection)
        if feed.openings_loaded:
            return feed
        async for batch in self._source.openings():
            async with alone(self._engine) as connection:
                if (await load_feed(connection)).openings_loaded:
                    break  # another feeder was faster, and may be posting already
                await insert_openings(connection, batch)
        async with alone(self._engine) as connection:
            feed = await load_feed(connection)
            feed.openings_loaded = True
            await save_feed(connection, feed, checked=False)
        return feed

    async def _ask(self, after: int) -> TransferPage:
        page = await self._source.after(after, self._page)
        if not page.transfers and page.head_seq > after:
            # Its head may have grown between its two reads; a gap says the same twice.
            page = await self._source.after(after, self._page)
        return page

    async def _take(self, page: TransferPage, after: int, known: int) -> tuple[Feed, int]:
        """One page, one transaction; returns the feed and the last posting that needs no asking any more."""
        examined = examine(page, after=after, indexed_upto=known)
        try:
            return await self._write(page, examined), examined.last
        except asyncpg.UniqueViolationError:
            async with alone(self._engine) as connection:
                await trim_taken(connection, examined)
            return await self._write(page, examined), examined.last

    async def _write(self, page: TransferPage, examined: Examined) -> Feed:
        async with alone(self._engine) as connection:
            feed = await load_feed(connection)
            await post_page(connection, feed, examined)
            if page.head_seq >= feed.head_seq:
                feed.head_seq, feed.head_at = page.head_seq, page.head_at
            feed.unasked_ms = 0
            await save_feed(connection, feed, checked=True)
        return feed


async def _renew(connection: asyncpg.Connection) -> None:
    """Rows already indexed have other positions now: a trace over them is another trace."""
    await connection.execute("UPDATE transfer_feed SET generation = generation + 1")
