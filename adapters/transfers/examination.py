"""What a page of the feed holds, before anything of it is written: is it the gapless continuation it must be?"""

from __future__ import annotations

from dataclasses import dataclass, field

from adapters.transfers.refusals import LONGEST_ID
from adapters.transfers.rows import same_posting
from models.contracts.transfers import FeedState, PostedTransfer
from tracing.ports import TransferPage


@dataclass(frozen=True, slots=True)
class Stop:
    """Why the index goes no further: posting `seq` is missing, or does not agree."""

    state: FeedState
    seq: int
    detail: str


@dataclass(slots=True)
class Examined:
    """Postings `after` + 1 .. `last`, each once, in order; what follows them is why the page stops there."""

    after: int
    transfers: list[PostedTransfer] = field(default_factory=list)
    stop: Stop | None = None

    @property
    def last(self) -> int:
        """The last posting that is in order."""
        return self.after + len(self.transfers)

    def cut(self, stop: Stop) -> None:
        """Take only what comes before `stop.seq`."""
        del self.transfers[max(stop.seq - self.after - 1, 0) :]
        self.stop = stop


def missing(seq: int, beside: str, indexed_upto: int) -> Stop:
    """Posting `seq` is not in the feed: a gap, or, when it was there once, a feed that went back on its word."""
    if seq <= indexed_upto:
        return Stop(
            FeedState.CONFLICT,
            seq,
            f"The feed no longer has posting {seq} ({beside}), which the index took from it earlier. Nothing after "
            f"posting {indexed_upto} is taken until the wallet gives it again as it was.",
        )
    return Stop(
        FeedState.GAP,
        seq,
        f"Posting {seq} is missing from the feed ({beside}). Postings 1 to {seq - 1} are indexed and safe to use; the "
        "index goes on by itself as soon as the wallet gives the missing one.",
    )


def differing(seq: int) -> Stop:
    """Posting `seq` was told twice, differently."""
    return Stop(
        FeedState.CONFLICT,
        seq,
        f"The feed told posting {seq} twice with different content. The first telling is kept and nothing after it is "
        "taken until the wallet tells it as it was; have the wallet's records checked.",
    )


def impossible(seq: int, why: str) -> Stop:
    """Posting `seq` cannot be indexed."""
    return Stop(
        FeedState.CONFLICT,
        seq,
        f"Posting {seq} cannot be indexed: {why}. Postings 1 to {seq - 1} are indexed and safe to use; have the "
        "wallet's records checked.",
    )


def examine(page: TransferPage, *, after: int, indexed_upto: int) -> Examined:
    """Sort out the answer to "what comes after posting `after`?", asked when postings 1..`indexed_upto` were known."""
    examined = Examined(after)
    ids: set[str] = set()
    for transfer in page.transfers:
        expected = examined.last + 1
        if transfer.seq > expected:
            examined.stop = missing(expected, f"it goes on with {transfer.seq}", indexed_upto)
            return examined
        if transfer.seq < expected:
            if transfer.seq > after and not same_posting(
                examined.transfers[transfer.seq - after - 1], transfer
            ):
                examined.stop = differing(transfer.seq)
                return examined
            continue
        if (why := _unfit(transfer)) is not None:
            examined.stop = impossible(expected, why)
            return examined
        if transfer.transfer_id in ids:
            examined.stop = impossible(
                expected, f"transfer id {transfer.transfer_id} is taken by an earlier posting"
            )
            return examined
        ids.add(transfer.transfer_id)
        examined.transfers.append(transfer)
    if not examined.transfers and max(page.head_seq, indexed_upto) > after:
        examined.stop = missing(after + 1, f"its newest is {page.head_seq}", indexed_upto)
    return examined


def _unfit(transfer: PostedTransfer) -> str | None:
    """Why PostgreSQL could not keep this row, if so: a NUL in a text, or ids that do not fit an index entry."""
    for text in (transfer.transfer_id, transfer.src, transfer.dst):
        if len(text) > LONGEST_ID:
            return f"an id of it is longer than {LONGEST_ID} characters"
    texts = (transfer.transfer_id, transfer.src, transfer.dst, transfer.device_id, transfer.session_id)
    if any("\x00" in text for text in (*texts, transfer.reverses, transfer.hold_id) if text is not None):
        return "one of its texts holds a NUL character"
    return None
