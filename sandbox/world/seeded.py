"""A world from a seed: 2,000 customers, 20,000 transfers over 90 days. The same seed gives the same ids and amounts."""

from __future__ import annotations

import json
import uuid
from datetime import datetime, timedelta
from random import Random

from sandbox.world import people
from sandbox.world.economy import BICS, MAIN, OTHER, PERIOD, Money, Payment, exits, openings, payments
from sandbox.world.rows import WorldRows

ACCOUNTS = 2_000
TRANSFERS = 20_000
OLDEST_DAYS = 1_500
VICTIM_LEAST = 8_000_000
VICTIM_MOST = 12_000_000
"""What the likely victim owns at the base instant, minor units: worth stealing, and not the richest."""
VICTIM_OTHER_CURRENCY = 250_000


def make_world(
    seed: int, base: datetime, *, accounts: int = ACCOUNTS, transfers: int = TRANSFERS
) -> WorldRows:
    """The rows of the world as it stands at `base` (UTC)."""
    random = Random(seed)
    rows = WorldRows()
    width = max(4, len(str(accounts)))
    wallets = [f"acc-{number:0{width}d}" for number in range(1, accounts + 1)]
    made = payments(random, wallets, transfers, base)
    money = openings(random, wallets, made)
    victim = _choose_victim(random, wallets, made, money)
    _add_exits(rows, base)
    devices = _add_customers(rows, random, seed, wallets, base)
    _add_payees(rows, made, base)
    for (account_id, currency), own in money.items():
        rows.balance.append((account_id, currency, "wallet", own.opening, 0, own.closing, False))
    for number, payment in enumerate(made, start=1):
        rows.transfer.append(_transfer_row(random, number, payment, devices))
    rows.head_at = made[-1].posted_at
    rows.summary = {
        "origin": "seed",
        "seed": seed,
        "base": base.isoformat(),
        "currency": MAIN,
        "accounts": accounts,
        "transfers": len(made),
        "victim": {"account_id": victim, "balance": money[victim, MAIN].closing, "currency": MAIN},
    }
    return rows


def _choose_victim(
    random: Random, wallets: list[str], made: list[Payment], money: dict[tuple[str, str], Money]
) -> str:
    """A customer with some history; its opening is adjusted so that a good balance is left."""
    activity = dict.fromkeys(wallets, 0)
    for payment in made:
        for account_id in (payment.src, payment.dst):
            if account_id in activity:
                activity[account_id] += 1
    ranked = sorted(wallets, key=lambda account_id: (-activity[account_id], account_id))
    victim = random.choice(ranked[len(ranked) // 20 : len(ranked) // 4] or ranked)
    wanted = random.randint(VICTIM_LEAST, VICTIM_MOST)
    own = money[victim, MAIN]
    missing = max(wanted - own.closing, 0)
    own.opening += missing
    own.closing += missing
    other = money.setdefault((victim, OTHER), Money())
    other.opening += VICTIM_OTHER_CURRENCY
    other.closing += VICTIM_OTHER_CURRENCY
    return victim


def _add_exits(rows: WorldRows, base: datetime) -> None:
    opened_at = base - timedelta(days=OLDEST_DAYS)
    for kind, names in exits().items():
        for number, name in enumerate(names):
            title = f"{kind} {BICS[number]}XXX" if kind == "bank" else f"{kind} {name}"
            rows.account.append((name, kind, "active", "verified", title, opened_at))
            rows.balance.append((name, MAIN, kind, 0, 0, 0, False))


def _add_customers(
    rows: WorldRows, random: Random, seed: int, wallets: list[str], base: datetime
) -> dict[str, str]:
    """Accounts with everything that is known of them; gives the device each one pays with."""
    youngest = PERIOD + timedelta(days=30)
    devices = {}
    for number, account_id in enumerate(wallets, start=1):
        opened_at = base - youngest - timedelta(days=OLDEST_DAYS) * random.random() ** 2
        state = "unverified" if random.random() < 0.04 else "verified"
        rows.account.append((account_id, "wallet", "active", state, people.name_of(random), opened_at))
        people.essentials(
            rows,
            seed=seed,
            number=number,
            account_id=account_id,
            opened_at=opened_at,
            device=random.choice(people.DEVICES),
        )
        people.belongings(rows, random, account_id, opened_at, base)
        devices[account_id] = f"{account_id}-device-1"
    return devices


def _add_payees(rows: WorldRows, made: list[Payment], base: datetime) -> None:
    """Whoever was paid had been added as a payee before."""
    first: dict[tuple[str, str, str], None] = {}
    for payment in made:
        if payment.src_kind == "wallet" and payment.dst_kind in ("wallet", "bank", "card", "crypto"):
            first[payment.src, payment.dst, payment.dst_kind] = None
    counts: dict[str, int] = {}
    earliest = base - PERIOD - timedelta(days=1)
    for src, dst, kind in first:
        counts[src] = counts.get(src, 0) + 1
        rows.set(src, "payees", f"payee-{counts[src]}", f"{kind} payee", earliest, kind=kind, value=dst)


def _transfer_row(
    random: Random, number: int, payment: Payment, devices: dict[str, str]
) -> tuple[object, ...]:
    bank = None
    if payment.dst_kind == "bank":
        bank = json.dumps(
            {
                "bic": f"{BICS[int(payment.dst[-2:]) - 1]}XXX",
                "end_to_end_id": f"E2E-{number:08d}",
                "uetr": str(uuid.UUID(int=random.getrandbits(128), version=4)),
                "settlement_date": payment.posted_at.date().isoformat(),
            }
        )
    return (
        number,
        f"trf-{number:06d}",
        payment.src,
        payment.dst,
        payment.src_kind,
        payment.dst_kind,
        payment.amount,
        payment.currency,
        payment.posted_at,
        devices.get(payment.src),
        None,
        None,
        None,
        bank,
    )
