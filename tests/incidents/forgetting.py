"""Somebody who has forgotten a password, at the front door: the API over ASGI, messages from the wallet's outbox."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2

from gateway.application import create_app
from tests.incidents.house import House

CODE = re.compile(r"code (\d+) for reference (\w+)")
LINK = re.compile(r"/renew#([\w-]+)")


@dataclass
class Forgetful:
    """One account, its owner's contacts, and a browser without any credential."""

    house: House
    door: httpx2.AsyncClient
    account_id: str
    contacts: dict[str, str] = field(init=False)
    token: str = ""
    recovery_id: str = ""

    def __post_init__(self) -> None:
        self.contacts = self.house.sandbox.control("GET", f"/people/{self.account_id}")["contacts"]

    async def begin(self, **by: str) -> httpx2.Response:
        """Begin, by the owner's own number unless it is said otherwise."""
        said = by or {"phone": self.contacts["phone"]}
        answer = await self.door.post("/v1/credential-recoveries", json=said)
        if answer.is_success:
            self.token, self.recovery_id = answer.json()["token"], answer.json()["recovery_id"]
        return answer

    async def ask(self, method: str, path: str = "", body: Any = None) -> httpx2.Response:
        """By the token alone."""
        headers = {"authorization": f"Bearer {self.token}"}
        return await self.door.request(method, f"/v1/credential-recovery{path}", json=body, headers=headers)

    async def state(self) -> str:
        """What whoever began it sees."""
        return str((await self.ask("GET")).raise_for_status().json()["state"])

    async def answer(self, reference: str, code: str) -> int:
        """Answer one code."""
        body = {"challenge_id": reference, "code": code}
        return (await self.ask("POST", "/codes", body)).status_code

    async def codes(self, many: int) -> dict[str, tuple[str, str]]:
        """Wait for so many codes of this recovery on the owner's contacts: channel -> (reference, code)."""
        found: dict[str, tuple[str, str]] = {}

        async def there() -> bool:
            rows = await self.house.rows(
                "SELECT id FROM identity_challenge WHERE incident_id = :id", id=self.recovery_id
            )
            ours = {row.id for row in rows}
            for channel, value in self.contacts.items():
                for message in self.house.sandbox.outbox(value):
                    code = CODE.search(message["body"])
                    if code is not None and code[2] in ours:
                        found[channel] = (code[2], code[1])
            return len(found) == many

        await self.house.until(there, f"{many} codes for a new password")
        return found

    async def prove(self) -> None:
        """Answer the codes of both contacts, and wait for the link."""
        for reference, code in (await self.codes(2)).values():
            assert await self.answer(reference, code) == 200
        await self.until("link_sent")

    async def until(self, state: str) -> None:
        """Wait until the one who began it sees this. They look once: who asks as fast as we wait is slowed down."""
        query = "SELECT id FROM credential_recovery WHERE id = :id AND state = :state"
        await self.house.until_rows(query, id=self.recovery_id, state=state)
        assert await self.state() == state

    async def ended(self) -> str:
        """Wait for the end in the database; how."""
        rows = await self.house.until_rows(
            "SELECT ending FROM credential_recovery WHERE id = :id AND ending IS NOT NULL",
            id=self.recovery_id,
        )
        return str(rows[0].ending)

    def link(self) -> str:
        """The token of the wallet's newest link, in the owner's mailbox."""
        messages = self.house.sandbox.outbox(self.contacts["email"])
        return next(found[1] for each in reversed(messages) if (found := LINK.search(each["body"])))


@asynccontextmanager
async def forgetful(house: House, account_id: str | None = None) -> AsyncIterator[Forgetful]:
    """Somebody who comes to the door of this house. Its parts are open already, so no lifespan runs."""
    transport = httpx2.ASGITransport(create_app(house.parts))
    async with httpx2.AsyncClient(transport=transport, base_url="http://gateway", timeout=30) as door:
        yield Forgetful(house, door, account_id or house.sandbox.rich_account())
