"""What a long activity says of itself stays to be read between two things it says."""

from __future__ import annotations

import asyncio

import pytest
from temporalio.testing import ActivityEnvironment

from activities import boundary
from models.contracts.transfers import Flow, TraceProgress

pytestmark = pytest.mark.fast

NOTHING = Flow(stolen=0, held=0, exited=0, pooled=0, returned=0, pruned=0)


async def test_every_sign_of_life_carries_what_was_said_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boundary, "BEAT_SECONDS", 0.01)
    beats: list[tuple[object, ...]] = []
    changed = asyncio.Event()

    def heard(*details: object) -> None:
        beats.append(details)
        changed.set()

    async def until(count: int) -> None:
        while len(beats) < count:
            changed.clear()
            await changed.wait()

    def said(chunk: int) -> TraceProgress:
        return TraceProgress(
            chunk=chunk, edges=chunk * 10, reached_seq=5, upto_seq=9, flow=NOTHING, following=3
        )

    async def work() -> None:
        with boundary._beating():
            await until(2)
            boundary.tell(said(1))
            await until(len(beats) + 3)
            boundary.tell(said(2))
            await until(len(beats) + 3)

    environment = ActivityEnvironment()
    environment.on_heartbeat = heard
    await asyncio.wait_for(environment.run(work), 10)
    assert beats[:2] == [(), ()]
    later = [details for details in beats if details]
    assert [each for each in later if each == (said(1),)] == later[: later.index((said(2),))]
    assert later[-1] == (said(2),)
    assert beats[-3:] == [(said(2),)] * 3
