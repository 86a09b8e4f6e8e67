"""First in, first out in memory: the reference for the statement, and the engine for ledgers in files."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence

from models.contracts.transfers import AccountKind
from tracing.edges import Edge, in_order
from tracing.intervals import Interval
from tracing.posting import Row

_KEPT = (AccountKind.POOLING, AccountKind.AWARDED)
"""Nothing that arrives as one of these is followed, not even where it is given back."""


class PostedLedger:
    """Rows with positions, found by the units they spent."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._by_account: dict[tuple[str, str], list[tuple[int, Row]]] = defaultdict(list)
        self._by_transfer: dict[str, list[Row]] = defaultdict(list)
        for row in rows:
            self._by_transfer[row.transfer_id].append(row)
            if row.out_pos is not None:
                self._by_account[(row.src, row.currency)].append((row.out_pos, row))
        for spent in self._by_account.values():
            spent.sort(key=lambda entry: entry[0])

    def rows(self, transfer_id: str) -> list[Row]:
        """The parts of one transfer, none when it is unknown."""
        return self._by_transfer.get(transfer_id, [])

    def spenders(self, account_id: str, currency: str, lo: int, hi: int) -> list[tuple[int, Row]]:
        """(out_pos, row) of the rows that spent any of units [lo, hi) of the account, lowest units first."""
        spent = self._by_account.get((account_id, currency), [])
        first = max(bisect_right(spent, lo, key=lambda entry: entry[0]) - 1, 0)
        while first and spent[first - 1][0] == spent[first][0]:
            first -= 1  # what an exit gives back begins where something it ever paid begins, too
        found = []
        for out_pos, row in spent[first:]:
            if out_pos >= hi:
                break
            if out_pos + row.amount > lo:
                found.append((out_pos, row))
        return found


def trace(
    ledger: PostedLedger, *, thefts: Sequence[str], victim: str, currency: str, upto_seq: int
) -> list[Edge]:
    """Edges in canonical order: each theft whole, then every transfer that carried stolen units, up to `upto_seq`.

    Money is followed through wallet accounts, out of an exit only where the exit gives it back, and no further once it is
    at the victim's, or was awarded to another owner.
    """
    edges: list[Edge] = []
    for transfer_id in dict.fromkeys(thefts):
        for row in ledger.rows(transfer_id):
            if row.out_pos is not None and row.seq <= upto_seq:
                edges.extend(_carried(row, row.out_pos, (row.out_pos, row.out_pos + row.amount), 0))
    for carried in edges:  # grows while it is walked
        if carried.dst_kind in _KEPT or carried.dst == victim:
            continue
        lo, hi = carried.dst_lo, carried.dst_lo + carried.amount
        followed = carried.dst_kind == AccountKind.WALLET
        for out_pos, row in ledger.spenders(carried.dst, currency, lo, hi):
            if row.seq <= upto_seq and (followed or row.reverses == carried.transfer_id):
                units = (max(lo, out_pos), min(hi, out_pos + row.amount))
                edges.extend(_carried(row, out_pos, units, carried.hop + 1))
    edges.sort(key=in_order)
    return edges


def _carried(row: Row, out_pos: int, units: Interval, hop: int) -> list[Edge]:
    """The edge of these units through this row; none when the row moved nothing."""
    if row.in_pos is None:
        return []
    lo, hi = units
    dst_lo = row.in_pos + lo - out_pos
    return [Edge(row.seq, row.transfer_id, row.src, row.dst, row.dst_kind, lo, hi, dst_lo, hop)]
