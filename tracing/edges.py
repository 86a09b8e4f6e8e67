"""One step of stolen money: which units of which account a transfer carried, and where they went."""

from __future__ import annotations

from typing import NamedTuple


class Edge(NamedTuple):
    """Units [src_lo, src_hi) of `src` moved to [dst_lo, dst_lo + (src_hi - src_lo)) of `dst`. Thefts have hop 0."""

    seq: int
    transfer_id: str
    src: str
    dst: str
    dst_kind: str
    src_lo: int
    src_hi: int
    dst_lo: int
    hop: int

    @property
    def amount(self) -> int:
        """Stolen minor units carried."""
        return self.src_hi - self.src_lo


def in_order(edge: Edge) -> tuple[int, int]:
    """Sort key of the canonical order: posting number, then the payer's units."""
    return (edge.seq, edge.src_lo)
