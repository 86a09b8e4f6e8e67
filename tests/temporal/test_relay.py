"""The relay on the real rows: whatever happens to Temporal, every hand-over arrives once it is back."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.sql.engine import make_engine
from adapters.sql.hand_over import Due, SqlHandOver
from adapters.temporal.client import unreachable
from adapters.temporal.hand_over import NotTaken
from adapters.temporal.relay import Relay
from models.errors import ErrorCode, StanchError
from models.ids import incident_workflow_id, new_id

PATIENCE_SECONDS = 20


@dataclass
class Temporal:
    """Temporal, as far as a relay sees it."""

    up: bool = True
    broken: set[str] = field(default_factory=set)
    not_taken: set[str] = field(default_factory=set)
    woken: list[str] = field(default_factory=list)
    tried: list[str] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0

    async def wake(self, incident_id: str) -> None:
        self.tried.append(incident_id)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await asyncio.sleep(0.01)
            if not self.up:
                raise unreachable()
            if incident_id in self.broken:
                raise StanchError(ErrorCode.INTERNAL, "Its workflow has ended.")
            if incident_id in self.not_taken:
                raise NotTaken
            self.woken.append(incident_id)
        finally:
            self.at_once -= 1


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    made = make_engine(database_url, pool=5)
    yield made
    await made.dispose()


async def ask(engine: AsyncEngine, count: int) -> list[str]:
    """Incidents whose hand-over is due now."""
    ids = [new_id() for _ in range(count)]
    now = datetime.now(UTC)
    async with engine.begin() as connection:
        for number, each in enumerate(ids):
            await connection.execute(
                text(
                    "INSERT INTO incident (id, account_id, status, episode, scope, provisional, opened_at, "
                    "episode_opened_at, renewals, workflow_id) "
                    "VALUES (:id, :account, 'opened', 1, 'full', false, :now, :now, 0, :workflow)"
                ),
                {
                    "id": each,
                    "account": f"a-{number}-{each}",
                    "now": now,
                    "workflow": incident_workflow_id(each),
                },
            )
            await connection.execute(
                text(
                    "INSERT INTO hand_over (incident_id, generation, requested_at, next_try_at, attempts) "
                    "VALUES (:id, 1, :now, :now, 0)"
                ),
                {"id": each, "now": now},
            )
    return ids


async def outstanding(engine: AsyncEngine) -> int:
    async with engine.connect() as connection:
        return int(
            (
                await connection.execute(text("SELECT count(*) FROM hand_over WHERE done_at IS NULL"))
            ).scalar_one()
        )


async def until_all_are_delivered(engine: AsyncEngine) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while await outstanding(engine):  # noqa: ASYNC110 - what is waited for is in the database
            await asyncio.sleep(0.05)


@asynccontextmanager
async def relaying(engine: AsyncEngine, temporal: Temporal) -> AsyncIterator[Relay[Due]]:
    relay = Relay(rows=SqlHandOver(engine), hand_over=temporal, idle_seconds=0.05, down_seconds=0.1)
    stop = asyncio.Event()
    running = asyncio.create_task(relay.run(stop))
    try:
        yield relay
    finally:
        stop.set()
        async with asyncio.timeout(5):
            await running


async def test_all_that_is_due_is_delivered_once_and_never_too_many_at_once(engine: AsyncEngine) -> None:
    temporal, ids = Temporal(), await ask(engine, 40)
    async with relaying(engine, temporal):
        await until_all_are_delivered(engine)
    assert sorted(temporal.woken) == sorted(ids)
    assert 1 < temporal.most_at_once <= 8


async def test_two_relays_share_the_work(engine: AsyncEngine) -> None:
    temporal, ids = Temporal(), await ask(engine, 40)
    async with relaying(engine, temporal), relaying(engine, temporal):
        await until_all_are_delivered(engine)
    assert sorted(temporal.woken) == sorted(ids)


async def test_while_temporal_is_away_one_is_tried_at_a_time_and_all_follow_when_it_is_back(
    engine: AsyncEngine,
) -> None:
    temporal, ids = Temporal(up=False), await ask(engine, 40)
    async with relaying(engine, temporal) as relay:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(temporal.tried) < 12:  # noqa: ASYNC110 - what is waited for is a count of calls
                await asyncio.sleep(0.02)
        assert len(set(temporal.tried)) <= relay.at_once + 10
        assert await outstanding(engine) == 40
        temporal.up = True
        await until_all_are_delivered(engine)
    assert sorted(temporal.woken) == sorted(ids)


async def test_one_hand_over_that_cannot_be_delivered_keeps_no_other_waiting(engine: AsyncEngine) -> None:
    temporal, ids = Temporal(), await ask(engine, 20)
    temporal.broken = {ids[0]}
    async with relaying(engine, temporal):
        async with asyncio.timeout(PATIENCE_SECONDS):
            while await outstanding(engine) > 1:  # noqa: ASYNC110 - what is waited for is in the database
                await asyncio.sleep(0.05)
        assert sorted(temporal.woken) == sorted(ids[1:])
        async with engine.connect() as connection:
            noted = await connection.execute(text("SELECT last_error FROM hand_over WHERE done_at IS NULL"))
            assert noted.scalar_one() == ErrorCode.INTERNAL.value


async def test_a_wake_that_no_worker_takes_keeps_no_other_waiting(engine: AsyncEngine) -> None:
    temporal, ids = Temporal(), await ask(engine, 20)
    temporal.not_taken = {ids[0]}
    async with relaying(engine, temporal):
        async with asyncio.timeout(PATIENCE_SECONDS):
            while await outstanding(engine) > 1:  # noqa: ASYNC110 - what is waited for is in the database
                await asyncio.sleep(0.05)
        assert sorted(temporal.woken) == sorted(ids[1:])
        assert temporal.most_at_once > 1


async def test_what_was_asked_meanwhile_stays_due(engine: AsyncEngine) -> None:
    rows = SqlHandOver(engine)
    (incident_id,) = await ask(engine, 1)
    (due,) = await rows.due(5)
    async with engine.begin() as connection:
        await connection.execute(
            text(
                "UPDATE hand_over SET generation = generation + 1, next_try_at = now() WHERE incident_id = :id"
            ),
            {"id": incident_id},
        )
    await rows.delivered(due)
    assert await outstanding(engine) == 1


async def test_a_database_that_is_away_ends_no_relay(engine: AsyncEngine) -> None:
    class Away(SqlHandOver):
        def __init__(self, engine: AsyncEngine) -> None:
            super().__init__(engine)
            self.refusals = 3

        async def due(self, limit: int) -> list[Due]:
            if self.refusals:
                self.refusals -= 1
                raise StanchError(ErrorCode.DATABASE_UNREACHABLE, "The database does not answer.")
            return await super().due(limit)

    temporal, ids = Temporal(), await ask(engine, 3)
    stop = asyncio.Event()
    relay = Relay(rows=Away(engine), hand_over=temporal, idle_seconds=0.05, down_seconds=0.05)
    running = asyncio.create_task(relay.run(stop))
    await until_all_are_delivered(engine)
    stop.set()
    await running
    assert sorted(temporal.woken) == sorted(ids)


async def test_asked_to_end_it_finishes_what_is_under_way(engine: AsyncEngine) -> None:
    temporal, ids = Temporal(), await ask(engine, 1)
    stop = asyncio.Event()
    relay = Relay(rows=SqlHandOver(engine), hand_over=temporal, idle_seconds=0.05)
    running = asyncio.create_task(relay.run(stop))
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not temporal.tried:  # noqa: ASYNC110 - what is waited for is a call
            await asyncio.sleep(0)
    stop.set()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    assert temporal.woken == ids
    assert await outstanding(engine) == 0
