"""An owner who has forgotten the password: begins by the own number, reads codes, sets a new one, looks what changed."""

from __future__ import annotations

import re
from random import Random
from typing import Any

import httpx2

from sandbox.people.customer import App, Refused
from sandbox.people.telling import Stage

LOOK_SECONDS = 0.3
STATE_SECONDS = 1.5
"""Between two looks at how it stands: who asks faster than once a second is slowed down."""
REFUSED = 3
_CODE = re.compile(r"code (\d+)")
_REFERENCE = re.compile(r"reference (\w+)")
_LINK = re.compile(r"/renew#([\w-]+)")


class Forgetful:
    """Knows the own number and mailbox, and nothing else any more."""

    def __init__(
        self,
        wallet: httpx2.AsyncClient,
        gateway: httpx2.AsyncClient,
        stage: Stage,
        *,
        known: dict[str, Any],
        admin_key: str,
        seed: int,
    ) -> None:
        self._wallet = wallet
        self._gateway = gateway
        self._stage = stage
        self._known = known
        self._admin = {"Authorization": f"Bearer {admin_key}"}
        self._random = Random(f"forgetful/{seed}/{known['account_id']}")
        self._app = App(wallet, known["device"], "my own device")
        self._token: dict[str, str] = {}
        self._before: dict[str, int] = {}

    async def come_back(self) -> int:
        """Begin, prove, renew, log in, look; gives 0, or 3 when the gateway did not begin."""
        for value in self._known["contacts"].values():
            messages = await self._messages(value)
            self._before[value] = messages[-1]["number"] if messages else 0
        begun = await self._gateway.post(
            "/v1/credential-recoveries", json={"phone": self._known["contacts"]["phone"]}
        )
        if not begun.is_success:
            self._stage.tell("refused", status=begun.status_code)
            return REFUSED
        self._token = {"Authorization": f"Bearer {begun.json()['token']}"}
        self._stage.tell("began", recovery_id=begun.json()["recovery_id"])
        password = f"new-{self._random.randrange(2**48):012x}"
        while not self._stage.over.is_set() and not await self._read_on(password):
            await self._stage.pause(LOOK_SECONDS)
        while not self._stage.over.is_set() and await self._state() != "renewed":
            await self._stage.pause(STATE_SECONDS)
        if self._stage.over.is_set():
            return 0
        await self._app.log_in(self._known["account_id"], password)
        self._stage.tell("logged_in", account_id=self._known["account_id"])
        shown = await self._gateway.get("/v1/credential-recovery/check-up", headers=self._token)
        self._stage.tell("checked_up", status=shown.status_code, changes=len(shown.json().get("changes", ())))
        return 0

    async def _read_on(self, password: str) -> bool:
        """Do what new messages ask for; whether the new password is set."""
        for value in self._known["contacts"].values():
            for message in await self._messages(value):
                self._before[value] = message["number"]
                await self._stage.pause(self._random.uniform(0.1, 0.6))
                if await self._react(message["body"], password):
                    return True
        return False

    async def _react(self, body: str, password: str) -> bool:
        code, reference, link = _CODE.search(body), _REFERENCE.search(body), _LINK.search(body)
        if link:
            try:
                await self._app.ask("POST", "/links/use", {"token": link[1], "password": password})
            except Refused as refused:
                self._stage.tell("link_refused", refused=refused.code)
                return False
            self._stage.tell("renewed_password")
            return True
        if code and reference:
            answer = await self._gateway.post(
                "/v1/credential-recovery/codes",
                json={"challenge_id": reference[1], "code": code[1]},
                headers=self._token,
            )
            self._stage.tell("answered_code", reference=reference[1], status=answer.status_code)
        return False

    async def _state(self) -> str:
        response = await self._gateway.get("/v1/credential-recovery", headers=self._token)
        return str(response.json().get("state"))

    async def _messages(self, to: str) -> list[dict[str, Any]]:
        response = await self._wallet.get(
            "/sandbox/outbox", params={"to": to, "after": self._before.get(to, 0)}, headers=self._admin
        )
        messages: list[dict[str, Any]] = response.json()["messages"] if response.is_success else []
        return messages


async def run_forgetful(
    url: str, gateway_url: str, *, known: dict[str, Any], admin_key: str, seed: int, stage: Stage
) -> int:
    """Play them once. `known` is what GET /sandbox/people/{account_id} tells."""
    async with (
        httpx2.AsyncClient(base_url=url, timeout=10, trust_env=False) as wallet,
        httpx2.AsyncClient(base_url=gateway_url, timeout=10, trust_env=False) as gateway,
    ):
        person = Forgetful(wallet, gateway, stage, known=known, admin_key=admin_key, seed=seed)
        return await person.come_back()
