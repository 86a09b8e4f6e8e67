"""One pip run over a hash-locked file, shown as it goes: a live line on a terminal, plain lines elsewhere.

Standard library only: this runs before anything is installed.
"""

from __future__ import annotations

import os
import re
import selectors
import subprocess
import sys
import time
from pathlib import Path
from typing import IO, Final

LOCKED: Final = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==", re.MULTILINE)
SECONDS_BETWEEN_FRAMES: Final = 0.1
# Enough plain lines to see that it moves, few enough to read in a log.
PLAIN_LINES: Final = 6
SPINNER: Final = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
# pip and what it needs belong to the environment itself, not to the lock.
NEVER_REMOVED: Final = {"pip", "setuptools", "wheel"}


class InstallationFailed(Exception):
    """pip did not finish; the text is the sentence to show."""


class Installation:
    """Installs exactly what `requirements` locks into the environment of `python`, and removes what it does not lock."""

    def __init__(self, *, python: Path, requirements: Path, environ: dict[str, str], lock: int) -> None:
        self._python = python
        self._requirements = requirements
        self._environ = environ
        self._lock = lock
        self._names = {normal(name) for name in LOCKED.findall(requirements.read_text())}
        self._total = len(self._names)
        self._seen = 0
        self._said: list[str] = []
        self._display = Display()

    def run(self) -> None:
        """Install, showing progress on stderr. Raises InstallationFailed with pip's own last error in it."""
        started = time.monotonic()
        self._display.line(f"Installing {self._total} locked packages")
        try:
            self._pip(
                "install",
                "--require-hashes",
                "--no-deps",
                "--only-binary",
                ":all:",
                "--no-input",
                "--no-compile",
                "--progress-bar",
                "off",
                "--requirement",
                str(self._requirements),
            )
            self._remove_strangers()
            self._compile()
        finally:
            self._display.end()
        self._display.line(f"Environment ready in {time.monotonic() - started:.0f} s.")

    def _pip(self, command: str, *arguments: str) -> None:
        child = subprocess.Popen(
            [str(self._python), "-m", "pip", "--disable-pip-version-check", command, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**self._environ, "PYTHONUNBUFFERED": "1"},
            pass_fds=(self._lock,),
        )
        try:
            assert child.stdout is not None  # it is a pipe: asked for above
            self._follow(child.stdout)
        except BaseException:
            child.terminate()
            raise
        finally:
            child.wait()
        if child.returncode != 0:
            raise InstallationFailed(self._failure())

    def _follow(self, output: IO[bytes]) -> None:
        """Read pip's lines as they come and keep the display alive between them."""
        os.set_blocking(output.fileno(), False)
        rest = b""
        with selectors.DefaultSelector() as selector:
            selector.register(output, selectors.EVENT_READ)
            while True:
                selector.select(SECONDS_BETWEEN_FRAMES)
                try:
                    chunk = os.read(output.fileno(), 65536)
                except BlockingIOError:
                    self._show_installed()
                    continue
                if not chunk:
                    return
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    self._hear(line.decode(errors="replace").strip())

    def _hear(self, line: str) -> None:
        if line:
            self._said.append(line)
        word, _, tail = line.partition(" ")
        if line.startswith(("Collecting ", "Requirement already satisfied: ")):
            self._seen += 1
            name = re.split(r"[=<>! \[]", tail.removeprefix("already satisfied: "), maxsplit=1)[0]
            self._display.update("fetching", self._seen, self._total, name)
        elif word == "Ignoring":
            self._total -= 1
        elif word == "Downloading":
            self._display.detail(tail.rsplit("/", 1)[-1])
        elif line.startswith("Installing collected packages"):
            self._display.update("unpacking", 0, self._total, "")

    def _show_installed(self) -> None:
        if self._display.phase == "unpacking":
            self._display.update("unpacking", min(len(self._installed()), self._total), self._total, "")
        else:
            self._display.tick()

    def _installed(self) -> set[str]:
        found = self._python.parent.parent.glob("lib/python*/site-packages/*.dist-info")
        return {normal(path.name.split("-")[0]) for path in found} - NEVER_REMOVED

    def _remove_strangers(self) -> None:
        strangers = sorted(self._installed() - self._names)
        if strangers:
            self._pip("uninstall", "--yes", *strangers)

    def _compile(self) -> None:
        """All cores at once; pip itself compiles on one, and uncompiled every process of a first start would do it."""
        self._display.update("compiling", self._total, self._total, "")
        site = next(self._python.parent.parent.glob("lib/python*/site-packages"))
        with subprocess.Popen(
            [str(self._python), "-m", "compileall", "-q", "-j", "0", str(site)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=self._environ,
            pass_fds=(self._lock,),
        ) as child:
            while child.poll() is None:
                self._display.tick()
                time.sleep(SECONDS_BETWEEN_FRAMES)

    def _failure(self) -> str:
        errors = [
            line.removeprefix("ERROR: ") for line in self._said if line.startswith("ERROR: ")
        ] or self._said[-1:]
        cause = (errors or ["pip said nothing"])[0].rstrip(".")
        return (
            f"the locked packages could not be installed ({cause}); nothing was started and the next start begins anew. "
            "Check the network, or the index and proxy pip is configured with, then run it again."
        )


class Display:
    """Progress on stderr."""

    def __init__(self) -> None:
        self.phase = ""
        self._live = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        self._started = time.monotonic()
        self._text = ""
        self._frame = 0
        self._next_plain = 0

    def update(self, phase: str, done: int, total: int, name: str) -> None:
        """`done` of `total` packages have gone through `phase`."""
        if phase != self.phase:
            self.phase = phase
            self._next_plain = 0
        self._text = f"{phase} {done} of {total}  {name}".rstrip()
        if self._live:
            self._draw()
        elif done >= self._next_plain:
            self.line(f"  {self._text}")
            self._next_plain = done + max(total // PLAIN_LINES, 1)

    def detail(self, text: str) -> None:
        """What exactly is being fetched; only where it can be wiped again."""
        if self._live:
            self._text = f"{self._text.split('  ')[0]}  {text}"
            self._draw()

    def tick(self) -> None:
        """Show that it lives."""
        if self._live:
            self._draw()

    def end(self) -> None:
        """Wipe the live line."""
        if self._live:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()

    def line(self, text: str) -> None:
        """One lasting line."""
        self.end()
        print(text, file=sys.stderr, flush=True)

    def _draw(self) -> None:
        self._frame += 1
        width = os.get_terminal_size(sys.stderr.fileno()).columns or 80
        elapsed = f"{time.monotonic() - self._started:.0f} s"
        text = f"{SPINNER[self._frame % len(SPINNER)]} {self._text}  {elapsed}"
        sys.stderr.write(f"\r\x1b[K{text[: width - 1]}")
        sys.stderr.flush()


def normal(name: str) -> str:
    """A project's name as the index compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()
