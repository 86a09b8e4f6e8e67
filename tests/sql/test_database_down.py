"""The database away: ten alarms refused plainly, none half done, all accepted when repeated (DESIGN 4)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator

import pytest
from sqlalchemy import text

from activities.changes import FrozenNow
from cli.embedded import roles
from cli.embedded.postgres import EmbeddedPostgres
from models.errors import ErrorCode, StanchError
from models.ids import new_id
from tests.conftest import migrate
from tests.sql.house import House, now


@pytest.fixture(scope="module")
def own_server() -> Iterator[EmbeddedPostgres]:
    """A PostgreSQL that only these tests use, for they kill it."""
    with EmbeddedPostgres(throwaway=True) as started:
        migrate(started.url(role=roles.OWNER))
        yield started


@pytest.fixture
def server(own_server: EmbeddedPostgres) -> EmbeddedPostgres:
    return own_server.start()


@pytest.fixture
async def on_it(server: EmbeddedPostgres) -> AsyncIterator[House]:
    name = f"stanch_{new_id().lower()}"
    server.create_database(name, template="stanch")
    made = House(server.url(name))
    yield made
    await made.close()


async def test_ten_alarms_while_it_is_down_and_again_when_it_is_back(
    server: EmbeddedPostgres, on_it: House
) -> None:
    before = [on_it.trigger(f"warm-{number}") for number in range(10)]
    accepted = await asyncio.gather(*map(on_it.accept, before))
    server.kill()
    alarms = [on_it.trigger(f"acc-{number}") for number in range(10)]
    for alarm in alarms:
        begun = time.perf_counter()
        with pytest.raises(StanchError) as refused:
            await on_it.accept(alarm)
        assert refused.value.matches(ErrorCode.DATABASE_UNREACHABLE)
        assert time.perf_counter() - begun < 0.5
    with pytest.raises(StanchError) as unread:
        await on_it.facts(accepted[0])
    assert unread.value.matches(ErrorCode.DATABASE_UNREACHABLE)
    server.start()
    answers = await asyncio.gather(*map(on_it.accept, alarms))
    assert not any(answer.repeated for answer in answers)
    assert await on_it.counts("incident", "alarm") == {"incident": 20, "alarm": 20}


async def test_the_first_alarm_after_a_restart_meets_dead_connections_and_is_accepted(
    server: EmbeddedPostgres, on_it: House
) -> None:
    await asyncio.gather(*(on_it.accept(on_it.trigger(f"warm-{number}")) for number in range(10)))
    server.kill()
    server.start()
    assert not (await on_it.accept(on_it.trigger("acc-1"))).repeated
    joined = await on_it.accept(on_it.trigger("acc-1"))
    assert (await on_it.facts(joined)).unacknowledged[-1] == joined.alarm_id


async def test_what_was_answered_before_a_power_cut_is_there_after_it(
    server: EmbeddedPostgres, on_it: House
) -> None:
    """Killed while alarms stream in: whatever was answered as accepted or done is there, and no half of anything."""
    answered: list[str] = []
    frozen: list[str] = []
    under_way = asyncio.Event()

    async def stream(source: int) -> None:
        for number in range(200):
            try:
                accepted = await on_it.accept(on_it.trigger(f"acc-{source}-{number}"))
                answered.append(accepted.alarm_id)
                frozen.append((await on_it.freeze(accepted)).step_id)
                if len(frozen) == 40:
                    under_way.set()
            except StanchError:
                return

    streams = [asyncio.create_task(stream(source)) for source in range(5)]
    await under_way.wait()
    server.kill()
    await asyncio.gather(*streams)
    server.start()
    fresh = House(on_it.url)
    try:
        stored = {row.id for row in await fresh.rows("SELECT id FROM alarm")}
        assert set(answered) <= stored
        assert set(frozen) <= {row.id for row in await fresh.rows("SELECT id FROM step")}
        halves = await fresh.scalar(
            "SELECT count(*) FROM incident LEFT JOIN alarm ON alarm.incident_id = incident.id "
            "LEFT JOIN hand_over ON hand_over.incident_id = incident.id "
            "LEFT JOIN data_key ON data_key.incident_id = incident.id "
            "LEFT JOIN step_attempt ON step_attempt.incident_id = incident.id "
            "WHERE alarm.id IS NULL OR hand_over.incident_id IS NULL OR data_key.incident_id IS NULL "
            "OR step_attempt.id IS NULL"
        )
        assert halves == 0
        unmoved = await fresh.scalar(
            "SELECT count(*) FROM step JOIN incident ON incident.id = step.incident_id "
            "LEFT JOIN ledger_outbox ON ledger_outbox.step_id = step.id "
            "WHERE incident.status <> 'frozen' OR ledger_outbox.id IS NULL"
        )
        assert unmoved == 0
    finally:
        await fresh.close()


async def test_a_worker_killed_between_effect_and_commit_repeats_into_one_row(house: House) -> None:
    """The attempt is committed, the effect happened, the row is not there: the next attempt records it, once."""
    accepted = await house.accept(house.trigger())
    lost = house.freeze_attempt(accepted.incident_id, 1, "acc-1", accepted.scope)
    await house.steps.begin(lost)
    assert await house.steps.done(accepted.incident_id, 1, "freeze/full") is None
    recorded = await house.freeze(accepted)
    late = await house.steps.finish(house.finished(lost), (FrozenNow(now()),))
    assert late.step_id == recorded.step_id
    assert await house.counts("step", "ledger_outbox") == {"step": 1, "ledger_outbox": 1}


async def test_a_connection_cut_during_the_recording_leaves_nothing_of_it(house: House) -> None:
    accepted = await house.accept(house.trigger())
    attempt = house.freeze_attempt(accepted.incident_id, 1, "acc-1", accepted.scope)
    await house.steps.begin(attempt)
    async with house.engine.connect() as holding:
        await holding.execute(text("SELECT FROM incident FOR UPDATE"))
        recording = asyncio.create_task(house.steps.finish(house.finished(attempt), (FrozenNow(now()),)))
        waiting = None
        while waiting is None:
            waiting = await house.scalar(
                "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
            )
        await house.scalar("SELECT pg_terminate_backend(:pid)", pid=waiting)
        with pytest.raises(StanchError) as cut:
            await recording
        assert cut.value.matches(ErrorCode.DATABASE_UNREACHABLE)
    assert await house.counts("step", "ledger_outbox") == {"step": 0, "ledger_outbox": 0}
    assert (await house.freeze(accepted)).step_key == "freeze/full"
