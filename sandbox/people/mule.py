"""A mule: an account of the thief's own through which stolen money passes on and out."""

from __future__ import annotations

import time
from random import Random

import httpx2

from sandbox.people.customer import App, Refused
from sandbox.people.plan import MulePlan, draw_cash_out
from sandbox.people.telling import Stage

SMALLEST = 2_000
"""Less is not worth a transfer, minor units."""
NUMBERS = 100
IDLE_LOOKS = 8
"""After so many looks at an account with nothing to spend a mule gives up, once the victim is closed to the thief."""


class Ending:
    """When the mules stop: `seconds` after the thief was done with the victim's account."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._begun_at: float | None = None

    def begin(self) -> None:
        """The thief is done with the victim's account."""
        self._begun_at = time.monotonic()

    @property
    def begun(self) -> bool:
        """Whether nothing more comes from the victim."""
        return self._begun_at is not None

    @property
    def reached(self) -> bool:
        """Whether it is time to stop."""
        return self._begun_at is not None and time.monotonic() - self._begun_at > self._seconds


class Mule:
    """Signs up with a fresh number, then passes money on until there is none or it is held."""

    def __init__(self, plan: MulePlan, client: httpx2.AsyncClient, stage: Stage) -> None:
        self.plan = plan
        self._stage = stage.named(f"mule-{plan.number}")
        self._app = App(client, f"fp-mule-{plan.seed:08x}", "Android 13")
        self._random = Random(plan.seed)
        self._payees: set[str] = set()

    @property
    def account_id(self) -> str:
        """Empty until signed up."""
        return self._app.account_id

    async def sign_up(self) -> None:
        """Open the account; a number that is taken already (the thief was here before) gets more digits."""
        for number in range(NUMBERS):
            phone = f"{self.plan.phone}{number or ''}"
            try:
                await self._app.sign_up(self.plan.name, phone, f"pw-{self.plan.seed:08x}")
            except Refused as refused:
                if refused.code != "contact_taken":
                    raise
            else:
                self._stage.tell("signed_up", account_id=self.account_id, layer=self.plan.layer)
                return
        message = "every number is taken"
        raise RuntimeError(message)

    async def work(self, others: list[Mule], exits: dict[str, list[str]], *, ending: Ending) -> None:
        """Pass money on until nothing is left or the time after the theft is up."""
        idle = 0
        while idle < IDLE_LOOKS and not ending.reached:
            await self._stage.pause(self._random.uniform(0.6, 1.7))
            if self._stage.over.is_set():
                return
            try:
                moved = await self._pass_on(others, exits)
            except Refused as refused:
                self._stage.tell("refused", account_id=self.account_id, refused=refused.code)
                if refused.locked_out:
                    return
                moved = False
            idle = idle + 1 if ending.begun and not moved else 0

    async def _pass_on(self, others: list[Mule], exits: dict[str, list[str]]) -> bool:
        moved = False
        for currency, available in sorted((await self._app.available()).items()):
            if available < SMALLEST:
                continue
            if self._random.random() < (0.75 if self.plan.layer == 1 else 0.25):
                receivers = self._random.sample(others, k=min(len(others), self._random.choice((1, 2, 2, 3))))
                for receiver in receivers:
                    part = int(available * self._random.uniform(0.25, 0.9) / len(receivers))
                    moved = await self._send(receiver.account_id, "mule", part, currency) or moved
            else:
                kind = draw_cash_out(self._random, exits)
                part = int(available * self._random.uniform(0.3, 0.95))
                if kind is not None:
                    moved = await self._send(self._random.choice(exits[kind]), kind, part, currency) or moved
        return moved

    async def _send(self, to: str, kind: str, amount: int, currency: str) -> bool:
        if amount < 1:
            return False
        told = {"account_id": self.account_id, "to": to, "kind": kind, "amount": amount, "currency": currency}
        try:
            if to not in self._payees:
                await self._app.add_payee(to)
                self._payees.add(to)
            sent = await self._app.send(to, amount, currency)
        except Refused as refused:
            self._stage.tell("transfer_refused", refused=refused.code, **told)
            if refused.locked_out:
                raise
            return False
        self._stage.tell("transfer", transfer_id=sent["transfer_id"], status=sent["status"], **told)
        return True
