"""Holds and limits under the rules without units, on piles of single units: every posting of every account. Written for the tests only.

A pile is the account's balance, newest on top. A hold marks stolen units of it; they stay in the pile.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from models.contracts.transfers import AccountKind, OpeningBalance, PostedTransfer
from tracing.result import Limits, PruneReason
from tracing.rules import Rule


@dataclass(eq=False, slots=True)
class Coin:
    """One minor unit."""

    stolen: bool
    hold: str | None = None


@dataclass
class Piles:
    """Follows thefts while it posts; told of holds as they begin and end."""

    rule: Rule
    victim: str
    thefts: set[str] = field(default_factory=set)
    piles: dict[str, list[Coin]] = field(default_factory=lambda: defaultdict(list))
    edges: list[tuple[int, str, str, int]] = field(default_factory=list)
    owed: dict[str, tuple[str, int]] = field(default_factory=dict)
    ours: set[tuple[str, str]] = field(default_factory=set)
    awarded: int = 0
    returned: int = 0
    limits: Limits = field(default_factory=Limits)
    pruned: dict[PruneReason, list[int]] = field(default_factory=lambda: defaultdict(list))

    def open(self, opening: OpeningBalance) -> None:
        self.piles[opening.account_id] = [Coin(stolen=False) for _ in range(opening.amount)]

    def free(self, account: str) -> list[Coin]:
        return [coin for coin in self.piles[account] if coin.hold is None]

    def stolen(self, account: str) -> int:
        return sum(coin.stolen for coin in self.piles[account])

    def stolen_free(self, account: str) -> int:
        return sum(coin.stolen for coin in self.free(account))

    def hold(self, account: str, hold: str, amount: int) -> None:
        self.ours.add((account, hold))
        newest = [coin for coin in reversed(self.free(account)) if coin.stolen]
        for coin in newest[:amount]:
            coin.hold = hold

    def held(self, account: str, hold: str) -> list[Coin]:
        return [coin for coin in self.piles[account] if coin.hold == hold]

    def release(self, account: str, hold: str, amount: int) -> None:
        for coin in list(reversed(self.held(account, hold)))[:amount]:
            coin.hold = None

    def post(self, transfer: PostedTransfer) -> None:
        src, dst = transfer.src, transfer.dst
        if src == dst:
            return
        if transfer.src_kind.is_exit:
            moved = [Coin(stolen=False) for _ in range(transfer.amount)]
        else:
            moved = self._pay(transfer)
            gone = set(moved)
            self.piles[src] = [coin for coin in self.piles[src] if coin not in gone]
        theft = transfer.transfer_id in self.thefts
        flags = [theft or coin.stolen for coin in moved]
        awarded = (src, transfer.hold_id) in self.ours and transfer.dst_kind is AccountKind.WALLET
        followed = transfer.dst_kind is AccountKind.WALLET and dst != self.victim and not awarded
        if any(flags) and not theft and (reason := self._cut(transfer.seq)) is not None:
            self.pruned[reason].append(sum(flags))
            flags = [False] * len(flags)
        if any(flags):
            self.edges.append((transfer.seq, src, dst, sum(flags)))
            if not awarded:
                self.owed[transfer.transfer_id] = (dst, sum(flags))
        self.returned += sum(flags) if dst == self.victim else 0
        self.awarded += sum(flags) if awarded and dst != self.victim else 0
        if not transfer.dst_kind.is_exit:
            if followed and 0 < sum(flags) <= self.limits.dust:
                self.pruned[PruneReason.DUST].append(sum(flags))
                followed = False
            self.piles[dst] += [Coin(stolen=flag and followed) for flag in flags]

    def _cut(self, seq: int) -> PruneReason | None:
        if self.limits.horizon_seq is not None and seq > self.limits.horizon_seq:
            return PruneReason.HORIZON
        full = self.limits.max_edges is not None and len(self.edges) >= self.limits.max_edges
        return PruneReason.MAX_EDGES if full else None

    def _pay(self, transfer: PostedTransfer) -> list[Coin]:
        pile, rest = self.piles[transfer.src], transfer.amount
        assert len(pile) >= rest
        moved: list[Coin] = []

        def take(coins: Iterable[Coin], most: int) -> int:
            chosen = set([coin for coin in coins if coin not in moved][:most])
            moved.extend(coin for coin in pile if coin in chosen)
            return len(chosen)

        newest = list(reversed(pile))
        if transfer.hold_id is not None:
            rest -= take([coin for coin in newest if coin.hold == transfer.hold_id], rest)
        payee, owed = self.owed.get(transfer.reverses or "", ("", 0))
        if payee == transfer.src:
            back = take([coin for coin in newest if coin.stolen and coin.hold is None], min(rest, owed))
            self.owed[transfer.reverses or ""] = (payee, owed - back)
            rest -= back
        free = [coin for coin in newest if coin.hold is None and coin not in moved]
        amount = min(rest, len(free))
        if self.rule is Rule.LIFO:
            take(free, amount)
        elif amount:
            stolen = sum(coin.stolen for coin in free)
            least, most = max(0, stolen - (len(free) - amount)), min(stolen, amount)
            share = (2 * stolen * amount + len(free)) // (2 * len(free))
            part = {Rule.LIBR: least, Rule.DIRTY_FIRST: most, Rule.PRO_RATA: max(least, min(most, share))}[
                self.rule
            ]
            take([coin for coin in free if coin.stolen], part)
            take([coin for coin in free if not coin.stolen], amount - part)
        # What is short still leaves the holds: the oldest hold first, of each the newest unit.
        take([coin for coin in newest if coin.hold is not None], rest - amount)
        return moved
