"""What every program of a person does: tell what it did, pause like a person, stop when asked to."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
from collections.abc import Coroutine
from datetime import UTC, datetime
from typing import Any

import httpx2

NOT_REACHABLE = 4


class Stage:
    """Where a person acts: prints JSON lines on stdout, and knows when it is over."""

    def __init__(self, who: str, *, pace: float = 1.0) -> None:
        self.who = who
        self.over = asyncio.Event()
        self._pace = pace

    def tell(self, did: str, **details: object) -> None:
        """One line of what happened."""
        line = {"at": datetime.now(UTC).isoformat(), "who": self.who, "did": did, **details}
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()

    def named(self, who: str) -> Stage:
        """The same stage, for another person on it."""
        other = Stage(who, pace=self._pace)
        other.over = self.over
        return other

    async def pause(self, seconds: float) -> None:
        """Wait as a person would; shorter when it is over."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.over.wait(), seconds * self._pace)


def perform(stage: Stage, act: Coroutine[Any, Any, int]) -> int:
    """Run a person until done or until SIGTERM or SIGINT; gives the exit code, 4 when nobody answers any more."""

    async def run() -> int:
        loop = asyncio.get_running_loop()
        task = loop.create_task(act)

        def stop() -> None:
            stage.over.set()
            task.cancel()

        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop)
        # Whoever waits for this line knows that a signal now ends the person in order.
        stage.tell("begins")
        try:
            return await task
        except asyncio.CancelledError:
            stage.tell("stopped")
            return 0

    code = NOT_REACHABLE
    try:
        code = asyncio.run(run())
    except* httpx2.TransportError as errors:
        kind = type(errors.exceptions[0]).__name__
        sys.stderr.write(
            f"The {stage.who} gave up: nobody answers ({kind}). What was done is in the wallet's records.\n"
        )
    return code
