"""Who pays whom and how much: heavy-tailed, seeded, nothing ever negative."""

from __future__ import annotations

from bisect import bisect
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate
from random import Random

from sandbox.wallet.paying import FEE_ACCOUNT, FEE_DIVISOR

MAIN = "CNY"
OTHER = "USD"
OTHER_SHARE = 0.02
PERIOD = timedelta(days=90)
SKEW = 0.9
"""Exponent of the Zipf-like weights: a few accounts do most of the business."""

KINDS = (
    ("wallet", 0.47),
    ("merchant", 0.33),
    ("income", 0.09),
    ("bank", 0.05),
    ("cash", 0.03),
    ("card", 0.02),
    ("crypto", 0.01),
)
BICS = ("BKCHCNBJ", "ICBKCNBJ", "ABOCCNBJ", "PCBCCNBJ", "COMMCNSH", "CMBCCNBS", "CIBKCNBJ", "MSBCCNBJ")


@dataclass(frozen=True)
class Payment:
    """A transfer before it has a number."""

    src: str
    dst: str
    src_kind: str
    dst_kind: str
    amount: int
    currency: str
    posted_at: datetime


def exits() -> dict[str, list[str]]:
    """Every exit of the seeded world by kind; a bank's account name ends with its BIC."""
    return {
        "merchant": [f"mer-{number:03d}" for number in range(1, 121)],
        "bank": [f"exit-bank-{number:02d}" for number in range(1, len(BICS) + 1)],
        "cash": [f"exit-cash-{number:02d}" for number in range(1, 9)],
        "crypto": [f"exit-crypto-{number:02d}" for number in range(1, 5)],
        "card": [f"exit-card-{number:02d}" for number in range(1, 4)],
        "fee": [FEE_ACCOUNT],
    }


class Picker:
    """Draws names with Zipf-like weights in an order of its own."""

    def __init__(self, random: Random, names: list[str]) -> None:
        self._random = random
        self._names = names[:]
        random.shuffle(self._names)
        self._weights = list(accumulate(1 / (rank + 1) ** SKEW for rank in range(len(names))))

    def draw(self) -> str:
        """One name."""
        return self._names[bisect(self._weights, self._random.random() * self._weights[-1])]


def payments(random: Random, wallets: list[str], count: int, base: datetime) -> list[Payment]:
    """Exactly `count` payments over the last PERIOD before `base`, in posting order."""
    start = base - PERIOD
    moments = iter(sorted(start + PERIOD * random.random() for _ in range(count)))
    spender, earner = Picker(random, wallets), Picker(random, wallets)
    places = {kind: Picker(random, names) for kind, names in exits().items()}
    friends: dict[str, list[str]] = {}
    kinds = [kind for kind, _ in KINDS]
    shares = list(accumulate(share for _, share in KINDS))
    made: list[Payment] = []
    while len(made) < count:
        at = next(moments)
        kind = kinds[bisect(shares, random.random() * shares[-1])]
        amount = max(100, int(random.lognormvariate(8.6, 1.25)))
        currency = OTHER if random.random() < OTHER_SHARE else MAIN
        if kind == "income":
            made.append(
                Payment(places["bank"].draw(), earner.draw(), "bank", "wallet", amount * 6, currency, at)
            )
            continue
        src = spender.draw()
        if kind == "wallet":
            circle = friends.setdefault(src, [earner.draw() for _ in range(random.randint(2, 9))])
            dst = random.choice(circle)
            if dst != src:
                made.append(Payment(src, dst, "wallet", "wallet", amount, currency, at))
            continue
        made.append(Payment(src, places[kind].draw(), "wallet", kind, amount, currency, at))
        if kind in ("cash", "crypto") and len(made) < count:
            fee = max(1, amount // FEE_DIVISOR)
            made.append(Payment(src, FEE_ACCOUNT, "wallet", "fee", fee, currency, at))
    return made


@dataclass
class Money:
    """What an account begins and ends with in one currency."""

    opening: int = 0
    closing: int = 0


def openings(random: Random, wallets: list[str], made: list[Payment]) -> dict[tuple[str, str], Money]:
    """The least that never goes negative, plus something of one's own."""
    running: dict[tuple[str, str], int] = defaultdict(int)
    lowest: dict[tuple[str, str], int] = defaultdict(int)
    for payment in made:
        if payment.src_kind == "wallet":
            key = (payment.src, payment.currency)
            running[key] -= payment.amount
            lowest[key] = min(lowest[key], running[key])
        if payment.dst_kind == "wallet":
            running[payment.dst, payment.currency] += payment.amount
    for wallet in wallets:
        running[wallet, MAIN] += 0
    money = {}
    for key, change in sorted(running.items()):
        own = int(random.lognormvariate(10.5, 1.3)) if key[1] == MAIN else int(random.lognormvariate(8, 1))
        opening = own - lowest[key]
        money[key] = Money(opening, opening + change)
    return money
