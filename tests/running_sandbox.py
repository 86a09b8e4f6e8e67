"""A sandbox wallet running as a process of its own, and what a test asks of it."""

from __future__ import annotations

import itertools
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

import httpx2

ROOT = Path(__file__).resolve().parent.parent
SECONDS_TO_START = 20
FIRST_ACCOUNT = 1000
"""Tests take accounts of the seeded world from here on; the ones below are theirs to name."""


@dataclass(frozen=True)
class Theft:
    """What a thief did to an account, as the wallet knows it."""

    account_id: str
    compromised_since: datetime
    """A moment before the first thing the thief changed."""
    transfers: list[str]
    amounts: list[int]
    mules: list[Customer]
    thief: Customer


class Customer:
    """A customer's app on the public side."""

    def __init__(self, client: httpx2.Client, fingerprint: str) -> None:
        self._client = client
        self._device = {"fingerprint": fingerprint, "label": "test device"}
        self._headers: dict[str, str] = {}
        self.account_id = ""
        self.session_id = ""

    def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> httpx2.Response:
        """One request under /public."""
        return self._client.request(method, f"/public{path}", json=body, headers=self._headers)

    def sign_up(self) -> Self:
        """Open an account of one's own, with a number nobody has."""
        phone = f"+8619{secrets.randbelow(10**9):09d}"
        body = {"name": "Test Customer", "phone": phone, "password": "a password", "device": self._device}
        self._entered(self.ask("POST", "/signup", body))
        return self

    def log_in(self, account: str, password: str) -> httpx2.Response:
        """Enter an account."""
        response = self.ask(
            "POST", "/login", {"account": account, "password": password, "device": self._device}
        )
        if response.is_success:
            self._entered(response)
        return response

    def add_payee(self, to: str) -> httpx2.Response:
        """Make somebody payable."""
        return self.ask("POST", "/payees", {"to": to})

    def send(self, to: str, amount: int, currency: str = "CNY") -> httpx2.Response:
        """Send money."""
        return self.ask("POST", "/transfers", {"to": to, "amount": amount, "currency": currency})

    def order(self, kind: str, to: str, amount: int, **more: Any) -> str:
        """Allow a payment that comes later (`seconds`, from now on due); its id."""
        body = {"kind": kind, "to": to, "amount": amount, "currency": "CNY", "seconds": 0, **more}
        return str(self.ask("POST", "/payments", body).raise_for_status().json()["payment_id"])

    def leave_behind(self, mule: str, **more: Any) -> dict[str, str]:
        """One payment in flight of each kind: by the account's own card, to a payee, under a new mandate; kind -> id."""
        cards = self.ask("GET", "/me").raise_for_status().json()["cards"]
        made = None if cards else self.ask("POST", "/security/cards", {"label": "virtual card"}).json()
        card = made["id"] if made else cards[0]["card_id"]
        mandate = self.ask("POST", "/security/mandates", {"label": "club", "value": "mer-002"})
        self.add_payee(mule).raise_for_status()
        return {
            "card_authorisation": self.order("card_authorisation", "mer-001", 3100, entry_id=card, **more),
            "scheduled_payment": self.order("scheduled_payment", mule, 3200, **more),
            "mandate_collection": self.order(
                "mandate_collection", "mer-002", 3300, entry_id=mandate.json()["id"], **more
            ),
        }

    def pay(self, to: str, amount: int, currency: str = "CNY") -> dict[str, Any]:
        """Send money that is sure to go."""
        self.add_payee(to).raise_for_status()
        answer: dict[str, Any] = self.send(to, amount, currency).raise_for_status().json()
        return answer

    def _entered(self, response: httpx2.Response) -> None:
        answer = response.raise_for_status().json()
        self._headers = {"Authorization": f"Bearer {answer['session_token']}"}
        self.account_id, self.session_id = answer["account_id"], answer["session_id"]


