"""What the steps need to follow money: the index of transfers, and traces. `adapters/wiring.py` builds the real ones."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from models.contracts.transfers import (
    FeedPosition,
    PostedTransfer,
    RuleTotals,
    TaintedLot,
    TraceProgress,
    TraceSummary,
)
from tracing.result import Limits
from tracing.rules import Rule


class TransferIndex(Protocol):
    """Stanch's own index of the wallet's transfers, fed in posting order."""

    async def catch_up(self, *, budget: timedelta) -> FeedPosition:
        """Feed until the wallet's head or the end of the budget; a gap or conflict stops it and is in the position."""
        ...

    async def transfers(self, ids: Sequence[str]) -> list[PostedTransfer]:
        """The transfers with these ids that are in the index, in posting order."""
        ...

    async def last_before(self, at: datetime) -> int:
        """The number of the last posting at or before this instant; 0 when there is none."""
        ...

    async def outgoing(self, account_id: str, since: datetime, upto_seq: int) -> list[PostedTransfer]:
        """Transfers out of the account posted at or after `since`, up to and including `upto_seq`."""
        ...

    async def remaining(
        self, account_id: str, currency: str, lo: int, hi: int, upto_seq: int
    ) -> list[tuple[int, int]]:
        """The parts of units [lo, hi) of this account that no transfer up to `upto_seq` has carried away."""
        ...

    async def apply_hold(  # noqa: PLR0917 - an interval on an account, and since when
        self, account_id: str, currency: str, lo: int, hi: int, effective_seq: int, hold_id: str
    ) -> None:
        """Take units [lo, hi) out of the account's queue from `effective_seq` on. Repeating changes nothing."""
        ...

    async def locate_returns(self) -> int:
        """Link payments by which institutions sent recalled money back without saying what they undo; how many."""
        ...

    async def link_return(self, seq: int, original: str) -> bool:
        """Read this posting as reversing transfer `original`; False where it says or was linked to something already."""
        ...

    async def release_hold(self, hold_id: str, effective_seq: int) -> None:
        """Put a hold's units back in their place from `effective_seq` on. Repeating changes nothing."""
        ...


class Progress(Protocol):
    """Where a long trace says how far it has come: a heartbeat, so that its worker is known to live."""

    def __call__(self, progress: TraceProgress, /) -> None:
        """One chunk is committed."""
        ...


class Traces(Protocol):
    """Traces, stored with their edges and lots."""

    async def run(
        self,
        *,
        incident_id: str,
        episode: int,
        currency: str,
        thefts: Sequence[str],
        upto: FeedPosition,
        rule: Rule = Rule.FIFO,
        limits: Limits | None = None,
        progress: Progress | None = None,
    ) -> TraceSummary:
        """Trace, store, and summarise; the same input on the same index gives the same trace.

        Chunk by chunk, each committed: begun again after a crash, it goes on with what was found.
        """
        ...

    async def extend(
        self, trace_id: str, upto: FeedPosition, *, progress: Progress | None = None
    ) -> TraceSummary:
        """The same trace up to another posting: only what is new is followed. Errors: NOT_FOUND."""
        ...

    async def compare(
        self, trace_id: str, *, rows_allowed: int, progress: Progress | None = None
    ) -> list[RuleTotals]:
        """What each rule makes of the same thefts, the trace's own first; stored with the trace. Errors: NOT_FOUND."""
        ...

    async def lots(self, trace_id: str) -> list[TaintedLot]:
        """Lots lying in wallet accounts at the end of the trace, largest first."""
        ...
