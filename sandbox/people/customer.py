"""A customer's app: the wallet's public side as somebody's phone sees it."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx2

TRIES = 5
TRY_AGAIN_SECONDS = 0.2


class Refused(Exception):
    """The wallet said no, with this code."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status = status
        self.code = code

    @property
    def locked_out(self) -> bool:
        """Whether nothing more can be done with this account."""
        return self.code in ("account_restricted", "session_ended", "account_closed", "must_renew")


class App:
    """One app on one device. A wallet that stumbles (5xx, lost answers) is asked again."""

    def __init__(self, client: httpx2.AsyncClient, fingerprint: str, label: str) -> None:
        self._client = client
        self._device = {"fingerprint": fingerprint, "label": label}
        self._headers: dict[str, str] = {}
        self.account_id = ""

    async def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """One request. Errors: Refused."""
        for number in range(1, TRIES + 1):
            try:
                response = await self._client.request(
                    method, f"/public{path}", json=body, headers=self._headers
                )
            except httpx2.TransportError:
                if number == TRIES:
                    raise
            else:
                if response.is_success:
                    answer: dict[str, Any] = response.json()
                    return answer
                if response.status_code < 500:
                    raise Refused(response.status_code, response.json().get("code", "unknown"))
            await asyncio.sleep(TRY_AGAIN_SECONDS)
        raise Refused(503, "unavailable")

    async def sign_up(self, name: str, phone: str, password: str) -> None:
        """Open an account of one's own."""
        body = {"name": name, "phone": phone, "password": password, "device": self._device}
        self._entered(await self.ask("POST", "/signup", body))

    async def log_in(self, account: str, password: str) -> None:
        """Enter an account, whoever's it is."""
        body = {"account": account, "password": password, "device": self._device}
        self._entered(await self.ask("POST", "/login", body))

    def _entered(self, answer: dict[str, Any]) -> None:
        self._headers = {"Authorization": f"Bearer {answer['session_token']}"}
        self.account_id = answer["account_id"]

    async def add_payee(self, to: str) -> None:
        """Make somebody payable."""
        await self.ask("POST", "/payees", {"to": to})

    async def send(self, to: str, amount: int, currency: str) -> dict[str, Any]:
        """Send money."""
        return await self.ask("POST", "/transfers", {"to": to, "amount": amount, "currency": currency})

    async def available(self) -> dict[str, int]:
        """What can be spent, by currency."""
        balances = (await self.ask("GET", "/me"))["balances"]
        return {balance["currency"]: balance["available"] for balance in balances}
