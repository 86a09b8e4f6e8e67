"""`make bench-pursuit`: from a transfer's posting to the hold placed on it, while the wallet posts fifty transfers a second.

Usage: python -m bench.pursuit_bench [--moves N] [--rate N] [--json FILE]. Real processes, the production rules, fsync on. A
mule whose account the wallet will not hold passes the stolen money on, a part every second or so: each part is new money
that the pursuit has to find in the feed, trace and hold.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import secrets
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import httpx2

from bench.figures import summary
from bench.running import SEED, Measured, running
from cli.running.house import DETECTOR
from models.ids import new_id
from models.names import Role, StepKind

PART = 100
"""Minor units that move each time."""

PAYERS = 8
"""Customers whose payments make the wallet's load; a request of the sandbox takes some 20 ms."""

ENOUGH = 10_000
"""Minor units that a payer needs: it pays one at a time."""

PAUSE_SECONDS = (0.5, 1.5)
PATIENCE_SECONDS = 300.0
LOOK_SECONDS = 0.5
ROOT = Path(__file__).resolve().parent.parent


class Customer:
    """A customer's app on the wallet's public side."""

    def __init__(self, client: httpx2.AsyncClient, fingerprint: str | None = None) -> None:
        self._client = client
        self._device = {"fingerprint": fingerprint or secrets.token_hex(8), "label": "bench"}
        self._headers: dict[str, str] = {}
        self.account_id = ""

    async def sign_up(self) -> Customer:
        """Open an account of one's own."""
        phone = f"+8619{secrets.randbelow(10**9):09d}"
        body = {"name": "Bench Customer", "phone": phone, "password": "a password", "device": self._device}
        return await self._enter("/public/signup", body)

    async def enter(self, account_id: str, password: str) -> Customer:
        """Log in."""
        body = {"account": account_id, "password": password, "device": self._device}
        return await self._enter("/public/login", body)

    async def take_over(self, account_id: str, password: str) -> Customer:
        """Log in to somebody's account and raise its limit, as a thief would."""
        await self.enter(account_id, password)
        await self.ask("/public/limits", {"currency": "CNY", "amount": 2**62})
        return self

    async def pay(self, to: str, amount: int) -> dict[str, Any]:
        """One transfer."""
        await self.ask("/public/payees", {"to": to})
        return await self.send(to, amount)

    async def send(self, to: str, amount: int) -> dict[str, Any]:
        """One transfer to a payee of old."""
        return await self.ask("/public/transfers", {"to": to, "amount": amount, "currency": "CNY"})

    async def ask(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """One request."""
        answer = await self._client.post(path, json=body, headers=self._headers)
        found: dict[str, Any] = answer.raise_for_status().json()
        return found

    async def _enter(self, path: str, body: dict[str, Any]) -> Customer:
        entered = await self.ask(path, body)
        self._headers = {"Authorization": f"Bearer {entered['session_token']}"}
        self.account_id = entered["account_id"]
        return self


async def measure(measured: Measured, *, moves: int, rate: int) -> dict[str, Any]:
    """The chase, under load."""
    words = measured.house.words
    async with (
        httpx2.AsyncClient(
            base_url=measured.house.addresses.sandbox_url, timeout=60, trust_env=False
        ) as public,
        httpx2.AsyncClient(
            base_url=measured.house.addresses.sandbox_url,
            headers={"Authorization": f"Bearer {words.admin_key}"},
            timeout=60,
            trust_env=False,
        ) as controls,
    ):
        person = (await controls.get(f"/sandbox/people/{measured.victim}")).raise_for_status().json()
        mule = await Customer(public).sign_up()
        receivers = [await Customer(public).sign_up() for _ in range(moves)]
        day = {
            "match": f"POST /v1/accounts/{mule.account_id}/holds",
            "mode": "error",
            "count": 10**6,
            "status": 422,
        }
        (await controls.post("/sandbox/faults", json=day)).raise_for_status()
        payers = await _payers(public, controls, measured)
        thief = await Customer(public).take_over(measured.victim, person["password"])
        stolen = await thief.pay(mule.account_id, PART * moves)
        posted: list[int] = []
        stop = asyncio.Event()
        load = asyncio.create_task(_load(payers, rate, stop, posted))
        try:
            incident_id = await _alarm(measured, stolen["transfer_id"])
            await _until_pursued(measured, incident_id)
            at = await _chase(mule, receivers)
            held = await _held(measured, incident_id, at)
        finally:
            stop.set()
            await load
    took = [(held[account] - moment).total_seconds() * 1000 for account, moment in at.items()]
    seconds = (max(held.values()) - min(at.values())).total_seconds()
    return {
        "posting_to_hold": summary(took),
        "load": {
            "transfers": len(posted),
            "asked_per_s": rate,
            "posted_per_s": round(len(posted) / seconds, 1),
        },
    }


async def _payers(
    public: httpx2.AsyncClient, controls: httpx2.AsyncClient, measured: Measured
) -> list[Customer]:
    """Owners of accounts of the seeded world on their own devices; each may pay the one before."""
    payers: list[Customer] = []
    async with measured.wallet() as wallet:
        for number in range(1, 1000):
            name = f"acc-{number:04d}"
            if name == measured.victim or len(payers) == PAYERS:
                continue
            balances = (await wallet.get(f"/v1/accounts/{name}")).json().get("balances", [])
            if any(each["currency"] == "CNY" and each["available"] > ENOUGH for each in balances):
                known = (await controls.get(f"/sandbox/people/{name}")).raise_for_status().json()
                payers.append(await Customer(public, known["device"]).enter(name, known["password"]))
    for number, payer in enumerate(payers):
        await payer.ask("/public/payees", {"to": payers[number - 1].account_id})
    return payers


async def _load(payers: list[Customer], rate: int, stop: asyncio.Event, posted: list[int]) -> None:
    """`rate` transfers a second between these customers, until it is enough."""

    async def one(number: int) -> None:
        while not stop.is_set():
            begun = asyncio.get_running_loop().time()
            await payers[number].send(payers[number - 1].account_id, 1)
            posted.append(1)
            left = len(payers) / rate - (asyncio.get_running_loop().time() - begun)
            await asyncio.sleep(max(0.0, left))

    await asyncio.gather(*(one(number) for number in range(len(payers))))


async def _alarm(measured: Measured, transfer_id: str) -> str:
    alarm = {
        "source": DETECTOR,
        "id": new_id(),
        "account_id": measured.victim,
        "occurred_at": datetime.now(UTC).isoformat(),
        "stolen_transfers": [transfer_id],
        "kind": "trigger",
    }
    async with measured.client() as gateway:
        answer = (await gateway.post("/v1/alarms", json=alarm)).json()
        return str(answer["incident_id"])


async def _until_pursued(measured: Measured, incident_id: str) -> None:
    """The wallet has said no to a hold on the mule, and the recovery goes on."""
    await _steps(
        measured, incident_id, lambda steps: any(s["step_key"].startswith("pursuit/") for s in steps)
    )


async def _chase(mule: Customer, receivers: list[Customer]) -> dict[str, datetime]:
    """When each part was posted, by the account where it lies."""
    random = Random(SEED)
    at = {}
    for receiver in receivers:
        await mule.ask("/public/payees", {"to": receiver.account_id})
        sent = await mule.send(receiver.account_id, PART)
        at[receiver.account_id] = datetime.fromisoformat(sent["posted_at"])
        await asyncio.sleep(random.uniform(*PAUSE_SECONDS))
    return at


async def _held(measured: Measured, incident_id: str, at: dict[str, datetime]) -> dict[str, datetime]:
    """When the hold on each of these accounts was placed and recorded."""
    steps = await _steps(measured, incident_id, lambda steps: at.keys() <= _holds(steps).keys())
    return {account: moment for account, moment in _holds(steps).items() if account in at}


def _holds(steps: list[dict[str, Any]]) -> dict[str, datetime]:
    return {
        step["step_key"].split("/")[-2]: datetime.fromisoformat(step["completed_at"])
        for step in steps
        if step["kind"] == StepKind.HOLD and step["status"] == "done" and step["receipt_id"]
    }


async def _steps(measured: Measured, incident_id: str, reached: Any) -> list[dict[str, Any]]:
    async with measured.client(Role.AUDITOR) as client, asyncio.timeout(PATIENCE_SECONDS):
        while True:
            steps: list[dict[str, Any]] = (await client.get(f"/v1/incidents/{incident_id}/steps")).json()[
                "steps"
            ]
            if reached(steps):
                return steps
            await asyncio.sleep(LOOK_SECONDS)


def main() -> int:
    """Measure, show, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--moves", type=int, default=40)
    parser.add_argument("--rate", type=int, default=50)
    parser.add_argument("--json", type=Path, default=ROOT / ".stanch" / "bench-pursuit.json")
    chosen = parser.parse_args()
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="stanch-bench-") as folder, running(Path(folder)) as measured:
        figures = asyncio.run(measure(measured, moves=chosen.moves, rate=chosen.rate))
    figures["when"] = datetime.now(UTC).isoformat(timespec="seconds")
    figures["where"] = {"cores": os.cpu_count(), "load_before": round(load, 1)}
    chosen.json.parent.mkdir(parents=True, exist_ok=True)
    chosen.json.write_text(json.dumps(figures, indent=1) + "\n")
    took = figures["posting_to_hold"]
    print(
        f"From posting to hold: p50 {took['p50_ms']} ms, p95 {took['p95_ms']} ms, {took['count']} moves, "
        f"{figures['load']['posted_per_s']} other transfers/s. JSON: {chosen.json}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
