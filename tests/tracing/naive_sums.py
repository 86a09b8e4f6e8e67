"""The rules without units on the slowest possible ledger: every posting of every account. Written for the tests only.

It shares nothing with the product: no account is skipped, no balance is read from a row. A balance under LIFO is a pile of
single units, each stolen or not.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from models.contracts.transfers import AccountKind, OpeningBalance, PostedTransfer


@dataclass
class NaiveSums:
    """Follows thefts while it posts; `rule` is the rule's word."""

    rule: str
    thefts: frozenset[str]
    victim: str
    balance: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    stolen: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    pile: dict[str, list[bool]] = field(default_factory=lambda: defaultdict(list))
    hops: dict[str, int] = field(default_factory=dict)
    edges: list[tuple[int, str, str, int, int]] = field(default_factory=list)
    exited: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    pooled: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    returned: int = 0
    carried: dict[str, tuple[str, int, int]] = field(default_factory=dict)

    def open(self, opening: OpeningBalance) -> None:
        if not opening.kind.is_exit:
            self.balance[opening.account_id] = opening.amount
            self.pile[opening.account_id] = [False] * opening.amount

    def post(self, transfer: PostedTransfer) -> None:
        src, dst, amount = transfer.src, transfer.dst, transfer.amount
        if src == dst:
            return
        theft = transfer.transfer_id in self.thefts
        payee, same_money, hop_there = self.carried.get(transfer.reverses or "", ("", 0, 0))
        undone = min(amount, same_money) if payee == src else 0
        slice_ = self._spend(transfer, undone)
        hop = self.hops.get(src, -1) + 1
        if transfer.src_kind.is_exit and transfer.reverses is not None:
            hop = hop_there + 1
        if theft:
            slice_, hop = [True] * amount, 0
        elif undone:
            given_back = sum(slice_) if transfer.src_kind.is_exit else min(undone, sum(slice_))
            self.carried[str(transfer.reverses)] = (payee, same_money - given_back, hop_there)
        moved = sum(slice_)
        if moved:
            self.carried[transfer.transfer_id] = (dst, moved, hop)
        if moved:
            self.edges.append((transfer.seq, src, dst, moved, hop))
        if src in self.hops and not self.stolen[src]:
            del self.hops[src]
        self._arrive(transfer, slice_, moved, hop)

    def _spend(self, transfer: PostedTransfer, undone: int) -> list[bool]:
        src, amount = transfer.src, transfer.amount
        if transfer.src_kind.is_exit:
            if src == self.victim:
                undone = 0
            self.exited[src] -= undone
            return [True] * undone + [False] * (amount - undone)
        first = self._give_back(src, undone)
        return [*first, *self._pay(src, amount - len(first))] if amount > len(first) else first

    def _give_back(self, src: str, undone: int) -> list[bool]:
        """Stolen units, the newest of them, and nothing clean with them."""
        taken = min(undone, self.stolen[src])
        self.stolen[src] -= taken
        self.balance[src] -= taken
        for _ in range(taken):
            if self.rule == "lifo":
                position = len(self.pile[src]) - 1 - self.pile[src][::-1].index(True)
                del self.pile[src][position]
        return [True] * taken

    def _pay(self, src: str, amount: int) -> list[bool]:
        before, stolen = self.balance[src], self.stolen[src]
        left = before - amount
        assert left >= 0
        top = self.pile[src][left:]
        del self.pile[src][left:]
        if self.rule == "lifo":
            part = sum(top)
        elif self.rule == "libr":
            part = max(0, stolen - left)
        elif self.rule == "dirty_first":
            part = min(stolen, amount)
        else:
            exact = (2 * stolen * amount + before) // (2 * before)
            part = min(max(exact, stolen - left, 0), stolen, amount)
        self.balance[src] = left
        self.stolen[src] = stolen - part
        return top if self.rule == "lifo" else [True] * part + [False] * (amount - part)

    def _arrive(self, transfer: PostedTransfer, slice_: list[bool], moved: int, hop: int) -> None:
        dst = transfer.dst
        followed = dst != self.victim and transfer.dst_kind is AccountKind.WALLET
        if dst == self.victim:
            self.returned += moved
        elif transfer.dst_kind is AccountKind.POOLING:
            self.pooled[dst] += moved
        elif transfer.dst_kind.is_exit:
            self.exited[dst] += moved
        if transfer.dst_kind.is_exit:
            return
        self.balance[dst] += transfer.amount
        self.pile[dst] += slice_ if followed else [False] * transfer.amount
        if followed and moved:
            self.hops[dst] = min(hop, self.hops.get(dst, hop))
            self.stolen[dst] += moved
