"""Inventing customers: names, contacts, devices, and everything else a wallet knows about them."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, timedelta
from random import Random

from sandbox.wallet.accounts import contact_label
from sandbox.wallet.entries import secret_digest
from sandbox.world.rows import WorldRows

FAMILY = (
    "Li",
    "Wang",
    "Zhang",
    "Liu",
    "Chen",
    "Yang",
    "Zhao",
    "Huang",
    "Zhou",
    "Wu",
    "Xu",
    "Sun",
    "Ma",
    "Zhu",
    "Hu",
)
GIVEN = (
    "Wei",
    "Fang",
    "Na",
    "Min",
    "Jing",
    "Lei",
    "Jun",
    "Yang",
    "Yan",
    "Jie",
    "Ting",
    "Hui",
    "Ming",
    "Ping",
    "Xin",
)
DEVICES = ("iPhone 15", "Xiaomi 14", "Pixel 8", "Huawei P60", "Galaxy S24", "iPad Air", "Honor 90")
MAIL = ("mail.example", "post.example", "inbox.example")
DAILY_LIMIT = 5_000_000
"""What may leave in a day where nobody changed it, minor units."""
QUIET = timedelta(days=45)
"""Before the base instant nobody changes a security item for so long: what is newer came with the theft."""


def password_of(seed: int, account_id: str) -> str:
    """What the account's owner types in."""
    return "pw-" + hashlib.sha256(f"{seed}/{account_id}".encode()).hexdigest()[:16]


def name_of(random: Random) -> str:
    """A name."""
    return f"{random.choice(GIVEN)} {random.choice(FAMILY)}"


def essentials(
    rows: WorldRows, *, seed: int, number: int, account_id: str, opened_at: datetime, device: str
) -> None:
    """Password, phone, email, one device and a daily limit, all as old as the account."""
    password = password_of(seed, account_id)
    secret = secret_digest(f"{account_id}:{password}")
    rows.set(account_id, "password", "password-1", "password", opened_at, secret=secret)
    phone = f"+8613{number:09d}"
    email = f"customer{number}@{MAIL[number % len(MAIL)]}"
    contacts = {"phone": phone, "email": email}
    rows.person.append((account_id, password, f"fp-{account_id}-1", json.dumps(contacts)))
    for kind, value in contacts.items():
        rows.set(
            account_id, "contacts", f"{kind}-1", contact_label(kind, value), opened_at, kind=kind, value=value
        )
    rows.set(account_id, "devices", "device-1", device, opened_at, value=f"fp-{account_id}-1")
    kind = "outgoing_per_day:CNY"
    rows.set(
        account_id, "limits", "limit-1", "outgoing per day CNY", opened_at, kind=kind, value=str(DAILY_LIMIT)
    )


def belongings(rows: WorldRows, random: Random, account_id: str, opened_at: datetime, base: datetime) -> None:
    """The rest, heavy on some customers and absent with others; nothing set within QUIET but sessions."""
    span = max(timedelta(hours=1), base - QUIET - opened_at)

    def moment() -> datetime:
        return opened_at + span * random.random()

    recently = base - timedelta(days=6) * random.random()
    device_id = f"{account_id}-device-1"
    if random.random() < 0.35:
        device_id = rows.set(
            account_id, "devices", "device-2", random.choice(DEVICES), moment(), value=f"fp-{account_id}-2"
        )
    rows.set(account_id, "sessions", "session-1", "session on a device", recently, value=device_id)
    rows.set(
        account_id, "refresh_tokens", "refresh-1", "refresh token of a device", recently, value=device_id
    )
    if random.random() < 0.4:
        rows.set(account_id, "factors", "factor-1", random.choice(("authenticator app", "passkey")), moment())
    for number in range(1, random.choice((1, 1, 1, 2, 3))):
        rows.set(
            account_id, "cards", f"card-{number}", f"card ending {random.randrange(10_000):04d}", moment()
        )
    if random.random() < 0.25:
        label = random.choice(("electricity", "mobile plan", "music", "rent"))
        rows.set(
            account_id, "mandates", "mandate-1", label, moment(), value=f"mer-{random.randrange(1, 121):03d}"
        )
    if random.random() < 0.03:
        rows.set(account_id, "api_keys", "key-1", "bookkeeping", moment(), secret=f"unknown-{account_id}")
    if random.random() < 0.02:
        rows.set(account_id, "forwarding", "forwarding-1", "statements to a second address", moment())
