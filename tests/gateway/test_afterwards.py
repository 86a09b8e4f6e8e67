"""Work after the answer: one at most per name, alarms first, never in anybody's way."""

from __future__ import annotations

import asyncio

import pytest

from gateway.afterwards import Afterwards
from gateway.metrics import Metrics
from models.errors import ErrorCode, StanchError

pytestmark = pytest.mark.fast


def counted(metrics: Metrics, result: str) -> float:
    return metrics.registry.get_sample_value("stanch_follow_ups_total", {"result": result}) or 0


async def test_the_same_is_done_once_and_again_when_asked_after_it_began() -> None:
    metrics = Metrics()
    afterwards = Afterwards(metrics, budget=1)
    done: list[int] = []
    began, go_on = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        began.set()
        await go_on.wait()
        done.append(1)

    for _ in range(3):
        afterwards.later("incident", work)
    await began.wait()
    assert counted(metrics, "left_to_relay") == 2
    afterwards.later("incident", work)
    go_on.set()
    await afterwards.close(1)
    assert len(done) == 2


async def test_alarms_go_first() -> None:
    afterwards = Afterwards(Metrics(), budget=1)
    order: list[str] = []

    async def work() -> None:
        order.append("hand-over")

    with afterwards.alarm():
        afterwards.later("incident", work)
        await asyncio.sleep(0.05)
        order.append("alarm")
    await afterwards.close(1)
    assert order == ["alarm", "hand-over"]


async def test_failures_and_slowness_are_counted_and_harm_nobody() -> None:
    metrics = Metrics()
    afterwards = Afterwards(metrics, budget=0.05)

    async def away() -> None:
        raise StanchError(ErrorCode.TEMPORAL_UNREACHABLE, "away")

    async def slow() -> None:
        await asyncio.Event().wait()

    async def broken() -> None:
        raise KeyError("with somebody's number in it")

    for name, work in (("a", away), ("b", slow), ("c", broken)):
        afterwards.later(name, work)
    await afterwards.close(1)
    assert [counted(metrics, each) for each in ("temporal_unreachable", "late", "failed")] == [1, 1, 1]
