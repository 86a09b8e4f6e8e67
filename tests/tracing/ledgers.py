"""Small hostile ledgers: few accounts, so that money meets itself; ties, cycles, exits, self transfers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from random import Random

from hypothesis import assume
from hypothesis import strategies as st

from models.contracts.transfers import AccountKind, OpeningBalance, PostedTransfer
from tracing.openings import complete_openings, missing_money

KINDS = {
    "A": AccountKind.WALLET,
    "B": AccountKind.WALLET,
    "C": AccountKind.WALLET,
    "D": AccountKind.WALLET,
    "P": AccountKind.POOLING,
    "X": AccountKind.BANK,
    "Y": AccountKind.MERCHANT,
    "O": AccountKind.OUTSIDE,
}
START = datetime(2026, 3, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Ledger:
    """Transfers in posting order and openings that cover them."""

    transfers: tuple[PostedTransfer, ...]
    openings: tuple[OpeningBalance, ...]

    def thefts(self, random: Random, most: int = 3) -> tuple[str, list[str]]:
        """A victim (an exit only where nobody else paid), and some transfers that left it."""
        moving = [transfer for transfer in self.transfers if transfer.src != transfer.dst]
        payers = [transfer.src for transfer in moving]
        own = [transfer.src for transfer in moving if not transfer.src_kind.is_exit]
        victim = random.choice(own or payers)
        left = [transfer.transfer_id for transfer in moving if transfer.src == victim]
        return victim, random.sample(left, min(len(left), random.randint(1, most)))


def transfer(seq: int, src: str, dst: str, amount: int, **more: object) -> PostedTransfer:
    """One posting, kinds by the account's first letter."""
    fields: dict[str, object] = {
        "seq": seq,
        "transfer_id": f"t{seq}",
        "src": src,
        "dst": dst,
        "src_kind": KINDS[src[0]],
        "dst_kind": KINDS[dst[0]],
        "amount": amount,
        "currency": "EUR",
        "posted_at": START + timedelta(seconds=seq),
    }
    return PostedTransfer.model_validate(fields | more)


def opening(account: str, amount: int, currency: str = "EUR") -> OpeningBalance:
    """What an account held before posting 1."""
    return OpeningBalance(account_id=account, kind=KINDS[account[0]], currency=currency, amount=amount)


def covered(transfers: Iterable[PostedTransfer], given: Iterable[OpeningBalance] = ()) -> Ledger:
    """A ledger with the openings completed."""
    rows, stated = tuple(transfers), tuple(given)
    balances = {(item.account_id, item.currency): item.amount for item in stated if not item.kind.is_exit}
    kinds = {row.src: row.src_kind for row in rows} | {row.dst: row.dst_kind for row in rows}
    return Ledger(rows, tuple(complete_openings(missing_money(rows, balances), stated, kinds)))


def random_ledger(random: Random, length: int = 40, most: int = 9, reversing: float = 0.0) -> Ledger:
    """A ledger of `length` postings between the eight accounts, such a share of them undoing an earlier one."""
    names = list(KINDS)
    rows: list[PostedTransfer] = []
    for seq in range(1, length + 1):
        src = random.choice(names[: random.choice((4, 5, 8))])
        dst = random.choice(names)
        amount = random.randint(1, most)
        if rows and reversing and random.random() < reversing:
            before = random.choice(rows)
            rows.append(transfer(seq, before.dst, before.src, amount, reverses=before.transfer_id))
        else:
            rows.append(transfer(seq, src, dst, amount))
    given = [opening(name, random.randint(0, 12)) for name in random.sample(names[:5], 3)]
    return covered(rows, given)


REVERSING = 25
"""Percent of the moves that undo an earlier posting."""


@st.composite
def ledgers(draw: st.DrawFn, most: int = 25) -> Ledger:
    """The same, for hypothesis to shrink. One number is one posting: drawing many small ones took longer than the tests did."""
    names = list(KINDS)
    openings = draw(st.integers(0, 14**5 - 1))
    rows: list[PostedTransfer] = []
    for seq, move in enumerate(
        draw(st.lists(st.integers(0, 8 * 8 * 9 * 100 - 1), min_size=1, max_size=most)), 1
    ):
        rest, src = divmod(move, 8)
        rest, dst = divmod(rest, 8)
        rest, amount = divmod(rest, 9)
        undone = rest - (100 - REVERSING) + 1
        if 0 < undone < seq:
            # Undoes an earlier posting, in part, whole, or more than whole; perhaps for the second time.
            before = rows[undone - 1]
            rows.append(transfer(seq, before.dst, before.src, amount + 1, reverses=before.transfer_id))
        else:
            rows.append(transfer(seq, names[src], names[dst], amount + 1))
    assume(any(row.src != row.dst for row in rows))
    given = []
    for name in "ABCDP":
        openings, amount = divmod(openings, 14)
        if amount:
            given.append(opening(name, amount - 1))
    return covered(rows, given)


def prefix(ledger: Ledger, upto: int) -> Ledger:
    """The first postings, with the openings of the whole."""
    return replace(ledger, transfers=ledger.transfers[:upto])
