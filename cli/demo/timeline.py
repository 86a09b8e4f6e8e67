"""The story on a terminal: colours and a moving line below on a real one, plain lines elsewhere."""

from __future__ import annotations

import contextlib
from datetime import datetime
from typing import TYPE_CHECKING, Final, Self

from rich.markup import escape

from cli.demo.events import Event, Who

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.status import Status

    from cli.output import Output

COLOURS: Final = {
    Who.THIEF: "red",
    Who.WALLET: "magenta",
    Who.STANCH: "cyan",
    Who.OWNER: "green",
    Who.PEOPLE: "yellow",
}


class Timeline:
    """Use as a context, so that the moving line is taken away at the end, whatever the end."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._start: datetime | None = None
        self._status: Status | None = None
        self._held = contextlib.ExitStack()

    def __enter__(self) -> Self:
        if self._output.console.is_terminal:
            self._status = self._held.enter_context(self._output.console.status("", spinner="dots"))
        return self

    def __exit__(self, *_: object) -> None:
        self._held.close()

    def now(self, doing: str) -> None:
        """What is being waited for; on a plain stream a line of its own."""
        if self._status is not None:
            self._status.update(f"[dim]{escape(doing)}[/]")
        else:
            self._output.console.print(f"... {doing}", markup=False)

    def show(self, events: Iterable[Event]) -> None:
        """One line each, in the order in which they happened."""
        for event in sorted(events, key=lambda event: event.at):
            if self._start is None:
                self._start = event.at
            seconds = (event.at - self._start).total_seconds()
            colour = COLOURS[event.who]
            self._output.console.print(f"{seconds:8.3f} s  [{colour}]{event.who:<7}[/]  {escape(event.text)}")
