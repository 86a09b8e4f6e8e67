"""The owner abroad, with a new phone and a new number, paying new acquaintances: to a detector this looks like a theft."""

from __future__ import annotations

from random import Random

import httpx2

from sandbox.people.customer import App, Refused
from sandbox.people.telling import Stage

FRIENDS = 3
MOST_PAYMENTS = 12
SHARE = 0.02
"""What part of what is there each payment takes."""


class Traveller:
    """Is who they say: has the password, and the old phone and mailbox too."""

    def __init__(self, client: httpx2.AsyncClient, stage: Stage, *, known: dict[str, str], seed: int) -> None:
        self._client = client
        self._stage = stage
        self._known = known
        self._random = Random(f"traveller/{seed}/{known['account_id']}")
        self._app = App(client, f"fp-travel-{self._random.randrange(2**40):010x}", "a new phone")

    async def travel(self, currency: str) -> int:
        """Pay friends until refused; gives 0."""
        friends = [await self._meet(number) for number in range(FRIENDS)]
        try:
            await self._app.log_in(self._known["account_id"], self._known["password"])
            number = f"+8619{self._random.randrange(10**9):09d}"
            await self._app.ask("POST", "/contacts", {"kind": "phone", "value": number})
            for friend in friends:
                await self._app.add_payee(friend)
            await self._pay(friends, currency)
        except Refused as refused:
            self._stage.tell("refused", refused=refused.code)
        return 0

    async def _meet(self, number: int) -> str:
        """A new acquaintance, who has an account of their own."""
        friend = App(self._client, f"fp-friend-{self._random.randrange(2**40):010x}", "somebody's phone")
        phone = f"+8615{self._random.randrange(10**9):09d}"
        await friend.sign_up(f"Friend {number}", phone, f"pw-{self._random.randrange(2**32):08x}")
        return friend.account_id

    async def _pay(self, friends: list[str], currency: str) -> None:
        amount = max(1, int((await self._app.available()).get(currency, 0) * SHARE))
        for number in range(MOST_PAYMENTS):
            await self._stage.pause(self._random.uniform(0.15, 0.45))
            friend = friends[number % len(friends)]
            sent = await self._app.send(friend, amount, currency)
            self._stage.tell(
                "paid", transfer_id=sent["transfer_id"], to=friend, amount=amount, currency=currency
            )


async def run_traveller(url: str, *, known: dict[str, str], seed: int, currency: str, stage: Stage) -> int:
    """Play the owner abroad once. `known` is what GET /sandbox/people/{account_id} tells."""
    async with httpx2.AsyncClient(base_url=url, timeout=10, trust_env=False) as client:
        return await Traveller(client, stage, known=known, seed=seed).travel(currency)
