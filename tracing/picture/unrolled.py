"""A trace as bars and links: an account stands once for every hop at which stolen money reached it.

Unrolled like this the flow has no cycles, however often money comes back to an account. Under first in, first out each
bar balances by itself, because the units are known. Under the other rules money of an account is one sum: what came
later, over more hops, joins what was there, and a bar says how much of it did (`Cell.JOINED`).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from models.contracts.transfers import AccountKind
from tracing.places import Place, place_of
from tracing.result import Trace


class Look(StrEnum):
    """What a bar is: what people tell accounts apart by."""

    VICTIM = "victim"
    WALLET = "wallet"
    POOLING = "pooling"
    BANK = "bank"
    CARD = "card"
    CASH = "cash"
    CRYPTO = "crypto"
    MERCHANT = "merchant"
    FEE = "fee"
    OUTSIDE = "outside"
    AWARDED = "awarded"
    RETURNED = "returned"
    LATER = "later"  # all hops that got no column of their own


class Cell(StrEnum):
    """What became of the part of a bar that no transfer carried on."""

    HELD = "held"
    EXITED = "exited"
    POOLED = "pooled"
    RETURNED = "returned"
    PRUNED = "pruned"
    JOINED = "joined"


class BarKey(NamedTuple):
    """Which bar: `column` 0 is the victim, column h + 1 what transfers of hop h reached."""

    column: int
    account_id: str
    look: Look


@dataclass(slots=True)
class Bar:
    """One account at one hop, or `accounts` of them folded into one. Minor units, all of them stolen."""

    key: BarKey
    accounts: int = 1
    received: int = 0
    sent: int = 0
    rests: Counter[Cell] = field(default_factory=Counter)

    @property
    def amount(self) -> int:
        """What the height of the bar stands for."""
        return max(self.received, self.sent + sum(self.rests.values()))


@dataclass(frozen=True, slots=True)
class Unrolled:
    """Bars by key, and what each pair of neighbours moved: (amount, transfers)."""

    bars: dict[BarKey, Bar]
    links: dict[tuple[BarKey, BarKey], tuple[int, int]]
    last_hop: int


def unroll(trace: Trace) -> Unrolled:
    """The whole trace, nothing folded. Raises ArithmeticError where a unit would be missing or drawn twice."""
    bars: dict[BarKey, Bar] = {}
    moved: dict[tuple[BarKey, BarKey], list[int]] = {}
    looks = _looks(trace)

    def bar(account_id: str, column: int, kind: str = "") -> Bar:
        look = Look.VICTIM if column == 0 else _look(account_id, kind, looks)
        key = BarKey(column, account_id, look)
        return bars.setdefault(key, Bar(key))

    bar(trace.victim, 0).received = trace.flow.stolen
    for step in trace.units or trace.carried:
        source, target = bar(step.src, step.hop), bar(step.dst, step.hop + 1, step.dst_kind)
        source.sent += step.amount
        target.received += step.amount
        link = moved.setdefault((source.key, target.key), [0, 0])
        link[0] += step.amount
        link[1] += 1
    _rest(trace, bars)
    links = {pair: (amount, count) for pair, (amount, count) in moved.items()}
    # Of a transfer that carried several lots `carried` tells the least hop; every lot has a bar of its own.
    return Unrolled(bars, links, max((step.hop for step in trace.units or trace.carried), default=0))


def _looks(trace: Trace) -> dict[str, Look]:
    """What each account is, at every hop but the victim's own column."""
    looks = {}
    for step in trace.carried:
        kind = AccountKind(step.dst_kind)
        returned = place_of(step.dst, kind, trace.victim) is Place.RETURNED
        if returned or kind is not AccountKind.AWARDED:
            looks[step.dst] = Look.RETURNED if returned else Look(kind.value)
    return looks


def _look(account_id: str, kind: str, looks: dict[str, Look]) -> Look:
    """What was awarded stands by itself: the same account may hold stolen money beside it."""
    own = looks.get(account_id, Look.AWARDED)
    return Look.AWARDED if kind == AccountKind.AWARDED and own is not Look.RETURNED else own


def _rest(trace: Trace, bars: dict[BarKey, Bar]) -> None:
    """Share out what was not carried on: to where it rests, first at the hop the trace says."""
    resting: dict[tuple[str, bool, Cell], Counter[int]] = defaultdict(Counter)
    for rest in trace.resting:
        awarded = rest.place is Place.EXITED and rest.account_kind is AccountKind.AWARDED
        resting[(rest.account_id, awarded, Cell(rest.place.value))][rest.hop + 1] += rest.amount
    by_account: dict[tuple[str, bool, bool], list[Bar]] = defaultdict(list)
    for key in sorted(bars):
        by_account[(key.account_id, key.look is Look.AWARDED, key.column == 0)].append(bars[key])
    for (account_id, awarded, is_start), of_account in by_account.items():
        free = _joined(of_account)
        for cell in () if is_start else Cell:
            wanted = resting.pop((account_id, awarded, cell), Counter())
            for each in sorted(of_account, key=lambda bar: (not wanted[bar.key.column], bar.key.column)):
                own = wanted[each.key.column] or sum(wanted.values())
                taken = min(own, free[each.key], sum(wanted.values()))
                _take(wanted, each.key.column, taken)
                free[each.key] -= taken
                each.rests[cell] += taken
            if any(wanted.values()):
                raise ArithmeticError(f"more rests at {account_id} than came there")
        for each in of_account:
            each.rests[Cell.PRUNED] += free[each.key]
    pruned = sum(bar.rests[Cell.PRUNED] for bar in bars.values())
    if resting or pruned != trace.flow.pruned:
        raise ArithmeticError(f"{pruned} units have no place in the picture, {trace.flow.pruned} were pruned")
    for bar in bars.values():
        bar.rests = +bar.rests


def _joined(of_account: list[Bar]) -> dict[BarKey, int]:
    """What each bar has left once bars that sent more than they received got it from the others."""
    free = {bar.key: bar.received - bar.sent for bar in of_account}
    for short in of_account:
        for bar in of_account:
            lack = -free[short.key]
            if lack > 0 and free[bar.key] > 0:
                given = min(lack, free[bar.key])
                bar.rests[Cell.JOINED] += given
                free[bar.key] -= given
                free[short.key] += given
        if free[short.key] < 0:
            raise ArithmeticError(f"{short.key.account_id} sent more stolen money than came there")
    return free


def _take(wanted: Counter[int], column: int, amount: int) -> None:
    """Count `amount` off, from its own column first."""
    for each in sorted(wanted, key=lambda other: (other != column, other)):
        part = min(amount, wanted[each])
        wanted[each] -= part
        amount -= part
