"""A world from somebody else's transfers: NDJSON in posting order, ids kept, customers' details invented."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from sandbox.contract.bodies import LARGEST
from sandbox.problems import Refusal
from sandbox.wallet.accounts import HOLDING_KINDS
from sandbox.wallet.paying import FEE_ACCOUNT
from sandbox.world import people
from sandbox.world.rows import WorldRows

KINDS = ("wallet", "pooling", "bank", "card", "cash", "crypto", "merchant", "fee", "outside")
CUSTOMER_FOR = timedelta(days=400)
"""How long before the first transfer an invented customer's account, contacts and devices were set."""
LONGEST_ID = 128
SEED = 0


def read_ledger(lines: Iterable[bytes], now: datetime) -> WorldRows:
    """The rows of the world that these lines tell.

    A line is {"account": {id, kind, currency, opening, inferred}}, where `opening` includes what was `inferred`, or
    {"transfer": {transfer_id, src, dst, amount, currency, posted_at, ...}}; `src_kind` and `dst_kind` come from the
    accounts, and an account no line named is `outside`. Refusals: ledger_invalid with the line's number (nothing is
    loaded), also when an account that holds balances would go below zero.
    """
    reader = _Reader(now)
    number = 0
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            reader.take(json.loads(line))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise Refusal(422, "ledger_invalid", f"Line {number}: {error}. Nothing was loaded.") from error
    if not reader.rows.transfer and not reader.kinds:
        raise Refusal(422, "ledger_invalid", "The ledger is empty. Nothing was loaded.")
    return reader.finished()


class _Reader:
    def __init__(self, now: datetime) -> None:
        self.rows = WorldRows()
        self.kinds: dict[str, str] = {}
        self._now = now
        self._openings: dict[tuple[str, str], tuple[int, int]] = {}
        self._running: dict[tuple[str, str], int] = defaultdict(int)
        self._ids: set[str] = set()
        self._currencies: dict[str, int] = defaultdict(int)

    def take(self, line: dict[str, Any]) -> None:
        if "account" in line:
            self._take_account(line["account"])
        elif "transfer" in line:
            self._take_transfer(line["transfer"])
        else:
            message = "neither an account nor a transfer"
            raise ValueError(message)

    def _take_account(self, told: dict[str, Any]) -> None:
        account_id, kind, currency = _checked_id(told["id"]), told["kind"], told["currency"]
        opening, inferred = told.get("opening", 0), told.get("inferred", 0)
        if kind not in KINDS or self.kinds.setdefault(account_id, kind) != kind:
            message = f"account {account_id!r} has an unknown kind or two kinds"
            raise ValueError(message)
        if type(opening) is not int or type(inferred) is not int or not 0 <= inferred <= opening:
            message = f"account {account_id!r} has no valid opening"
            raise ValueError(message)
        if (account_id, currency) in self._openings:
            message = f"account {account_id!r} is told twice"
            raise ValueError(message)
        self._openings[account_id, currency] = (opening, inferred)
        self._running[account_id, currency] += opening

    def _take_transfer(self, told: dict[str, Any]) -> None:
        transfer_id, amount, currency = _checked_id(told["transfer_id"]), told["amount"], told["currency"]
        src, dst = _checked_id(told["src"]), _checked_id(told["dst"])
        if transfer_id in self._ids:
            message = f"transfer {transfer_id!r} comes twice"
            raise ValueError(message)
        if type(amount) is not int or not 1 <= amount <= LARGEST:
            message = f"transfer {transfer_id!r} has no valid amount"
            raise ValueError(message)
        self._ids.add(transfer_id)
        self._currencies[currency] += 1
        src_kind = self.kinds.setdefault(src, told.get("src_kind", "outside"))
        dst_kind = self.kinds.setdefault(dst, told.get("dst_kind", "outside"))
        if src != dst:
            self._running[src, currency] -= amount
            self._running[dst, currency] += amount
        if src_kind in HOLDING_KINDS and self._running[src, currency] < 0:
            message = f"transfer {transfer_id!r} takes {src!r} below zero; state or infer its opening"
            raise ValueError(message)
        posted_at = datetime.fromisoformat(told["posted_at"]) if told.get("posted_at") else self._now
        if self.rows.head_at is not None:
            # The wallet's clock never runs backwards, whatever a file says.
            posted_at = max(posted_at, self.rows.head_at)
        self.rows.head_at = posted_at
        bank = json.dumps(told["bank"]) if told.get("bank") else None
        row = (
            len(self.rows.transfer) + 1,
            transfer_id,
            src,
            dst,
            src_kind,
            dst_kind,
            amount,
            currency,
            posted_at,
        )
        named = (told.get("device_id"), told.get("session_id"), told.get("reverses"), told.get("hold_id"))
        self.rows.transfer.append((*row, *named, bank))

    def finished(self) -> WorldRows:
        rows = self.rows
        first = rows.transfer[0][8] if rows.transfer else self._now
        opened_at = min(first, self._now) - CUSTOMER_FOR
        opened_at = opened_at.astimezone(UTC)
        random = Random(SEED)
        main = max(self._currencies, key=lambda name: self._currencies[name], default="CNY")
        for number, (account_id, kind) in enumerate(self.kinds.items(), start=1):
            name = people.name_of(random) if kind in HOLDING_KINDS else f"{kind} {account_id}"
            rows.account.append((account_id, kind, "active", "verified", name, opened_at))
            if kind in HOLDING_KINDS:
                people.essentials(
                    rows,
                    seed=SEED,
                    number=number,
                    account_id=account_id,
                    opened_at=opened_at,
                    device=random.choice(people.DEVICES),
                )
        if FEE_ACCOUNT not in self.kinds:
            rows.account.append((FEE_ACCOUNT, "fee", "active", "verified", "fee", opened_at))
        for account_id, currency in {**dict.fromkeys(self._openings), **dict.fromkeys(self._running)}:
            kind = self.kinds[account_id]
            opening, inferred = self._openings.get((account_id, currency), (0, 0))
            amount = self._running[account_id, currency] if kind in HOLDING_KINDS else 0
            told = (opening, inferred) if kind in HOLDING_KINDS else (0, 0)
            rows.balance.append((account_id, currency, kind, *told, amount, False))
        rows.summary = {
            "origin": "ledger",
            "base": self._now.isoformat(),
            "currency": main,
            "accounts": len(self.kinds),
            "transfers": len(rows.transfer),
            "victim": None,
        }
        return rows


def _checked_id(given: Any) -> str:
    text = given if isinstance(given, str) else ""
    if not 0 < len(text) <= LONGEST_ID or not text.isprintable() or "/" in text:
        message = f"{given!r} is not an id"
        raise ValueError(message)
    return text
