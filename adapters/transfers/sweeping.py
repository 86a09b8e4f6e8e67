"""Drives a sweep over the index: it asks for payments of accounts, and is fed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import asyncpg

from adapters.transfers.sweep_query import outflows_after
from adapters.transfers.trace_query import guard
from tracing.outflows import Outflow
from tracing.sweep import Sweep

FIRST_PAGE = 16
"""Payments of one account read at first: most are tainted for a few only. Each further page of it is four times as long."""

LARGEST_PAGE = 4_096


class Feeding:
    """Feeds one sweep. `rows_read` counts payments read from the index, whether they carried anything or not.

    `known` are payments of this very sweep, up to posting `reached_seq`, that are known to have carried stolen money: up to
    there they stand for all, since a payment that carries nothing changes nothing.
    """

    def __init__(
        self,
        sweep: Sweep,
        *,
        currency: str,
        upto_seq: int,
        known: Iterable[Outflow] = (),
        reached_seq: int = 0,
    ) -> None:
        self.rows_read = 0
        self._sweep = sweep
        self._currency = currency
        self._upto_seq = upto_seq
        self._reached_seq = reached_seq
        self._known: dict[str, list[Outflow]] = defaultdict(list)
        for row in known:
            self._known[row.src].append(row)
        self._pages: dict[str, int] = {}

    async def go_on(self, connection: asyncpg.Connection, most: int) -> None:
        """Feed until the sweep is done or about `most` further rows are read."""
        end = self.rows_read + most
        await guard(connection)
        self._sweep.advance()
        while not self._sweep.done and self.rows_read < end:
            needs = self._sweep.needs()
            wanted = [
                (account_id, max(after, self._reached_seq), self._page(account_id))
                for account_id, after in needs.items()
            ]
            found = await outflows_after(connection, wanted, self._currency, self._upto_seq)
            for account_id, _, page in wanted:
                rows = found[account_id]
                self.rows_read += len(rows)
                before = [row for row in self._known.pop(account_id, ()) if row.seq > needs[account_id]]
                self._sweep.feed(account_id, before + rows, exhausted=len(rows) < page)

    def _page(self, account_id: str) -> int:
        page = min(4 * self._pages.get(account_id, FIRST_PAGE // 4), LARGEST_PAGE)
        self._pages[account_id] = page
        return page
