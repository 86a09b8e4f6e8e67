"""Supervision of the product's other parts: gateway, worker and sandbox as processes of their own.

With `Processes` as a context nothing is left running after a normal end, an exception, Ctrl-C or SIGTERM (with
`orderly_end`), or our own death by SIGKILL (the kernel sees to it, `cli/child.py`).
"""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import sys
import urllib.parse
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn, Protocol, Self

from cli.child import Child
from models.errors import ErrorCode, StanchError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import FrameType

ROOT: Final = Path(__file__).resolve().parent.parent
SECONDS_TO_START: Final = 60.0
SECONDS_TO_STOP: Final = 15.0
# SIGHUP: the terminal was closed.
ENDING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Server(Protocol):
    """What is started and stopped with the parts: the embedded servers."""

    def start(self) -> object:
        """Start and wait until ready."""

    def stop(self) -> None:
        """Stop; harmless when not running."""

    def kill(self) -> None:
        """End at once."""


class Ended(KeyboardInterrupt):
    """A signal asked us to end. `exit_code` is what a shell expects then."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.exit_code = 128 + number


@dataclass(frozen=True, kw_only=True)
class Part:
    """How to start one part and how to see that it is ready.

    Ready when `health_url` answers 200, or when it has printed `ready_line`; at least one of them. `environ` comes on top of
    our own environment.
    """

    name: str
    arguments: Sequence[str]
    environ: Mapping[str, str] = field(default_factory=dict)
    health_url: str | None = None
    ready_line: str | None = None


class Processes:
    """The parts that run now, ended in the reverse order of their start."""

    def __init__(self, log_folder: Path) -> None:
        self._log_folder = log_folder
        self._parts: dict[str, tuple[Part, Child]] = {}
        self._servers: list[Server] = []

    def __enter__(self) -> Self:
        self._log_folder.mkdir(parents=True, exist_ok=True)
        _running.append(self)
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.stop()
        finally:
            _running.remove(self)

    def __getitem__(self, name: str) -> Child:
        return self._parts[name][1]

    def serve(self, *servers: Server) -> None:
        """Start these servers side by side; they are stopped after all parts. Raises what the first failing one raised."""
        self._servers.extend(servers)
        with ThreadPoolExecutor(max_workers=len(servers)) as pool:
            for start in [pool.submit(server.start) for server in servers]:
                start.result()

    def start(self, *parts: Part) -> None:
        """Start these parts side by side (`python ARGUMENTS` in the repository's root) and wait until all are ready.

        Raises StanchError, with the end of its log, when one ends before that or is not ready in time.
        """
        for part in parts:
            self._parts[part.name] = part, self._launch(part)
        for part in parts:
            self._await(part)

    def restart(self, name: str) -> None:
        """Start a part again that ended or was killed, with the same settings, and wait until it is ready."""
        part, child = self._parts[name]
        child.stop(seconds=SECONDS_TO_STOP)
        self.start(part)

    def ended(self) -> list[str]:
        """The names of the parts that are no longer running."""
        return [name for name, (_, child) in self._parts.items() if child.exit_code is not None]

    def stop(self) -> None:
        """Ask each part to end, last started first, then the servers; what does not end in time is killed."""
        with contextlib.ExitStack() as order:
            # Each is stopped even when stopping another one failed.
            for server in self._servers:
                order.callback(server.stop)
            for _, child in self._parts.values():
                order.callback(child.stop, seconds=SECONDS_TO_STOP)
        self._parts.clear()
        self._servers.clear()

    def kill(self) -> None:
        """End everything at once."""
        for _, child in self._parts.values():
            child.kill()
        for server in self._servers:
            server.kill()

    def _launch(self, part: Part) -> Child:
        return Child.start(
            part.name,
            [sys.executable, *part.arguments],
            log=self._log_folder / f"{part.name}.log",
            environ={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", **part.environ},
            folder=ROOT,
        )

    def _await(self, part: Part) -> None:
        child = self[part.name]
        if not child.wait_until(_readiness(part, child), seconds=SECONDS_TO_START):
            raise StanchError(
                ErrorCode.INTERNAL,
                f"The {part.name} ended with code {child.exit_code} before it was ready; what ran is stopped. {child.explain()}",
            )


_running: Final[list[Processes]] = []


class orderly_end:  # noqa: N801 - reads as what it is in a `with`
    """Inside, the first Ctrl-C, SIGTERM or SIGHUP raises `Ended` so that every `with` closes in order; the next one kills at once.

    For the main thread, around everything that starts processes.
    """

    def __enter__(self) -> None:
        self._before = {number: signal.signal(number, _end) for number in ENDING}

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)


def _end(number: int, _: FrameType | None) -> NoReturn:
    for other in ENDING:
        signal.signal(other, _hurry)
    raise Ended(number)


def _hurry(_number: int, _frame: FrameType | None) -> None:
    for processes in _running:
        processes.kill()


def _readiness(part: Part, child: Child) -> Callable[[], bool]:
    url, line = part.health_url, part.ready_line
    if url is not None:
        return lambda: _answers_ok(url)
    if line is not None:
        return lambda: line in child.said()
    raise ValueError(f"{part.name}: say how to see that it is ready")


def _answers_ok(url: str) -> bool:
    """One GET, straight there: no proxy of the user's environment in between."""
    address = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=1)
    try:
        connection.request("GET", address.path or "/")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
