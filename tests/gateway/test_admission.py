"""A burst may queue; an outage may not."""

from __future__ import annotations

import asyncio
import time
from time import perf_counter

import pytest

from models.errors import ErrorCode, StanchError
from use_cases.admission import Admission
from use_cases.deadline import Deadline

pytestmark = pytest.mark.fast


async def test_work_that_does_not_stop_when_told_is_not_waited_for() -> None:
    stopped = asyncio.Event()

    async def stubborn() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.shield(stopped.wait())

    began = perf_counter()
    with pytest.raises(TimeoutError):
        await Deadline(0.05).within(stubborn())
    assert perf_counter() - began < 1
    stopped.set()


async def test_results_and_errors_pass_through() -> None:
    async def seven() -> int:
        return 7

    async def broken() -> int:
        raise KeyError("x")

    deadline = Deadline(1)
    assert await deadline.within(seven()) == 7
    with pytest.raises(KeyError):
        await deadline.within(broken())


async def test_a_burst_waits_for_its_turn_longer_than_any_budget() -> None:
    admission = Admission(places=2, budget=0.5)
    inside = most = 0

    async def work() -> None:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        await asyncio.sleep(0.02)
        inside -= 1

    await asyncio.gather(*(admission.run(work) for _ in range(100)))
    assert most == 2


async def test_everybody_behind_an_outage_hears_of_it_within_one_budget() -> None:
    admission = Admission(places=2, budget=0.2)

    async def hangs() -> None:
        await asyncio.Event().wait()

    began = perf_counter()
    outcomes = await asyncio.gather(*(admission.run(hangs) for _ in range(50)), return_exceptions=True)
    assert perf_counter() - began < 0.45
    assert all(
        isinstance(each, StanchError) and each.code is ErrorCode.DATABASE_UNREACHABLE for each in outcomes
    )


async def test_after_an_outage_the_next_one_is_tried_again() -> None:
    admission = Admission(places=1, budget=0.2)

    async def gone() -> int:
        raise StanchError(ErrorCode.DATABASE_UNREACHABLE, "gone")

    async def back() -> int:
        return 1

    with pytest.raises(StanchError) as failed:
        await admission.run(gone)
    assert failed.value.code is ErrorCode.DATABASE_UNREACHABLE
    assert await admission.run(back) == 1


async def test_a_slow_database_that_serves_others_is_not_gone() -> None:
    admission = Admission(places=2, budget=0.1)
    done = asyncio.Event()

    async def slow() -> int:
        await done.wait()
        return 1

    async def quick() -> int:
        await asyncio.sleep(0.05)
        return 2

    waiting = asyncio.create_task(admission.run(slow))
    for _ in range(8):
        assert await admission.run(quick) == 2
    done.set()
    assert await waiting == 1


async def test_time_in_which_we_were_busy_ourselves_does_not_count() -> None:
    loop = asyncio.get_running_loop()

    async def answered() -> int:
        for _ in range(4):
            loop.call_soon(time.sleep, 0.15)
            await asyncio.sleep(0.001)
        return 1

    assert await Deadline(0.2).within(answered()) == 1


async def test_a_refusal_is_no_outage() -> None:
    admission = Admission(places=1, budget=0.2)

    async def conflict() -> None:
        await asyncio.sleep(0.01)
        raise StanchError(ErrorCode.ALARM_CONFLICT, "other content")

    async def fine() -> int:
        return 1

    outcomes = await asyncio.gather(
        admission.run(conflict), admission.run(fine), admission.run(fine), return_exceptions=True
    )
    assert list(outcomes[1:]) == [1, 1]
