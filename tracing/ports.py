"""Where transfers come from: a wallet's feed, or a file."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from models.contracts.base import Message, Moment
from models.contracts.transfers import OpeningBalance, PostedTransfer
from tracing.edges import Edge
from tracing.outflows import HoldChange, Outflow
from tracing.thefts import Theft


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


class Ledger(Protocol):
    """Posted rows with positions and balances, as a trace reads them. Every answer is about one unchanging ledger."""

    def transfers(self, ids: Sequence[str]) -> Sequence[Theft]:
        """The transfers with these ids; unknown ones are left out."""
        ...

    def fifo_edges(self, *, thefts: Sequence[str], victim: str, currency: str, upto_seq: int) -> list[Edge]:
        """Every unit edge of the trace, first in, first out, in canonical order."""
        ...

    def outflows_named(self, ids: Sequence[str], currency: str) -> list[Outflow]:
        """These postings, whole, in posting order; those that moved nothing are left out."""
        ...

    def outflows(
        self, account_id: str, currency: str, after_seq: int, upto_seq: int, limit: int
    ) -> list[Outflow]:
        """The account's next payments after posting `after_seq`, up to `upto_seq`, at most `limit`, in posting order."""
        ...

    def given_back(self, currency: str, after_seq: int, upto_seq: int) -> list[Outflow]:
        """Payments by exits that reverse a transfer: after posting `after_seq`, up to `upto_seq`, in posting order."""
        ...

    def hold_changes(self, currency: str, upto_seq: int) -> list[HoldChange]:
        """What holds changed up to `upto_seq`."""
        ...
