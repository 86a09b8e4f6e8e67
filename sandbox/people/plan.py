"""A thief's plan, fixed by its seed: how many mules, how much, how fast, and where the money leaves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

CASH_OUTS = (("bank", 0.4), ("crypto", 0.25), ("cash", 0.25), ("merchant", 0.1))


@dataclass(frozen=True)
class MulePlan:
    """One mule: `layer` 1 takes from the victim, 2 from other mules. Its choices follow its own seed."""

    number: int
    layer: int
    phone: str
    name: str
    seed: int


@dataclass(frozen=True)
class Later:
    """Money that is to leave by itself once the thief has gone: how, how much (minor units), in how many seconds."""

    kind: str
    amount: int
    seconds: float


LATER = ("card_authorisation", "scheduled_payment", "mandate_collection")
"""One of each is left in the account."""


@dataclass(frozen=True)
class Plan:
    """Everything decided beforehand; only the wallet's answers decide the rest."""

    fingerprint: str
    phone: str
    mules: tuple[MulePlan, ...]
    shares: tuple[float, ...]
    """What part of the victim's first balance each theft takes, in order."""
    pauses: tuple[float, ...]
    """Seconds before each theft."""
    later: tuple[Later, ...]


def make_plan(seed: int, account_id: str) -> Plan:
    """The same seed and victim give the same plan."""
    random = Random(f"thief/{seed}/{account_id}")
    first, second = random.randint(3, 5), random.randint(4, 6)
    area = random.randrange(1000)
    mules = tuple(
        MulePlan(
            number=number,
            layer=1 if number <= first else 2,
            phone=f"+8617{area:03d}{random.randrange(10_000):04d}{number:02d}",
            name=f"Mule {number}",
            seed=random.randrange(2**32),
        )
        for number in range(1, first + second + 1)
    )
    # Drawn apart, so that everything else of a seed stays what it was.
    patient = Random(f"later/{seed}/{account_id}")
    return Plan(
        fingerprint=f"fp-thief-{random.randrange(2**40):010x}",
        phone=f"+8618{area:03d}{random.randrange(1_000_000):06d}",
        mules=mules,
        shares=tuple(random.uniform(0.03, 0.08) for _ in range(60)),
        pauses=tuple(random.uniform(0.15, 0.45) for _ in range(60)),
        later=tuple(
            Later(kind, patient.randrange(20_000, 60_000, 100), patient.uniform(25.0, 40.0)) for kind in LATER
        ),
    )


def draw_cash_out(random: Random, exits: Mapping[str, Sequence[str]]) -> str | None:
    """How money leaves this time; None in a world without such places."""
    ways = [(kind, weight) for kind, weight in CASH_OUTS if kind in exits]
    return random.choices([kind for kind, _ in ways], [weight for _, weight in ways])[0] if ways else None
