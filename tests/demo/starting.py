"""Demos as a newcomer types them, told apart from every other process of this machine."""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parents[2]
MARK = "RUN_OF_TEST"
SECONDS = 150
"""A loaded machine is slower than a newcomer's; how fast it must be is asserted on its own."""


@dataclass(frozen=True)
class Run:
    """One finished demo."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """What `--json` printed: exactly one document."""
        parsed: dict[str, Any] = json.loads(self.out)
        return parsed


class Starter:
    """Starts demos that can be told apart from every other process of this machine."""

    def __init__(self, folder: Path) -> None:
        self._mark = f"{MARK}={os.getpid()}-{random.SystemRandom().getrandbits(40)}"
        name, _, value = self._mark.partition("=")
        self._folder = folder
        self._environ = {**os.environ, name: value, "TMPDIR": str(folder)}

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """A demo under way."""
        return subprocess.Popen(
            [ROOT / "stanch", "demo", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self._environ,
            cwd=self._folder,
        )

    def run(self, *arguments: str) -> Run:
        """A demo from beginning to end."""
        return self.end(self.start(*arguments))

    def end(self, demo: subprocess.Popen[str]) -> Run:
        """Wait for its end."""
        try:
            out, err = demo.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            demo.kill()
            raise
        return Run(demo.returncode, out, err)

    def left_running(self) -> list[str]:
        """Processes that a demo of ours started and that are still there."""
        return [" ".join(process.cmdline()) for process in self.processes()]

    def processes(self) -> Iterator[psutil.Process]:
        """Everything that has our mark in its environment, or lives in our folder."""
        for process in psutil.process_iter():
            try:
                marked = self._mark in (f"{name}={value}" for name, value in process.environ().items())
                here = process.cwd().startswith(str(self._folder))
                if (marked or here) and process.status() != psutil.STATUS_ZOMBIE:
                    yield process
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue

    def logs_named_in(self, sentence: str) -> Path:
        """The folder of logs that a failure names."""
        found = re.search(r"logs are in (\S+?)\.?\s", f"{sentence} ")
        assert found is not None, sentence
        return Path(found[1])
