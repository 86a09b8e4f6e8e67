"""One child process: started in a session of its own, logged to a file, tied to our life, ended for certain."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

import psutil

from models.errors import ErrorCode, StanchError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

TETHER: Final = Path(__file__).with_name("tether.py")
SECONDS_BETWEEN_LOOKS: Final = 0.01
SECONDS_TO_DIE: Final = 5.0
LINES_OF_LOG_SHOWN: Final = 3


@dataclass(frozen=True, kw_only=True)
class Account:
    """The operating system account a child runs as, when it is not ours."""

    user: int
    group: int


class Child:
    """A running child process.

    It has a session of its own, so Ctrl-C in our terminal does not reach it before we end it in order, and it gets
    `death_signal` from the kernel when we die in whatever way.
    """

    def __init__(self, name: str, process: subprocess.Popen[bytes], log: Path, log_start: int) -> None:
        self.name = name
        self.log = log
        self._process = process
        self._log_start = log_start

    @classmethod
    def start(
        cls,
        name: str,
        command: Sequence[str | Path],
        *,
        log: Path,
        environ: Mapping[str, str],
        folder: Path,
        death_signal: signal.Signals = signal.SIGKILL,
        account: Account | None = None,
    ) -> Child:
        """Start `command` in `folder`; what it prints is appended to `log`.

        Runs as `account` if given, which needs root. Raises OSError when the log or the folder cannot be used.
        """
        run_as = f"{account.user}:{account.group}" if account else "-"
        tether = [
            sys.executable,
            "-I",
            "-S",
            "-B",
            str(TETHER),
            str(os.getpid()),
            str(int(death_signal)),
            run_as,
        ]
        with log.open("ab") as output:
            log_start = output.seek(0, os.SEEK_END)
            process = (
                _spawner()
                .submit(
                    subprocess.Popen[bytes],
                    [*tether, *map(str, command)],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    env=dict(environ),
                    cwd=folder,
                    start_new_session=True,
                )
                .result()
            )
        return cls(name, process, log, log_start)

    @property
    def pid(self) -> int:
        """The process id, also after it ended."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative signal number when a signal ended it."""
        return self._process.poll()

    def said(self) -> str:
        """What it has printed since this start."""
        with self.log.open("rb") as log:
            log.seek(self._log_start)
            return log.read().decode(errors="replace")

    def wait_until(self, ready: Callable[[], bool], *, seconds: float) -> bool:
        """Wait for `ready`; True when it is, False when the child ended first. Raises StanchError after `seconds`."""
        deadline = time.monotonic() + seconds
        while True:
            if ready():
                return True
            if self.exit_code is not None:
                return False
            if time.monotonic() > deadline:
                raise StanchError(
                    ErrorCode.INTERNAL,
                    f"{self.name} did not become ready within {seconds:.0f} s; {self.explain()}",
                )
            time.sleep(SECONDS_BETWEEN_LOOKS)

    def explain(self) -> str:
        """The end of its log, for the sentence that says why something did not start."""
        last = " / ".join(
            line.strip() for line in self.said().splitlines()[-LINES_OF_LOG_SHOWN:] if line.strip()
        )
        return f"its log {self.log} ends: {last or '(nothing)'}"

    def send(self, number: signal.Signals) -> None:
        """Send a signal; nothing happens when it has ended."""
        self._process.send_signal(number)

    def wait(self, *, seconds: float) -> int | None:
        """Its exit code, or None if it still runs after `seconds`."""
        try:
            return self._process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            return None

    def stop(self, *, first: signal.Signals = signal.SIGTERM, seconds: float = 10.0) -> int:
        """Ask it to end, wait, then kill it and everything it started. Returns its exit code."""
        self.send(first)
        code = self.wait(seconds=seconds)
        return self.kill() if code is None else code

    def kill(self) -> int:
        """End it and all its descendants with SIGKILL, and wait until they are gone. Returns its exit code."""
        if self._process.poll() is None:
            # Held still, it cannot start more children while they are counted.
            self.send(signal.SIGSTOP)
            family = [*_descendants(self.pid)]
            self.send(signal.SIGKILL)
            for member in family:
                _kill(member)
            _await_end(family)
        return self._process.wait()


@cache
def _spawner() -> ThreadPoolExecutor:
    """The one thread that starts children.

    The kernel sends the parent-death signal when the *thread* that started the child ends; this one ends with us.
    """
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix="spawner")


def _descendants(process: int) -> list[psutil.Process]:
    try:
        return psutil.Process(process).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _await_end(family: list[psutil.Process]) -> None:
    """Wait until none of them runs. Not until they are reaped: that is the duty of whoever inherits them, in its own time."""
    deadline = time.monotonic() + SECONDS_TO_DIE
    while time.monotonic() < deadline and any(_runs(member) for member in family):
        time.sleep(SECONDS_BETWEEN_LOOKS)


def _runs(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _kill(process: psutil.Process) -> None:
    try:
        process.kill()
    except psutil.NoSuchProcess:
        return
