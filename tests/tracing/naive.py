"""The slowest possible ledger: every single unit of every account, one after the other. Written for the tests only.

It shares nothing with the product: no positions are computed, a unit just remembers how many were paid in before it.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from itertools import groupby

from models.contracts.transfers import AccountKind, OpeningBalance, PostedTransfer
from tracing.edges import Edge


@dataclass(slots=True)
class Unit:
    """The `number`-th unit ever paid into its account; `lot` names the stolen lot it belongs to, if any."""

    number: int
    lot: tuple[int, int] | None = None
    hop: int = 0


@dataclass
class NaiveLedger:
    """Follows thefts while it posts: the whole ledger, unit by unit."""

    thefts: frozenset[str]
    victim: str | None
    units: dict[str, list[Unit]] = field(default_factory=lambda: defaultdict(list))
    paid_in: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    paid_out: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    held: dict[str, set[tuple[str, int]]] = field(default_factory=lambda: defaultdict(set))
    edges: list[Edge] = field(default_factory=list)
    exited: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    pooled: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    returned: int = 0
    awarded: int = 0
    spent: dict[int, list[int]] = field(default_factory=dict)
    ours: set[tuple[str, str]] = field(default_factory=set)
    brought: dict[str, tuple[str, list[Unit]]] = field(default_factory=dict)

    def open(self, opening: OpeningBalance) -> None:
        if not opening.kind.is_exit:
            self.units[opening.account_id] = [Unit(number) for number in range(opening.amount)]
            self.paid_in[opening.account_id] = opening.amount

    def hold(self, hold_id: str, account: str, lo: int, hi: int) -> None:
        self.ours.add((account, hold_id))
        self.held[hold_id] |= {(account, number) for number in range(lo, hi)}

    def release(self, hold_id: str, lo: int, hi: int) -> None:
        self.held[hold_id] = {
            (account, number) for account, number in self.held[hold_id] if not lo <= number < hi
        }

    def awards(self, transfer: PostedTransfer) -> bool:
        ours = (transfer.src, transfer.hold_id or "") in self.ours
        return ours and transfer.dst_kind is AccountKind.WALLET

    def post(self, transfer: PostedTransfer) -> None:
        src, dst = transfer.src, transfer.dst
        if src == dst:
            return
        moved = self._take(transfer)
        self.spent[transfer.seq] = [unit.number for unit in moved]
        first = self.paid_in[dst]
        self.paid_in[dst] += len(moved)
        stolen = transfer.transfer_id in self.thefts

        def run(entry: tuple[int, Unit]) -> object:
            index, unit = entry
            return (unit.number - index, unit.number < 0, None if stolen else unit.lot)

        arrived = []
        for _, group in groupby(enumerate(moved), key=run):
            entries = list(group)
            index, unit = entries[0]
            lot: tuple[int, int] | None = None
            hop = 0
            if stolen or unit.lot is not None:
                hop = 0 if stolen else unit.hop + 1
                lot = (transfer.seq, unit.number)
                self._edge(transfer, unit.number, len(entries), first + index, hop)
            arrived += [Unit(first + offset, lot, hop) for offset, _ in entries]
        clean_again = [Unit(unit.number) for unit in arrived]
        kept = dst == self.victim or self.awards(transfer)
        self.brought[transfer.transfer_id] = (dst, clean_again if kept else list(arrived))
        self._arrive(transfer, arrived)

    def stolen_lying(self) -> dict[str, int]:
        counts = {
            account: sum(1 for unit in units if unit.lot is not None) for account, units in self.units.items()
        }
        return {account: count for account, count in counts.items() if count}

    def _take(self, transfer: PostedTransfer) -> list[Unit]:
        src = transfer.src
        payee, same_money = self.brought.get(transfer.reverses or "", ("", []))
        if payee != src:
            same_money = []
        if transfer.src_kind.is_exit:
            given_back = same_money[: transfer.amount]
            del same_money[: transfer.amount]
            if src != self.victim:
                self.exited[src] -= sum(1 for unit in given_back if unit.lot is not None)
            first = self.paid_out[src]
            rest = transfer.amount - len(given_back)
            self.paid_out[src] += rest
            # Numbered below zero, where nothing is ever paid in.
            return [*(Unit(index - first - rest) for index in range(rest)), *given_back]
        undone = {unit.number for unit in same_money}
        own = self.held.get(transfer.hold_id or "", set())
        kept = set().union(*self.held.values()) if self.held else set()

        def turn(unit: Unit) -> tuple[int, int]:
            named = (src, unit.number)
            if named in own:
                return (0, unit.number)
            if named in kept:
                return (3, unit.number)
            return (1 if unit.number in undone else 2, unit.number)

        queue = sorted(self.units[src], key=turn)
        assert len(queue) >= transfer.amount, f"{src} is short at {transfer.seq}"
        moved = sorted(queue[: transfer.amount], key=lambda unit: unit.number)
        numbers = {unit.number for unit in moved}
        self.units[src] = [unit for unit in self.units[src] if unit.number not in numbers]
        return moved

    def _arrive(self, transfer: PostedTransfer, arrived: list[Unit]) -> None:
        stolen = sum(1 for unit in arrived if unit.lot is not None)
        if transfer.dst == self.victim:
            self.returned += stolen
        elif transfer.dst_kind is AccountKind.POOLING:
            self.pooled[transfer.dst] += stolen
        elif transfer.dst_kind.is_exit:
            self.exited[transfer.dst] += stolen
            return
        elif self.awards(transfer):
            self.awarded += stolen
            arrived = [Unit(unit.number) for unit in arrived]
        if transfer.dst == self.victim or transfer.dst_kind is not AccountKind.WALLET:
            arrived = [Unit(unit.number) for unit in arrived]
        self.units[transfer.dst] += arrived

    def _edge(self, transfer: PostedTransfer, src_lo: int, amount: int, dst_lo: int, hop: int) -> None:
        kind = "awarded" if self.awards(transfer) else transfer.dst_kind.value
        src_hi = src_lo + amount
        self.edges.append(
            Edge(
                transfer.seq,
                transfer.transfer_id,
                transfer.src,
                transfer.dst,
                kind,
                src_lo,
                src_hi,
                dst_lo,
                hop,
            )
        )
