"""The rules that know no units: a walk through the payments of stained accounts, in posting order.

The sweep asks for rows and is fed; it reads nothing itself, so that memory, SQLite and PostgreSQL are driven alike. It
reads each payment of an account only while stolen money lies there: cost is rows read, not the size of the ledger.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from dataclasses import replace
from heapq import heappop, heappush

from models.contracts.transfers import AccountKind
from tracing.intervals import Interval, total
from tracing.outflows import HoldChange, Outflow
from tracing.places import Place, place_of
from tracing.result import Carried, Limits, Pruned, PruneReason, Resting
from tracing.rules import Rule
from tracing.taint import Stain, stain


class _Account:
    """A stained account: its stain, the payments of it that were read and not yet taken, and how far reading went."""

    __slots__ = ("hop", "last_seq", "read_upto", "rows", "stain", "whole")

    def __init__(self, rule: Rule) -> None:
        self.stain: Stain = stain(rule)
        self.rows: deque[Outflow] = deque()
        self.read_upto = 0
        self.whole = False
        self.hop = 0
        self.last_seq = 0


class Sweep:
    """Follows thefts under one of the rules that know no units.

    Use: while not `done`: for each account in `needs()`, `feed` it with its payments after the posting named there, in
    posting order, `exhausted` when there are no more up to the trace's end.
    """

    def __init__(
        self,
        rule: Rule,
        *,
        thefts: Iterable[Outflow],
        victim: str,
        upto_seq: int,
        limits: Limits,
        given_back: Iterable[Outflow] = (),
        holds: Iterable[HoldChange] = (),
    ) -> None:
        if rule is Rule.FIFO:
            raise ValueError("first in, first out is traced by units, not swept")
        self.carried: list[Carried] = []
        self.pruned: dict[PruneReason, Pruned] = {}
        self._rule = rule
        self._victim = victim
        self._upto_seq = upto_seq
        self._limits = limits
        self._accounts: dict[str, _Account] = {}
        self._elsewhere: dict[tuple[str, str], Resting] = {}
        self._carried_by: dict[str, Carried] = {}
        self._kinds: dict[str, str] = {}
        self._thefts = {row.seq: row for row in thefts if row.seq <= upto_seq and row.src != row.dst}
        self._given_back = {row.seq: row for row in given_back if row.seq <= upto_seq}
        self._due: list[tuple[int, str]] = [(seq, "") for seq in sorted({**self._thefts, **self._given_back})]
        self._waiting: set[str] = set()
        self._holds: dict[str, deque[HoldChange]] = defaultdict(deque)
        for change in sorted(holds, key=lambda change: (change.after_seq, change.amount < 0)):
            self._holds[change.account_id].append(change)

    @property
    def done(self) -> bool:
        """Whether everything up to the trace's end was followed."""
        return not self._due and not self._waiting

    def needs(self) -> dict[str, int]:
        """Accounts whose payments must be read next, and the posting after which."""
        return {account_id: self._accounts[account_id].read_upto for account_id in sorted(self._waiting)}

    def feed(self, account_id: str, rows: Sequence[Outflow], *, exhausted: bool) -> None:
        """Payments of one account; goes on as far as they allow."""
        account = self._accounts[account_id]
        account.rows.extend(rows)
        account.whole = exhausted
        if rows:
            account.read_upto = rows[-1].seq
        self._waiting.discard(account_id)
        self._await(account_id)
        self.advance()

    def advance(self) -> None:
        """Take posting after posting until rows are missing."""
        while self._due and not self._waiting:
            seq, account_id = heappop(self._due)
            if not account_id:
                if seq in self._thefts:
                    row = self._thefts[seq]
                    self._carry(row, [(0, row.amount)], 0)
                else:
                    self._give_back(self._given_back[seq])
                continue
            account = self._accounts[account_id]
            if not account.rows or account.rows[0].seq != seq:
                continue  # dropped or taken meanwhile
            self._pay(account_id, account, account.rows.popleft())
            self._await(account_id)

    def resting(self) -> list[Resting]:
        """Where stolen money lies at the end, by account."""
        lying = [
            Resting(
                account_id,
                AccountKind.WALLET,
                Place.HELD,
                account.stain.amount,
                account.hop,
                account.last_seq,
            )
            for account_id, account in self._accounts.items()
            if account.stain.amount
        ]
        elsewhere = [lot for lot in self._elsewhere.values() if lot.amount]
        return sorted([*lying, *elsewhere], key=lambda lot: (lot.account_id, lot.account_kind))

    def _await(self, account_id: str) -> None:
        """Put the account's next payment on the list, or ask for more rows; nothing while no stolen money lies there."""
        account = self._accounts[account_id]
        if not account.stain.amount:
            return
        if account.rows:
            heappush(self._due, (account.rows[0].seq, account_id))
        elif not account.whole:
            self._waiting.add(account_id)

    def _settle_holds(self, account_id: str, account: _Account, seq: int) -> None:
        """Apply what holds changed before posting `seq`."""
        pending = self._holds.get(account_id)
        while pending and pending[0].after_seq < seq:
            change = pending.popleft()
            if not change.stolen:
                account.stain.hold_of_others(change.hold_id, change.amount)
            elif change.amount > 0:
                account.stain.hold(change.hold_id, change.amount)
            else:
                account.stain.release(change.hold_id, -change.amount)

    def _pay(self, account_id: str, account: _Account, row: Outflow) -> None:
        """One payment out of a stained account."""
        self._settle_holds(account_id, account, row.seq)
        undone = self._undone(row)
        before = row.src_balance_after + row.amount
        payment = account.stain.pay(row.amount, before, row.hold_id, undone.amount if undone else 0)
        if undone is not None:
            # The same money goes back first, and only once.
            rest = undone.amount - payment.undone
            self._carried_by[undone.transfer_id] = undone._replace(amount=rest)
        stolen = total(payment.pieces)
        if not stolen:
            return
        reason = self._not_followed(row.seq)
        if reason is not None:
            self._prune(reason, stolen)
            return
        self._carry(row, payment.pieces, account.hop + 1)

    def _undone(self, row: Outflow) -> Carried | None:
        """What the transfer that this payment reverses had carried to this payer, less what was given back of it."""
        carried = None if row.reverses is None else self._carried_by.get(row.reverses)
        if carried is None or not carried.amount or carried.dst != row.src:
            return None
        return None if carried.dst_kind == AccountKind.AWARDED else carried

    def _give_back(self, row: Outflow) -> None:
        """An exit gives back a transfer that had carried stolen money: that money first."""
        undone = self._undone(row)
        if undone is None or undone.dst == self._victim:
            return
        amount = min(row.amount, undone.amount)
        reason = self._not_followed(row.seq)
        key = (undone.dst, undone.dst_kind)
        at_exit = self._elsewhere[key]
        self._elsewhere[key] = replace(at_exit, amount=at_exit.amount - amount)
        self._carried_by[undone.transfer_id] = undone._replace(amount=undone.amount - amount)
        if reason is not None:
            self._prune(reason, amount)
        else:
            self._carry(row, [(0, amount)], undone.hop + 1)

    def _not_followed(self, seq: int) -> PruneReason | None:
        limits = self._limits
        if limits.horizon_seq is not None and seq > limits.horizon_seq:
            return PruneReason.HORIZON
        if limits.max_edges is not None and len(self.carried) >= limits.max_edges:
            return PruneReason.MAX_EDGES
        return None

    def _prune(self, reason: PruneReason, amount: int) -> None:
        before = self.pruned.get(reason, Pruned(0, 0))
        self.pruned[reason] = Pruned(before.count + 1, before.amount + amount)

    def _carry(self, row: Outflow, pieces: list[Interval], hop: int) -> None:
        """Stolen pieces of this posting arrive."""
        amount = total(pieces)
        kind = AccountKind(row.dst_kind)
        carried = Carried(row.seq, row.transfer_id, row.src, row.dst, row.dst_kind, amount, hop)
        self.carried.append(carried)
        self._carried_by[row.transfer_id] = carried
        place = place_of(row.dst, kind, self._victim)
        if place is not Place.HELD:
            key = (row.dst, row.dst_kind)
            before = self._elsewhere.get(key)
            self._elsewhere[key] = Resting(
                row.dst,
                kind,
                place,
                amount + (before.amount if before else 0),
                min(hop, before.hop) if before else hop,
                row.seq,
            )
            return
        if amount <= self._limits.dust:
            self._prune(PruneReason.DUST, amount)
            return
        self._stain(row, pieces, hop)

    def _stain(self, row: Outflow, pieces: list[Interval], hop: int) -> None:
        account = self._accounts.get(row.dst)
        if account is None:
            account = self._accounts[row.dst] = _Account(self._rule)
            account.read_upto = row.seq
        new = not account.stain.amount
        self._settle_holds(row.dst, account, row.seq)
        account.stain.receive(pieces, row.dst_balance_before)
        account.hop = hop if new else min(hop, account.hop)
        account.last_seq = row.seq
        if new:
            # What it paid while no stolen money lay there was read for nothing, or not at all.
            while account.rows and account.rows[0].seq <= row.seq:
                account.rows.popleft()
            if not account.rows:
                account.read_upto = max(account.read_upto, row.seq)
            self._await(row.dst)
