"""Where transfers come from: a wallet's feed, or a file."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from models.contracts.base import Message, Moment
from models.contracts.transfers import OpeningBalance, PostedTransfer


class TransferPage(Message):
    """Transfers in posting order, and the newest posting the source knew when it answered (0 and None: none yet)."""

    transfers: tuple[PostedTransfer, ...]
    head_seq: int
    head_at: Moment | None


class TransferSource(Protocol):
    """A gapless feed of postings 1, 2, 3 ..., visible in commit order.

    Errors: WALLET_UNREACHABLE when the source cannot be asked just now.
    """

    def openings(self) -> AsyncIterator[Sequence[OpeningBalance]]:
        """What accounts held before posting 1, in batches. An account that is absent held nothing."""
        ...

    async def after(self, seq: int, limit: int) -> TransferPage:
        """At most `limit` transfers with a posting number above `seq`, lowest first."""
        ...
