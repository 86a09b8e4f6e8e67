"""How each kind of bar and stub is filled and bordered."""

from __future__ import annotations

from dataclasses import dataclass

from tracing.picture.unrolled import Cell, Look


@dataclass(frozen=True, slots=True)
class Mark:
    """Presentation attributes of one kind."""

    fill: str
    stroke: str | None = None
    dashes: str | None = None


MARKS: dict[Look | Cell, Mark] = {
    Look.VICTIM: Mark("#333333"),
    Look.WALLET: Mark("#8c8c8c"),
    Look.POOLING: Mark("#44aa99", "#1d5c52", "2 2"),
    Look.BANK: Mark("#882255"),
    Look.CARD: Mark("#cc6677"),
    Look.CASH: Mark("#ddcc77"),
    Look.CRYPTO: Mark("#aa4499"),
    Look.MERCHANT: Mark("#88ccee"),
    Look.FEE: Mark("#999933"),
    Look.OUTSIDE: Mark("#332288"),
    Look.AWARDED: Mark("#ffffff", "#332288", "4 2"),
    Look.RETURNED: Mark("#ffffff", "#117733"),
    Look.LATER: Mark("#dddddd", "#555555"),
    Cell.HELD: Mark("#117733"),
    Cell.EXITED: Mark("#882255"),
    Cell.POOLED: Mark("#44aa99", "#1d5c52", "2 2"),
    Cell.RETURNED: Mark("#ffffff", "#117733"),
    Cell.PRUNED: Mark("#ffffff", "#1a1a1a", "3 2"),
    Cell.JOINED: Mark("#ffffff", "#8c8c8c", "1 2"),
}
"""Fills are Paul Tol's "muted" colours; what is no exit is also told apart by its border."""
