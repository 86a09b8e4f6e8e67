"""A thief who comes back: the owner's new password was phished too, and the cool-down's last stage lets a little out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

import httpx2

from sandbox.people.customer import App, Refused
from sandbox.people.mule import Mule
from sandbox.people.plan import Plan, make_plan
from sandbox.people.telling import Stage

LOOK_SECONDS = 0.15
AMOUNT = 30_000
"""Small enough to pass under the limits of a cool-down more than once, minor units."""

Phish = Callable[[], Awaitable[str]]
"""Gives the owner's password of this moment."""


class ReturningThief:
    """Waits until the owner has a new password, then tries what the wallet allows until refused."""

    def __init__(
        self, client: httpx2.AsyncClient, plan: Plan, stage: Stage, *, account_id: str, phish: Phish
    ) -> None:
        self._stage = stage
        self._phish = phish
        self._account_id = account_id
        self._phone = plan.phone
        self._app = App(client, plan.fingerprint, "Android 15")
        self._mules = [Mule(mule, client, stage) for mule in plan.mules if mule.layer == 1]

    async def steal(self, currency: str) -> int:
        """Come back once and take what can be taken; gives 0."""
        stolen = await self._phish()
        while not self._stage.over.is_set() and (password := await self._phish()) == stolen:
            await self._stage.pause(LOOK_SECONDS)
        for mule in self._mules:
            await mule.sign_up()
        await self._until_allowed(partial(self._app.log_in, self._account_id, password), knocking=True)
        self._stage.tell("logged_in", account_id=self._account_id)
        try:
            await self._take_over(currency)
        except Refused as refused:
            self._stage.tell("refused", refused=refused.code)
        self._stage.tell("gone")
        return 0

    async def _take_over(self, currency: str) -> None:
        number = {"kind": "phone", "value": self._phone}
        await self._until_allowed(partial(self._app.ask, "POST", "/contacts", number))
        for mule in self._mules:
            await self._until_allowed(partial(self._app.add_payee, mule.account_id))
        await self._take(currency)

    async def _until_allowed(
        self, attempt: Callable[[], Awaitable[object]], *, knocking: bool = False
    ) -> None:
        """What the wallet refuses now it may allow in the next stage. Errors: Refused, once locked out unless knocking."""
        while not self._stage.over.is_set():
            try:
                await attempt()
            except Refused as refused:
                if refused.locked_out and not knocking:
                    raise
                await self._stage.pause(LOOK_SECONDS)
            else:
                return

    async def _take(self, currency: str) -> None:
        number = 0
        while not self._stage.over.is_set():
            receiver = self._mules[number % len(self._mules)].account_id
            told = {"account_id": self._account_id, "to": receiver, "amount": AMOUNT, "currency": currency}
            try:
                sent = await self._app.send(receiver, AMOUNT, currency)
            except Refused as refused:
                self._stage.tell("theft_refused", refused=refused.code, **told)
                if refused.locked_out:
                    raise
            else:
                number += 1
                self._stage.tell("theft", transfer_id=sent["transfer_id"], seq=sent["seq"], **told)
            await self._stage.pause(LOOK_SECONDS)


async def run_returning_thief(
    url: str, *, account_id: str, seed: int, currency: str, phish: Phish, stage: Stage
) -> int:
    """Play the thief who comes back."""
    async with httpx2.AsyncClient(base_url=url, timeout=10, trust_env=False) as client:
        # Another phone, another number, other mules than the first time.
        plan = make_plan(seed + 1, account_id)
        thief = ReturningThief(client, plan, stage, account_id=account_id, phish=phish)
        return await thief.steal(currency)
