"""What tests of the recovery ask of a house: holds, decisions about them, and the workflow that pursues the money."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager

from adapters.secrets.keys import unseal
from adapters.sql.notices import BODY
from models.contracts.notices import NoticeView
from models.contracts.recovery import HoldView, Remedy
from models.lifecycle import Status
from models.names import NoticeTemplate, Role
from models.registered import Activity
from tests.incidents.house import House
from tests.running_sandbox import Theft
from use_cases.ports import DecisionView

LEGAL_BASIS = "order 17/2026 of the district court"


async def stolen(house: House, *amounts: int, mules: int = 2) -> tuple[Theft, str]:
    """A theft whose money is held where it lies."""
    theft = house.steal(*amounts, mules=mules)
    incident_id = (await house.alarm(theft)).incident_id
    await until_held(house, incident_id, sum(theft.amounts))
    return theft, incident_id


def robbed_of_the_same(house: House, amount: int) -> tuple[Theft, Theft]:
    """Two thefts, the second of the first one's money: a mule pays it to another victim, who has nothing else."""
    second_victim = house.sandbox.rich_account()
    owner = house.sandbox.owner(second_victim)
    for balance in house.sandbox.state(second_victim)["balances"]:
        if balance["currency"] == "CNY":
            owner.pay("mer-001", balance["available"])
    first = house.steal(amount, mules=1)
    first.mules[0].pay(second_victim, amount)
    return first, house.sandbox.steal(second_victim, (amount,), mules=1)


@asynccontextmanager
async def unheard(
    house: House, activity: Activity, incident_id: str, match: str, doing: Awaitable[object]
) -> AsyncIterator[None]:
    """What `doing` leads to has its effect at the wallet, nobody hears of it, and the next attempt waits for the block's end."""
    with house.gate.hold(activity, incident_id) as first:
        await doing
        await house.parts.wake.now(incident_id)
        await first.stands()
        house.sandbox.fault(match, "lost_answer")
        with house.gate.hold(activity, incident_id) as second:
            first.go()
            await second.stands()
            yield


async def holds(house: House, incident_id: str, state: str | None = "placed") -> list[HoldView]:
    """Holds of the incident, oldest first."""
    found = await house.wiring.recoveries.holds(incident_id=incident_id)
    return sorted(
        (hold for hold in found if state in (None, hold.state)),
        key=lambda hold: (hold.created_at, hold.hold_id),
    )


async def until_held(house: House, incident_id: str, amount: int) -> None:
    """Wait until exactly so much is held for the incident."""

    async def reached() -> bool:
        return sum(hold.amount for hold in await holds(house, incident_id)) == amount

    await house.until(reached, f"{amount} on hold")


async def until_ended(house: House, hold_id: str) -> HoldView:
    """Wait until this hold does not stand any more."""
    found: list[HoldView] = []

    async def ended() -> bool:
        found[:] = await house.wiring.recoveries.holds(hold_id=hold_id)
        return found[0].state == "ended"

    await house.until(ended, f"the end of hold {hold_id}")
    return found[0]


async def agree(house: House, asked: Awaitable[DecisionView]) -> DecisionView:
    """An agent's request, approved by a supervisor; the engine looks."""
    view = await asked
    await house.approve(view.requests[-1].request_id)
    await house.parts.wake.now(view.incident_id)
    return view


async def choose(house: House, task: DecisionView, choice: str) -> None:
    """Two people agree on an open question."""
    chosen = await house.parts.decide.request(
        task.task_id, choice, "as it should be", by=house.people[Role.AGENT]
    )
    await house.approve(chosen.requests[-1].request_id)
    await house.parts.wake.now(task.incident_id)


async def until_closed(house: House, task_id: str) -> None:
    """Wait until a question was carried out."""

    async def closed() -> bool:
        return bool(
            await house.rows(
                "SELECT 1 FROM decision_task WHERE id = :id AND closed_at IS NOT NULL", id=task_id
            )
        )

    await house.until(closed, "the question is closed")


async def restored(house: House, incident_id: str) -> None:
    """Through proof, reset and stages to the end."""
    await house.give_back(incident_id)
    await house.until_status(incident_id, Status.CLOSED)


async def remedy(house: House, incident_id: str, currency: str = "CNY") -> Remedy:
    """The account by remedy."""
    view = await house.parts.account_by_remedy.of_incident(incident_id)
    found: Remedy = view.currencies[currency]
    return found


async def promised(
    house: House, incident_id: str, template: NoticeTemplate
) -> list[tuple[NoticeView, dict[str, str]]]:
    """Notices of this template with what fills them, oldest first."""
    found = await house.parts.tell.of_incident(incident_id, limit=100)
    key = await house.wiring.keys.key_for(incident_id)
    pairs = []
    for notice in reversed([each for each in found if each.template == template.value]):
        (row,) = await house.rows("SELECT body FROM notice_outbox WHERE id = :id", id=notice.notice_id)
        pairs.append((notice, json.loads(unseal(key, incident_id, BODY, row.body))))
    return pairs


async def closing_fields(house: House, incident_id: str) -> dict[str, str]:
    """What fills the closing notice of an incident."""
    ((_, fields),) = await promised(house, incident_id, NoticeTemplate.INCIDENT_CLOSED)
    return fields


async def until_promised(
    house: House, incident_id: str, template: NoticeTemplate
) -> list[tuple[NoticeView, dict[str, str]]]:
    """Wait until such a notice is promised."""
    found: list[tuple[NoticeView, dict[str, str]]] = []

    async def there() -> bool:
        found[:] = await promised(house, incident_id, template)
        return bool(found)

    await house.until(there, f"a notice {template}")
    return found
