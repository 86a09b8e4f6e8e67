"""Notices at work: the gateway's freeze, the deliverer, a real wallet and message company; no Temporal is needed."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from activities.changes import Change, QueueNotice
from activities.steps import Effect, Running
from adapters.notices.deliverer import Deliverer
from adapters.wiring import Wiring
from gateway.assembly import assemble
from models.contracts.alarms import Alarm, Sender
from models.contracts.notices import NoticeView
from models.contracts.steps import Origin, StepInput, StepResult
from models.ids import new_id
from models.names import AlarmKind, NoticeTemplate, Role, StepKind
from settings import Settings
from tests.running_sandbox import RunningSandbox, Theft

MASTER_KEY = base64.b64encode(bytes(range(32))).decode()
DETECTOR = Sender(operator_id=new_id(), name="detector", role=Role.TRIGGER)
LOOKS = 150
LOOK_SECONDS = 0.02
"""How often a test lets the deliverer look before it gives up, and what lies between two looks."""


def settings(sandbox: RunningSandbox, database_url: str, **more: Any) -> Settings:
    return Settings(
        database_url=SecretStr(database_url),
        wallet_url=sandbox.url,
        wallet_key=SecretStr(sandbox.wallet_key),
        message_url=sandbox.url,
        message_key=SecretStr(sandbox.message_key),
        master_key=SecretStr(MASTER_KEY),
        policy="demo",
        database_pool=5,
        **more,
    )


@dataclass
class House:
    """What a process of the engine has, as far as notices go."""

    wiring: Wiring
    sandbox: RunningSandbox

    def __post_init__(self) -> None:
        self.parts = assemble(self.wiring)
        self.deliver = replace(self.wiring.deliver_notice, retry=timedelta(milliseconds=50))
        self.deliverer = Deliverer(store=self.wiring.notices, deliver=self.deliver, at_once=10)

    def steal(self) -> Theft:
        return self.sandbox.steal(self.sandbox.rich_account(), (20_000,), mules=1)

    def old(self, theft: Theft) -> list[str]:
        """The owner's contacts of before the theft."""
        contacts: dict[str, str] = self.sandbox.control("GET", f"/people/{theft.account_id}")["contacts"]
        return sorted(contacts.values())

    def new(self, theft: Theft) -> list[str]:
        """What the account shows besides: the thief's."""
        shown = self.sandbox.state(theft.account_id)["contact_points"]
        return sorted({point["value"] for point in shown} - set(self.old(theft)))

    async def freeze(self, theft: Theft, **more: Any) -> str:
        """The alarm and the freeze as the gateway does them; the incident."""
        alarm = Alarm(
            source="detector",
            id=new_id(),
            account_id=theft.account_id,
            occurred_at=datetime.now(UTC),
            kind=AlarmKind.TRIGGER,
            **{"compromised_since": theft.compromised_since - timedelta(seconds=1), **more},
        )
        raised = await self.parts.raise_alarm.run(
            alarm, sender=DETECTOR, receipt=self.parts.raise_alarm.receive()
        )
        return str(raised.incident_id)

    async def promise(self, incident_id: str, *notices: QueueNotice) -> None:
        """Promise notices in a step of their own."""
        step = StepInput(incident_id=incident_id, episode=1, step_key=f"test/{new_id()}")

        async def effect(running: Running) -> Effect[StepResult]:
            del running
            changes: tuple[Change, ...] = notices
            return Effect(StepResult(step_key=step.step_key), changes=changes)

        await self.wiring.steps.run(step, StepKind.DECISION, StepResult, effect, origin=Origin())

    async def whole(self, incident_id: str, count: int = 1) -> None:
        await self.promise(incident_id, *(QueueNotice(NoticeTemplate.ACCOUNT_WHOLE) for _ in range(count)))

    async def notices(self, incident_id: str) -> Sequence[NoticeView]:
        return await self.parts.tell.of_incident(incident_id, limit=100)

    async def until_settled(self, incident_id: str) -> Sequence[NoticeView]:
        """Let the deliverer look until nothing waits."""
        found: Sequence[NoticeView] = ()
        for _ in range(LOOKS):
            await self.deliverer.once()
            found = await self.notices(incident_id)
            if all(each.settled_at is not None for each in found):
                return found
            await asyncio.sleep(LOOK_SECONDS)
        raise AssertionError(f"still waiting: {found}")

    async def until_told(self, incident_id: str, *states: str) -> Sequence[NoticeView]:
        """Let the deliverer look until every delivery is in one of these states."""
        found: Sequence[NoticeView] = ()
        for _ in range(LOOKS):
            await self.deliverer.once()
            await self.rows(
                "UPDATE notice_delivery SET next_look_at = now() WHERE next_look_at IS NOT NULL RETURNING 1"
            )
            found = await self.notices(incident_id)
            deliveries = [delivery for each in found for delivery in each.deliveries]
            if deliveries and all(each.state in states for each in deliveries):
                return found
        raise AssertionError(f"still otherwise: {found}")

    async def rows(self, query: str, **values: Any) -> list[Any]:
        async with self.wiring.engine.begin() as connection:
            return list((await connection.execute(text(query), values)).all())

    async def in_wallet(self, query: str, **values: Any) -> None:
        """Change the wallet's own records, as somebody inside it could."""
        engine = create_async_engine(
            self.sandbox.database_url.replace("postgresql://", "postgresql+asyncpg://")
        )
        try:
            async with engine.begin() as connection:
                await connection.execute(text(query), values)
        finally:
            await engine.dispose()
