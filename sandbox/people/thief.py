"""The thief: stolen password, new device, new phone number, fresh mules, and out with the money until refused."""

from __future__ import annotations

import asyncio

import httpx2

from sandbox.people.customer import App, Refused
from sandbox.people.mule import Ending, Mule
from sandbox.people.plan import Later, Plan, make_plan
from sandbox.people.telling import Stage

MOST_PER_DAY = 2_000_000_000
LAST_TRIES = 3
"""How often the thief still tries everything after being refused."""
SMALLEST = 2_000


class Thief:
    """Uses nothing but the wallet's public side and what was stolen from the owner's head: the password."""

    def __init__(
        self, client: httpx2.AsyncClient, plan: Plan, stage: Stage, *, account_id: str, password: str
    ) -> None:
        self._client = client
        self._plan = plan
        self._stage = stage
        self._account_id = account_id
        self._password = password
        self._app = App(client, plan.fingerprint, "Android 14")
        self._mules = [Mule(mule, client, stage) for mule in plan.mules]

    async def steal(self, currencies: list[str], *, afterwards: float) -> int:
        """Take the account over and empty it until refused; gives 0."""
        for mule in self._mules:
            await mule.sign_up()
        exits = await self._exits()
        ending = Ending(afterwards)
        async with asyncio.TaskGroup() as group:
            for mule in self._mules:
                others = [other for other in self._mules if other.plan.layer == 2 and other is not mule]
                group.create_task(mule.work(others, exits, ending=ending))
            try:
                await self._take_over(currencies)
                for later in self._plan.later:
                    await self._leave_behind(later, exits.get("merchant", []), currencies[0])
                await self._empty(currencies)
            except Refused as refused:
                self._stage.tell("refused", refused=refused.code)
            await self._insist(currencies[0])
            ending.begin()
        self._stage.tell("gone")
        return 0

    async def _exits(self) -> dict[str, list[str]]:
        exits: dict[str, list[str]] = {}
        for place in (await self._app.ask("GET", "/exits"))["exits"]:
            exits.setdefault(place["kind"], []).append(place["account_id"])
        return exits

    async def _take_over(self, currencies: list[str]) -> None:
        await self._app.log_in(self._account_id, self._password)
        self._stage.tell("logged_in", account_id=self._account_id)
        await self._stage.pause(0.3)
        await self._app.ask("POST", "/contacts", {"kind": "phone", "value": self._plan.phone})
        self._stage.tell("changed_phone")
        for currency in currencies:
            await self._app.ask("POST", "/limits", {"currency": currency, "amount": MOST_PER_DAY})
            self._stage.tell("raised_limit", currency=currency)
        for mule in self._mules:
            if mule.plan.layer == 1:
                await self._stage.pause(0.1)
                await self._app.add_payee(mule.account_id)
                self._stage.tell("added_payee", to=mule.account_id)

    async def _leave_behind(self, later: Later, merchants: list[str], currency: str) -> None:
        """Allow a payment that comes by itself: through the owner's own card, to a mule, or under a new mandate."""
        to, rests_on = self._mules[0].account_id, None
        if later.kind != "scheduled_payment":
            if not merchants:
                return
            to = merchants[int(later.seconds * 1000) % len(merchants)]
            rests_on = await self._allowing(later.kind, to)
        asked = {"kind": later.kind, "to": to, "amount": later.amount, "currency": currency}
        await self._app.ask("POST", "/payments", {**asked, "seconds": later.seconds, "entry_id": rests_on})
        self._stage.tell("left_behind", account_id=self._account_id, **asked)

    async def _allowing(self, kind: str, merchant: str) -> str:
        if kind == "mandate_collection":
            mandate = {"label": "club membership", "value": merchant}
            return str((await self._app.ask("POST", "/security/mandates", mandate))["id"])
        cards = (await self._app.ask("GET", "/me"))["cards"]
        if cards:
            return str(cards[0]["card_id"])
        return str((await self._app.ask("POST", "/security/cards", {"label": "virtual card"}))["id"])

    async def _empty(self, currencies: list[str]) -> None:
        owned = await self._app.available()
        receivers = [mule for mule in self._mules if mule.plan.layer == 1]
        number = 0
        for currency in currencies:
            left = owned.get(currency, 0)
            for share, pause in zip(self._plan.shares, self._plan.pauses, strict=True):
                await self._stage.pause(pause)
                amount = min(left, int(owned.get(currency, 0) * share))
                if amount < SMALLEST:
                    break
                receiver = receivers[number % len(receivers)].account_id
                number += 1
                if await self._take(receiver, amount, currency):
                    left -= amount

    async def _take(self, to: str, amount: int, currency: str) -> bool:
        told = {"account_id": self._account_id, "to": to, "amount": amount, "currency": currency}
        try:
            sent = await self._app.send(to, amount, currency)
        except Refused as refused:
            self._stage.tell("theft_refused", refused=refused.code, **told)
            if refused.locked_out:
                raise
            return False
        self._stage.tell("theft", transfer_id=sent["transfer_id"], seq=sent["seq"], **told)
        return True

    async def _insist(self, currency: str) -> None:
        """A thief who was refused tries again: a transfer, a login, a payee."""
        receiver = self._mules[0].account_id
        for _ in range(LAST_TRIES):
            for did, attempt in (
                ("transfer", self._app.send(receiver, SMALLEST, currency)),
                ("login", self._app.log_in(self._account_id, self._password)),
                ("payee", self._app.add_payee(receiver)),
            ):
                try:
                    await attempt
                    self._stage.tell("still_possible", attempt=did)
                except Refused as refused:
                    self._stage.tell("still_refused", attempt=did, refused=refused.code)
                await self._stage.pause(0.15)


async def run_thief(
    url: str,
    *,
    account_id: str,
    password: str,
    seed: int,
    currencies: list[str],
    afterwards: float,
    stage: Stage,
) -> int:
    """Play the thief once against the wallet at `url`."""
    async with httpx2.AsyncClient(base_url=url, timeout=10, trust_env=False) as client:
        thief = Thief(client, make_plan(seed, account_id), stage, account_id=account_id, password=password)
        return await thief.steal(currencies, afterwards=afterwards)
