"""How much memory a piece of work takes: its own process, and the PostgreSQL process that works for it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psutil

LOOK_SECONDS = 0.02


def resident() -> int:
    """Bytes this process has in memory."""
    return int(psutil.Process().memory_info().rss)


@dataclass
class Peak:
    """Bytes above what there was at the beginning. Shared buffers of the server are not counted."""

    here: int = 0
    server: int = 0


@contextmanager
def peak_of(postgres: psutil.Process) -> Iterator[Peak]:
    """Watch this process and the backends of this server until the block ends."""
    peak, over = Peak(), threading.Event()
    here, there = resident(), _private(postgres)

    def watch() -> None:
        while not over.wait(LOOK_SECONDS):
            peak.here = max(peak.here, resident() - here)
            peak.server = max(peak.server, _private(postgres) - there)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield peak
    finally:
        over.set()
        watcher.join()


def _private(postgres: psutil.Process) -> int:
    total = 0
    for process in [postgres, *postgres.children(recursive=True)]:
        try:
            memory = process.memory_info()
        except psutil.NoSuchProcess:
            continue
        total += max(memory.rss - getattr(memory, "shared", 0), 0)
    return total