@dataclass
class RunningSandbox:
    """One running sandbox with the keys to all of its sides."""

    url: str
    database_url: str
    process: subprocess.Popen[str]
    wallet_key: str
    message_key: str
    admin_key: str
    client: httpx2.Client
    _accounts: Iterator[int] = field(default_factory=lambda: itertools.count(FIRST_ACCOUNT))

    def seed(self, seed: int = 1, **more: Any) -> dict[str, Any]:
        """Another world; accounts are counted from the start again."""
        self._accounts = itertools.count(FIRST_ACCOUNT)
        return self.control("POST", "/seed", {"seed": seed, **more})

    def control(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, **params: Any
    ) -> dict[str, Any]:
        """The sandbox's own controls under /sandbox."""
        response = self.client.request(
            method, f"/sandbox{path}", json=body, params=params, headers=_bearer(self.admin_key)
        )
        answer: dict[str, Any] = response.raise_for_status().json()
        return answer

    def ask(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        key: str | None = None,
        params: Mapping[str, Any] | None = None,
    ) -> httpx2.Response:
        """One request of the contract. A write without `key` gets one of its own."""
        headers = _bearer(self.wallet_key)
        if method != "GET":
            headers["Idempotency-Key"] = key or f"test-{secrets.token_hex(8)}"
        return self.client.request(method, path, json=body, headers=headers, params=params)

    def account(self) -> str:
        """An account of the seeded world that no other test uses."""
        victim = (self.control("GET", "/world")["victim"] or {}).get("account_id")
        return next(name for number in self._accounts if (name := f"acc-{number:04d}") != victim)

    def rich_account(self, least: int = 100_000) -> str:
        """One that has at least so much CNY."""
        while True:
            account_id = self.account()
            if self.balance(account_id)["available"] >= least:
                return account_id

    def state(self, account_id: str) -> dict[str, Any]:
        """The account as the contract reads it."""
        answer: dict[str, Any] = self.ask("GET", f"/v1/accounts/{account_id}").raise_for_status().json()
        return answer

    def balance(self, account_id: str, currency: str = "CNY") -> dict[str, Any]:
        """One balance of it."""
        empty = {"currency": currency, "balance": 0, "held": 0, "available": 0}
        balances: list[dict[str, Any]] = self.state(account_id)["balances"]
        return next((one for one in balances if one["currency"] == currency), empty)

    def restrict(
        self, account_id: str, restriction_id: str, scope: str = "full", **more: Any
    ) -> httpx2.Response:
        """Place a restriction; its id is the key unless `key` says otherwise."""
        key = more.pop("key", restriction_id)
        body = {
            "restriction_id": restriction_id,
            "scope": scope,
            "placer": "stanch",
            "reason": "a test",
            **more,
        }
        return self.ask("POST", f"/v1/accounts/{account_id}/restrictions", body, key=key)

    def release(
        self, account_id: str, restriction_ids: Sequence[str], *, key: str | None = None
    ) -> httpx2.Response:
        """Release restrictions."""
        body = {"restriction_ids": list(restriction_ids), "reason": "a test"}
        return self.ask("POST", f"/v1/accounts/{account_id}/restrictions/release", body, key=key)

    def hold(self, account_id: str, hold_id: str, amount: int, **more: Any) -> httpx2.Response:
        """Place a hold for an hour."""
        key = more.pop("key", None)
        expires_at = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
        asked = {"placer": "stanch", "currency": "CNY", "reason": "a test", "expires_at": expires_at}
        body = {"hold_id": hold_id, "amount": amount, **asked, **more}
        return self.ask("POST", f"/v1/accounts/{account_id}/holds", body, key=key)

    def fault(self, match: str, mode: str, *, count: int = 1, **more: Any) -> None:
        """Let a bad day begin; `clear_faults` ends it."""
        self.control("POST", "/faults", {"match": match, "mode": mode, "count": count, **more})

    def clear_faults(self) -> list[dict[str, Any]]:
        """End every bad day; gives what each did."""
        faults: list[dict[str, Any]] = self.control("DELETE", "/faults")["faults"]
        return faults

    def payments(self, account_id: str, since: datetime) -> dict[str, dict[str, Any]]:
        """Payments in flight, and those allowed since, by their ids: the contract's word."""
        params = {"since": since.isoformat()}
        page = self.ask("GET", f"/v1/accounts/{account_id}/payments", params=params).raise_for_status().json()
        return {each["payment_id"]: each for each in page["payments"]}

    def run_payments(self, account_id: str) -> dict[str, dict[str, Any]]:
        """Carry out now what is due on this account; what became of each, by id."""
        done = self.control("POST", f"/accounts/{account_id}/payments/run")["payments"]
        return {each["payment_id"]: each for each in done}

    def stop_payment(self, payment_id: str, **more: Any) -> httpx2.Response:
        """Stop a payment in flight."""
        return self.ask("POST", f"/v1/payments/{payment_id}/stop", {"reason": "a test"}, **more)

    def outbox(self, to: str) -> list[dict[str, Any]]:
        """Messages that reached a phone or a mailbox."""
        messages: list[dict[str, Any]] = self.control("GET", "/outbox", to=to)["messages"]
        return messages

    def attempts(self, account_id: str) -> dict[str, Any]:
        """What was refused at this account."""
        return self.control("GET", "/attempts", account_id=account_id)

    def customer(self, fingerprint: str | None = None) -> Customer:
        """Somebody with a device, not logged in."""
        return Customer(self.client, fingerprint or f"fp-test-{secrets.token_hex(6)}")

    def owner(self, account_id: str) -> Customer:
        """The owner of an account of this world, logged in on the device of old."""
        known = self.control("GET", f"/people/{account_id}")
        owner = self.customer(known["device"])
        owner.log_in(account_id, known["password"]).raise_for_status()
        return owner

    def steal(
        self, account_id: str, amounts: Sequence[int] = (20_000, 30_000, 40_000), *, mules: int = 2
    ) -> Theft:
        """Take an account over as a thief would: new device, new phone, fresh mules, transfers to them in turn."""
        receivers = [self.customer().sign_up() for _ in range(mules)]
        password = self.control("GET", f"/people/{account_id}")["password"]
        before = datetime.fromisoformat(self.state(account_id)["read_at"])
        thief = self.customer()
        thief.log_in(account_id, password).raise_for_status()
        phone = f"+8618{secrets.randbelow(10**9):09d}"
        thief.ask("POST", "/contacts", {"kind": "phone", "value": phone}).raise_for_status()
        thief.ask("POST", "/limits", {"currency": "CNY", "amount": 2**62}).raise_for_status()
        sent = [
            thief.pay(receivers[number % mules].account_id, amount) for number, amount in enumerate(amounts)
        ]
        transfers = [one["transfer_id"] for one in sent]
        return Theft(account_id, before, transfers, list(amounts), receivers, thief)


