"""Gives posted transfers their positions, one after the other: the only thing a ledger needs to be traced first in, first out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from models.contracts.base import MAX_AMOUNT
from models.contracts.transfers import AccountKind, OpeningBalance, PostedTransfer
from tracing.intervals import Interval, subtract
from tracing.positions import AccountQueue, Shortage

AccountKey = tuple[str, str]
"""(account id, currency)."""


class Part(NamedTuple):
    """A transfer, or the part of it that spent units [out_pos, out_pos + amount). Both None: a self transfer.

    The balances are those of the whole posting, money on hold included: the payer's right after it (None for an exit, which
    has none), the payee's right before it.
    """

    part: int
    amount: int
    out_pos: int | None
    in_pos: int | None
    src_balance_after: int | None = None
    dst_balance_before: int | None = None


class Row(NamedTuple):
    """One part of one transfer, as the statement reads it."""

    seq: int
    part: int
    transfer_id: str
    src: str
    dst: str
    src_kind: str
    dst_kind: str
    currency: str
    amount: int
    out_pos: int | None
    in_pos: int | None
    src_balance_after: int | None = None
    dst_balance_before: int | None = None
    reverses: str | None = None
    hold_id: str | None = None
    undone: bool = False
    """Whether some posting says that it reverses this one. Never of what was awarded: that is followed no further."""


class ShortAccount(Exception):
    """A wallet or pooling account would go negative at posting `seq`: `missing` opening units are unknown."""

    def __init__(self, account_id: str, currency: str, seq: int, missing: int) -> None:
        super().__init__(f"account {account_id} lacks {missing} {currency} at posting {seq}")
        self.account_id = account_id
        self.currency = currency
        self.seq = seq
        self.missing = missing


class AxisFull(Exception):
    """Posting `seq` would take the account past the largest position, 2^63 - 1."""

    def __init__(self, account_id: str, seq: int) -> None:
        super().__init__(f"account {account_id} would pass 2^63-1 units at posting {seq}")
        self.account_id = account_id
        self.seq = seq


class Book:
    """The queues of many accounts. Nothing changes when `post` raises."""

    def __init__(self) -> None:
        self.queues: dict[AccountKey, AccountQueue] = {}

    def open(self, opening: OpeningBalance) -> None:
        """Open an account with what it held before posting 1. Exits hold nothing, whatever was stated."""
        amount = 0 if opening.kind.is_exit else opening.amount
        self.queues[(opening.account_id, opening.currency)] = AccountQueue(amount)

    def queue(self, account_id: str, currency: str) -> AccountQueue:
        """The account's queue; an account nobody opened starts empty."""
        key = (account_id, currency)
        queue = self.queues.get(key)
        if queue is None:
            queue = self.queues[key] = AccountQueue()
        return queue

    def post(self, transfer: PostedTransfer, undone: Sequence[Interval] = ()) -> list[Part]:
        """Positions of one transfer; usually one part.

        `undone`: where the transfer reverses another, the units which that one had paid in at this payer, less those that
        earlier reversals of it took. They go back first, whoever's they are: if it depended on whose theft is traced, two
        victims' units could be the same.
        Raises ShortAccount when a wallet or pooling account would go negative, AxisFull when a position does not fit.
        """
        amount = transfer.amount
        if transfer.src == transfer.dst:
            return [Part(0, amount, None, None)]
        payer = self.queue(transfer.src, transfer.currency)
        payee = self.queue(transfer.dst, transfer.currency)
        if payee.end + amount > MAX_AMOUNT:
            raise AxisFull(transfer.dst, transfer.seq)
        if transfer.src_kind.is_exit:
            if payer.frontier + amount > MAX_AMOUNT:
                raise AxisFull(transfer.src, transfer.seq)
            spent = payer.overdraw(amount, undone)
        else:
            try:
                spent = payer.spend(amount, transfer.hold_id, undone)
            except Shortage as shortage:
                raise ShortAccount(
                    transfer.src, transfer.currency, transfer.seq, shortage.missing
                ) from shortage
        left = None if transfer.src_kind.is_exit else payer.balance
        before = 0 if transfer.dst_kind.is_exit else payee.balance
        in_pos = payee.deposit(amount)
        if len(spent) == 1:
            return [Part(0, amount, spent[0][0], in_pos, left, before)]
        parts = []
        for number, (lo, hi) in enumerate(spent):
            parts.append(Part(number, hi - lo, lo, in_pos, left, before))
            in_pos += hi - lo
        return parts


def rows(transfers: Iterable[PostedTransfer], openings: Iterable[OpeningBalance]) -> list[Row]:
    """Positions of a whole ledger whose openings cover every payment (see tracing.openings).

    A transfer that reverses an earlier one of its payer's gives the same money back first; one that reverses a transfer
    nobody knows, or that never reached its payer, is an ordinary payment.
    """
    book = Book()
    for opening in openings:
        book.open(opening)
    posted = list(transfers)
    undone = {transfer.reverses for transfer in posted if transfer.reverses is not None}
    paid_in: dict[str | None, tuple[str, list[Interval]]] = {}
    found: list[Row] = []
    for transfer in posted:
        payee, units = paid_in.get(transfer.reverses, ("", []))
        own = payee == transfer.src
        parts = book.post(transfer, units if own else ())
        if own:
            paid_in[transfer.reverses] = (payee, subtract(units, units_paid_out(parts)))
        if transfer.transfer_id in undone:
            paid_in[transfer.transfer_id] = (transfer.dst, units_paid_in(parts))
        found += rows_of(transfer, parts, undone=transfer.transfer_id in undone)
    return found


def units_paid_out(parts: Iterable[Part]) -> list[Interval]:
    """The units of the payer's axis that these parts of one transfer spent."""
    return [(part.out_pos, part.out_pos + part.amount) for part in parts if part.out_pos is not None]


def units_paid_in(parts: Iterable[Part]) -> list[Interval]:
    """The units of the payee's axis that these parts of one transfer paid in."""
    return [(part.in_pos, part.in_pos + part.amount) for part in parts if part.in_pos is not None]


def arrives_as(transfer: PostedTransfer, *, awarded: bool) -> AccountKind:
    """What its money is where it arrives. `awarded`: it carries money of a hold of ours, which only a decision pays out.

    Only in a wallet account, where the money would be followed, does that make a difference. A hold that is not ours makes
    none at all: what another placer pays out of one nobody here has awarded.
    """
    if awarded and transfer.dst_kind is AccountKind.WALLET:
        return AccountKind.AWARDED
    return transfer.dst_kind


def rows_of(transfer: PostedTransfer, parts: Iterable[Part], *, undone: bool = False) -> list[Row]:
    """A transfer and its parts as rows. Where no hold of ours is known nothing is awarded."""
    return [
        Row(
            transfer.seq,
            part.part,
            transfer.transfer_id,
            transfer.src,
            transfer.dst,
            transfer.src_kind.value,
            transfer.dst_kind.value,
            transfer.currency,
            part.amount,
            part.out_pos,
            part.in_pos,
            part.src_balance_after,
            part.dst_balance_before,
            transfer.reverses,
            transfer.hold_id,
            undone,
        )
        for part in parts
    ]
