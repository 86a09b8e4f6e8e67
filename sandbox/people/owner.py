"""The owner: reads what reaches the old phone and mailbox, proves who they are, and takes the account back."""

from __future__ import annotations

import asyncio
import re
from random import Random
from typing import Any

import httpx2

from sandbox.people.customer import App, Refused
from sandbox.people.telling import Stage

LOOK_SECONDS = 0.3
UNAUTHORIZED = 401
_CODE = re.compile(r"code (\d+)")
_REFERENCE = re.compile(r"reference (\w+)")
_LINK = re.compile(r"/renew#([\w-]+)")
_PRETENDED = re.compile(r"claimed to be you", re.IGNORECASE)


class Owner:
    """Knows the contact values and the password that were theirs before the theft, and nothing of any engine."""

    def __init__(
        self,
        wallet: httpx2.AsyncClient,
        gateway: httpx2.AsyncClient,
        stage: Stage,
        *,
        known: dict[str, Any],
        admin_key: str,
        seed: int,
        stays: bool = False,
        asked_nothing: bool = False,
    ) -> None:
        self._stays = stays
        self._asked_nothing = asked_nothing
        self._wallet = wallet
        self._gateway = gateway
        self._stage = stage
        self._known = known
        self._admin = {"Authorization": f"Bearer {admin_key}"}
        self._random = Random(f"owner/{seed}/{known['account_id']}")
        self._app = App(wallet, known["device"], "my own device")
        self._seen: dict[str, int] = {}
        self._password = known["password"]
        self._token: str | None = None
        self._claim: dict[str, str] = {}
        """What the first accepted code gave, to send with every further one."""

    async def recover(self) -> int:
        """Answer codes and links as they arrive, until the account can be entered again; gives 0 then.

        An owner who stays goes on answering until told to stop: the account may be frozen again.
        """
        while not self._stage.over.is_set():
            for message in await self._new_messages():
                # To read is quicker than to do what is asked.
                quick = (0.1, 0.3) if self._asked_nothing else (0.4, 1.5)
                await self._stage.pause(self._random.uniform(*quick))
                await self._react(message["body"])
            if self._token is not None and await self._entered(self._token):
                if not self._stays:
                    return 0
                self._token = None
            await asyncio.sleep(LOOK_SECONDS)
        return 0

    async def _new_messages(self) -> list[dict[str, Any]]:
        found = []
        for value in self._known["contacts"].values():
            try:
                response = await self._wallet.get(
                    "/sandbox/outbox",
                    params={"to": value, "after": self._seen.get(value, 0)},
                    headers=self._admin,
                )
            except httpx2.TransportError:
                continue
            if response.is_success:
                messages = response.json()["messages"]
                found += messages
                if messages:
                    self._seen[value] = messages[-1]["number"]
        return sorted(found, key=lambda message: int(message["number"]))

    async def _react(self, body: str) -> None:
        code, reference, link = _CODE.search(body), _REFERENCE.search(body), _LINK.search(body)
        if _PRETENDED.search(body):
            self._stage.tell("was_warned")
        elif self._asked_nothing:
            # A code that nobody asked for is a sign that somebody else did.
            self._stage.tell("left_alone" if code or link else "read_message")
        elif code and reference:
            await self._answer(reference[1], code[1])
        elif link:
            await self._renew(link[1])
        else:
            self._stage.tell("read_message")

    async def _answer(self, reference: str, code: str) -> None:
        """Answer a one-time code; a gateway that is down is asked again."""
        while not self._stage.over.is_set():
            try:
                response = await self._gateway.post(
                    "/v1/identity/answers", json={"challenge_id": reference, "code": code} | self._claim
                )
            except httpx2.TransportError:
                await asyncio.sleep(LOOK_SECONDS)
                continue
            if response.status_code >= 500:
                await asyncio.sleep(LOOK_SECONDS)
                continue
            if response.status_code == UNAUTHORIZED and self._claim:
                # The claim was about what is over by now; the code begins another one.
                self._claim = {}
                continue
            self._stage.tell("answered_code", reference=reference, status=response.status_code)
            if response.is_success and (opened := response.json().get("claim")) is not None:
                self._claim = {"claim": opened}
            return

    async def _renew(self, token: str) -> None:
        password = f"new-{self._random.randrange(2**48):012x}"
        try:
            await self._app.ask("POST", "/links/use", {"token": token, "password": password})
        except Refused as refused:
            self._stage.tell("link_refused", refused=refused.code)
            return
        self._password, self._token = password, token
        self._stage.tell("renewed_password")

    async def _entered(self, token: str) -> bool:
        """Log in once the wallet's page says that it is possible: knocking before would look like an attack."""
        try:
            page = await self._app.ask("POST", "/links/look", {"token": token})
            if not page["login_allowed"]:
                return False
            await self._app.log_in(self._known["account_id"], self._password)
            owned = await self._app.available()
        except Refused as refused:
            self._stage.tell("login_refused", refused=refused.code)
            return False
        self._stage.tell("logged_in", account_id=self._known["account_id"], available=owned)
        return True


async def run_owner(
    url: str,
    gateway_url: str,
    *,
    known: dict[str, Any],
    admin_key: str,
    seed: int,
    stage: Stage,
    stays: bool = False,
    asked_nothing: bool = False,
) -> int:
    """Play the owner once. `known` is what GET /sandbox/people/{account_id} tells."""
    async with (
        httpx2.AsyncClient(base_url=url, timeout=10, trust_env=False) as wallet,
        httpx2.AsyncClient(base_url=gateway_url, timeout=10, trust_env=False) as gateway,
    ):
        owner = Owner(
            wallet,
            gateway,
            stage,
            known=known,
            admin_key=admin_key,
            seed=seed,
            stays=stays,
            asked_nothing=asked_nothing,
        )
        return await owner.recover()
