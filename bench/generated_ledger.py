"""A seeded, heavy-tailed ledger of any size with thefts in it: for the benchmarks and for tests at scale.

Few accounts make most of the payments, amounts have a long tail, one hub sees every eighth transfer, money comes in by bank
and leaves to merchants, banks, cash and crypto. Openings are the least that keep every account from going negative, so
stolen money is soon paid on. Rows are kept as plain integers and become messages only when a page is asked for.
"""

from __future__ import annotations

import heapq
from array import array
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random

from models.contracts.transfers import AccountKind, OpeningBalance, PostedTransfer
from tracing.ports import TransferPage

CURRENCY = "EUR"
START = datetime(2026, 1, 1, tzinfo=UTC)
DAYS = 90
HUB = 0
_EXITS = (
    [AccountKind.MERCHANT] * 60
    + [AccountKind.BANK] * 8
    + [AccountKind.CASH] * 6
    + [AccountKind.CRYPTO] * 4
    + [AccountKind.CARD] * 2
)


@dataclass(frozen=True)
class TheftPlan:
    """A theft of `amount`, laundered through `layers` layers of mules, each splitting in `split`.

    Without layers it goes straight into the hub, which pays it on to everybody: the worst there is.
    """

    name: str
    amount: int
    layers: int
    split: int


SMALL = TheftPlan("S", 800_000, 3, 2)
MIDDLE = TheftPlan("M", 20_000_000, 4, 3)
LARGE = TheftPlan("L", 900_000_000, 4, 5)


def hub_theft(size: int) -> TheftPlan:
    """A theft as large as all that the hub of a ledger of this size pays out in about thirty days."""
    return TheftPlan("HUB", size * 180, 0, 0)


@dataclass
class GeneratedLedger:
    """`size` transfers of about `size` / 10 accounts. The thefts are at about a third of it."""

    size: int
    seed: int = 1
    plans: Sequence[TheftPlan] = (SMALL, MIDDLE, LARGE)
    thefts: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.wallets = max(self.size // 10, 50)
        self.kinds = [AccountKind.WALLET] * self.wallets + _EXITS
        self.src, self.dst, self.amount = array("i"), array("i"), array("q")
        self._random = Random(self.seed)
        self._due: list[tuple[int, int, int, int, int, int]] = []
        self._fresh = self.wallets // 2
        self._generate()
        self.opening = self._least_openings()

    def name(self, account: int) -> str:
        """The account's id: opaque, as a wallet's are."""
        return f"acct-{account:08d}"

    def theft_id(self, plan: TheftPlan) -> str:
        """The transfer id of a planned theft."""
        return f"tx-{self.thefts[plan.name]}"

    def transfer(self, seq: int) -> PostedTransfer:
        """One posting."""
        src, dst = self.src[seq - 1], self.dst[seq - 1]
        return PostedTransfer(
            seq=seq,
            transfer_id=f"tx-{seq}",
            src=self.name(src),
            dst=self.name(dst),
            src_kind=self.kinds[src],
            dst_kind=self.kinds[dst],
            amount=self.amount[seq - 1],
            currency=CURRENCY,
            posted_at=START + timedelta(days=DAYS) * (seq / self.size),
        )

    async def openings(self) -> AsyncIterator[Sequence[OpeningBalance]]:
        """As tracing.ports.TransferSource."""
        for first in range(0, len(self.kinds), 10_000):
            last = min(first + 10_000, len(self.kinds))
            yield [
                OpeningBalance(
                    account_id=self.name(account),
                    kind=self.kinds[account],
                    currency=CURRENCY,
                    amount=self.opening[account],
                )
                for account in range(first, last)
            ]

    async def after(self, seq: int, limit: int) -> TransferPage:
        """As tracing.ports.TransferSource."""
        last = min(seq + limit, len(self.src))
        rows = tuple(self.transfer(number) for number in range(seq + 1, last + 1))
        head_at = START + timedelta(days=DAYS)
        return TransferPage.model_construct(transfers=rows, head_seq=len(self.src), head_at=head_at)

    def _generate(self) -> None:
        starts = {self.size // 3 + number * 7: plan for number, plan in enumerate(self.plans)}
        while len(self.src) < self.size:
            seq = len(self.src) + 1
            plan = starts.pop(seq, None)
            if plan is not None:
                self._steal(plan)
            elif self._due and self._due[0][0] <= seq:
                self._launder(*heapq.heappop(self._due)[1:])
            else:
                self._post(*self._ordinary())

    def _post(self, src: int, dst: int, amount: int) -> int:
        self.src.append(src)
        self.dst.append(dst)
        self.amount.append(amount)
        return len(self.src)

    def _ordinary(self) -> tuple[int, int, int]:
        random = self._random
        amount = min(int(random.lognormvariate(7.5, 1.3)) + 1, 5_000_000)
        draw = random.random()
        payer = self._somebody()
        if draw < 0.125:
            return payer, HUB, amount
        if draw < 0.25:
            return HUB, self._somebody(), amount
        if draw < 0.5:
            near = (payer + random.randint(1, 40)) % (self.wallets // 2)
            return payer, near, amount
        if draw < 0.65:
            return self.wallets + 60 + random.randrange(8), payer, amount * 3
        return payer, self._exit(), amount

    def _somebody(self) -> int:
        """An account of the older half; the n-th is asked about n^-0.8 as often as the first."""
        return int((self.wallets // 2) * self._random.random() ** 3)

    def _exit(self) -> int:
        return self.wallets + int(len(_EXITS) * self._random.random() ** 1.5)

    def _mule(self) -> int:
        """Six in ten are wallets nobody used before."""
        if self._random.random() < 0.6 and self._fresh < self.wallets - 1:
            self._fresh += 1
            return self._fresh
        return self.wallets // 4 + self._random.randrange(self.wallets // 4)

    def _steal(self, plan: TheftPlan) -> None:
        victim, mule = self._somebody() + 1, self._mule() if plan.layers else HUB
        self.thefts[plan.name] = self._post(victim, mule, plan.amount)
        if plan.layers:
            self._split(mule, plan.amount, plan.layers, plan.split)

    def _split(self, mule: int, amount: int, layers: int, split: int) -> None:
        """Plan the mule's payments: most of what it got, within three days."""
        horizon = max(self.size // 30, 10)
        shares = [amount * 9 // (10 * split)] * split
        for share in shares:
            if share > 0:
                due = len(self.src) + self._random.randint(1, horizon)
                heapq.heappush(self._due, (due, len(self._due), mule, share, layers, split))

    def _launder(self, _: int, mule: int, amount: int, layers: int, split: int) -> None:
        if layers == 0 or self._random.random() < 0.1:
            self._post(mule, self._exit(), amount)
            return
        following = self._mule()
        self._post(mule, following, amount)
        self._split(following, amount, layers - 1, split)

    def _least_openings(self) -> array[int]:
        now, lowest = array("q", bytes(8 * len(self.kinds))), array("q", bytes(8 * len(self.kinds)))
        holds = [not kind.is_exit for kind in self.kinds]
        for src, dst, amount in zip(self.src, self.dst, self.amount, strict=True):
            if src != dst:
                now[dst] += amount
                now[src] -= amount
                if holds[src] and now[src] < lowest[src]:
                    lowest[src] = now[src]
        return array("q", (-low for low in lowest))
