"""Every lot of every account of a whole ledger, first in, first out: slow, obvious, and sharing nothing with the product."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from models.contracts.transfers import AccountKind, OpeningBalance, PostedTransfer


@dataclass
class Lot:
    """Money that arrived together; `hop` is None for clean money."""

    amount: int
    hop: int | None


@dataclass
class Outcome:
    """Stolen amounts by place, and (stolen amount, least hop) by transfer."""

    held: dict[str, int] = field(default_factory=dict)
    exited: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    returned: int = 0
    carried: dict[str, tuple[int, int]] = field(default_factory=dict)


def follow(
    transfers: Iterable[PostedTransfer], openings: Iterable[OpeningBalance], thefts: set[str], victim: str
) -> Outcome:
    """Post the whole ledger and watch where the stolen lots go."""
    lots: dict[str, deque[Lot]] = defaultdict(deque)
    for opening in openings:
        if opening.amount and not opening.kind.is_exit:
            lots[opening.account_id].append(Lot(opening.amount, None))
    outcome = Outcome()
    for row in transfers:
        if row.src == row.dst:
            continue
        moved = [Lot(row.amount, None)] if row.src_kind.is_exit else _take(lots[row.src], row.amount)
        if row.transfer_id in thefts:
            moved = [Lot(row.amount, 0)]
        else:
            moved = [Lot(lot.amount, None if lot.hop is None else lot.hop + 1) for lot in moved]
        stolen = [lot for lot in moved if lot.hop is not None]
        if stolen:
            amount = sum(lot.amount for lot in stolen)
            outcome.carried[row.transfer_id] = (amount, min(lot.hop or 0 for lot in stolen))
            if row.dst == victim:
                outcome.returned += amount
                moved = [Lot(lot.amount, None) for lot in moved]
            elif row.dst_kind is not AccountKind.WALLET:
                outcome.exited[row.dst] += amount
        if not row.dst_kind.is_exit:
            lots[row.dst].extend(moved)
    for account, lying in lots.items():
        amount = sum(lot.amount for lot in lying if lot.hop is not None)
        if amount:
            outcome.held[account] = amount
    return outcome


def _take(queue: deque[Lot], amount: int) -> list[Lot]:
    taken = []
    while amount:
        first = queue[0]
        share = min(first.amount, amount)
        taken.append(Lot(share, first.hop))
        first.amount -= share
        amount -= share
        if not first.amount:
            queue.popleft()
    return taken
