"""The story on a terminal: colours and a moving line below on a real one, plain lines elsewhere."""

from __future__ import annotations

import contextlib
import time
from datetime import datetime
from typing import TYPE_CHECKING, Final, Self

from rich.markup import escape

from cli.demo.events import Event, Who, told_together

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.status import Status

    from cli.output import Output

SECONDS_TOGETHER: Final = 0.8
COLOURS: Final = {
    Who.THIEF: "red",
    Who.WALLET: "magenta",
    Who.STANCH: "cyan",
    Who.OWNER: "green",
    Who.CALLER: "red",
    Who.PEOPLE: "yellow",
}


class Timeline:
    """Use as a context, so that the moving line is taken away at the end, whatever the end."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._start: datetime | None = None
        self._status: Status | None = None
        self._waiting: list[Event] = []
        self._due = 0.0
        self._last = ""
        self._held = contextlib.ExitStack()

    def __enter__(self) -> Self:
        if self._output.console.is_terminal:
            self._status = self._held.enter_context(self._output.console.status("", spinner="dots"))
        return self

    def __exit__(self, *_: object) -> None:
        self.flush()
        self._held.close()

    def now(self, doing: str) -> None:
        """What is being waited for; on a plain stream a line of its own."""
        if self._status is not None:
            self._status.update(f"[dim]{escape(doing)}[/]")
        else:
            self._output.console.print(f"... {doing}", markup=False)

    def hint(self, doing: str) -> None:
        """What is being waited for, where a line can move; elsewhere the events say it."""
        if self._status is not None:
            self.now(doing)

    def show(self, events: Iterable[Event]) -> None:
        """Tell what happened. Lines come a moment later, so that small events can be told together."""
        self._waiting += events
        now = time.monotonic()
        if not self._waiting:
            self._due = now + SECONDS_TOGETHER
        elif now >= self._due:
            self.flush()

    def flush(self) -> None:
        """Tell what is waiting to be told."""
        for event in told_together(self._waiting):
            if self._start is None:
                self._start = event.at
            seconds = (event.at - self._start).total_seconds()
            if event.text != self._last:
                colour = COLOURS[event.who]
                self._output.console.print(
                    f"{seconds:7.2f} s  [{colour}]{event.who:<7}[/] {escape(event.text)}"
                )
            if event.who is Who.STANCH:
                # A trace that found nothing new is no news.
                self._last = event.text
        self._waiting.clear()
        self._due = time.monotonic() + SECONDS_TOGETHER
