"""A transfer index on a database of its own, and a feed whose content a test can change."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from models.contracts.transfers import FeedPosition, OpeningBalance, PostedTransfer
from tracing.ports import TransferPage

PLENTY = timedelta(seconds=60)


class Feed:
    """A wallet's feed in a list. `head` claims a newest posting other than the last one."""

    def __init__(self, transfers: Iterable[PostedTransfer], openings: Iterable[OpeningBalance] = ()) -> None:
        self.transfers = list(transfers)
        self.stated = list(openings)
        self.head: int | None = None
        self.asked: list[int] = []

    async def openings(self) -> AsyncIterator[Sequence[OpeningBalance]]:
        for first in range(0, len(self.stated), 2):
            yield self.stated[first : first + 2]

    async def after(self, seq: int, limit: int) -> TransferPage:
        self.asked.append(seq)
        last = self.transfers[-1] if self.transfers else None
        return TransferPage(
            transfers=tuple(row for row in self.transfers if row.seq > seq)[:limit],
            head_seq=self.head if self.head is not None else last.seq if last else 0,
            head_at=last.posted_at if last else None,
        )


def at(seq: int) -> FeedPosition:
    """The position of an index that reaches posting `seq`."""
    return FeedPosition(upto_seq=seq, upto_at=None, behind_ms=0)


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    """Connections as the application's role."""
    engine = create_async_engine(database_url)
    yield engine
    await engine.dispose()