def _bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


@contextmanager
def run_sandbox(database_url: str, port: int, **environ: str) -> Iterator[RunningSandbox]:
    """A sandbox on this database until the block ends. `environ` adds SANDBOX_* variables; there is no world yet."""
    keys = {
        name: secrets.token_hex(8) for name in ("SANDBOX_KEY", "SANDBOX_MESSAGE_KEY", "SANDBOX_ADMIN_KEY")
    }
    own = {"SANDBOX_DATABASE_URL": database_url, "SANDBOX_PORT": str(port), **keys, **environ}
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SANDBOX_")}
    process = subprocess.Popen(
        [sys.executable, "-m", "sandbox", "serve"],
        cwd=ROOT,
        env={**kept, "PYTHONPATH": str(ROOT), **own},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        ready = process.stdout.readline()
        assert ready.startswith("sandbox ready"), f"the sandbox ended with {process.wait(SECONDS_TO_START)}"
        url = ready.split()[-1]
        with httpx2.Client(base_url=url, timeout=30, trust_env=False) as client:
            yield RunningSandbox(
                url=url,
                database_url=database_url,
                process=process,
                wallet_key=own["SANDBOX_KEY"],
                message_key=own["SANDBOX_MESSAGE_KEY"],
                admin_key=own["SANDBOX_ADMIN_KEY"],
                client=client,
            )
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)
        if process.stdout is not None:
            process.stdout.close()
