"""The rules without units over a whole ledger, every account and every row: slow, obvious, and sharing nothing with the product."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from ledger_tests.naive_lots import Outcome
from models.contracts.transfers import AccountKind, OpeningBalance, PostedTransfer

Layer = tuple[int, bool]
"""(amount, whether it is stolen): LIFO takes the layer that came last."""


def follow(
    rule: str,
    transfers: Iterable[PostedTransfer],
    openings: Iterable[OpeningBalance],
    thefts: set[str],
    victim: str,
) -> Outcome:
    """Post the whole ledger and watch where the stolen part of every balance goes. `hop` is not told: None is -1."""
    balance: dict[str, int] = defaultdict(int)
    stolen: dict[str, int] = defaultdict(int)
    layers: dict[str, list[Layer]] = defaultdict(list)
    for opening in openings:
        if not opening.kind.is_exit:
            balance[opening.account_id] = opening.amount
            layers[opening.account_id] = [(opening.amount, False)]
    outcome = Outcome()
    for row in transfers:
        if row.src == row.dst:
            continue
        amount, taken = row.amount, [(row.amount, False)]
        if not row.src_kind.is_exit:
            before, there = balance[row.src], stolen[row.src]
            if rule == "lifo":
                taken = _newest(layers[row.src], amount)
            else:
                part = _part(rule, amount, before, there)
                taken = [(part, True), (amount - part, False)]
            balance[row.src] -= amount
            stolen[row.src] -= sum(part for part, dirty in taken if dirty)
        if row.transfer_id in thefts:
            taken = [(amount, True)]
        moved = sum(part for part, dirty in taken if dirty)
        if moved:
            outcome.carried[row.transfer_id] = (moved, -1)
        if row.dst == victim:
            outcome.returned += moved
        elif row.dst_kind is not AccountKind.WALLET and moved:
            outcome.exited[row.dst] += moved
        if not row.dst_kind.is_exit:
            follows = row.dst != victim and row.dst_kind is AccountKind.WALLET
            balance[row.dst] += amount
            stolen[row.dst] += moved if follows else 0
            if rule == "lifo":
                layers[row.dst] += taken if follows else [(amount, False)]
    outcome.held = {account: amount for account, amount in stolen.items() if amount}
    return outcome


def _part(rule: str, amount: int, before: int, there: int) -> int:
    least, most = max(0, there - (before - amount)), min(there, amount)
    if rule == "libr":
        return least
    if rule == "dirty_first":
        return most
    return min(max((2 * there * amount + before) // (2 * before), least), most)


def _newest(layers: list[Layer], amount: int) -> list[Layer]:
    """Take `amount` from the end, oldest of it first."""
    taken: list[Layer] = []
    while amount:
        most, dirty = layers.pop()
        part = min(most, amount)
        if part:
            taken.insert(0, (part, dirty))
        if most > part:
            layers.append((most - part, dirty))
        amount -= part
    return taken
