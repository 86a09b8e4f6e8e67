"""What a PostgreSQL of an earlier start left in its data folder: its pid file, and perhaps itself."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final

import psutil

if TYPE_CHECKING:
    from pathlib import Path

PID_FILE: Final = "postmaster.pid"
PID_LINE: Final = 0
STATUS_LINE: Final = 7
SECONDS_TO_LEAVE: Final = 10.0


def is_ready(data: Path, process: int) -> bool:
    """Whether the cluster in `data` is served by `process` and takes connections."""
    lines = _lines(data)
    return (
        len(lines) > STATUS_LINE
        and lines[PID_LINE].strip() == str(process)
        and lines[STATUS_LINE].strip() == "ready"
    )


def clear(data: Path) -> None:
    """Make room for a new start. The caller holds the folder's lock, so nobody else serves this data on purpose.

    A PostgreSQL still there lost its parent and is on its way out: it is awaited, then killed. A pid file that names
    another living program (numbers are reused, in containers quickly) would keep PostgreSQL from starting: it is removed.
    All else PostgreSQL judges better itself, by its shared memory.
    """
    lines = _lines(data)
    if not lines or not lines[PID_LINE].strip().isdigit():
        return
    try:
        process = psutil.Process(int(lines[PID_LINE]))
        ours = process.name() == "postgres" and process.cwd() == str(data.resolve())
    except psutil.NoSuchProcess:
        return
    except psutil.AccessDenied:
        # Not ours to look at, so not ours.
        (data / PID_FILE).unlink(missing_ok=True)
        return
    if ours:
        _see_off(process)
    else:
        (data / PID_FILE).unlink(missing_ok=True)


def _see_off(process: psutil.Process) -> None:
    children = process.children(recursive=True)
    with contextlib.suppress(psutil.TimeoutExpired):
        process.wait(timeout=SECONDS_TO_LEAVE)
        return
    for member in (process, *children):
        with contextlib.suppress(psutil.NoSuchProcess):
            member.kill()
    psutil.wait_procs([process, *children], timeout=SECONDS_TO_LEAVE)


def _lines(data: Path) -> list[str]:
    try:
        return (data / PID_FILE).read_text().splitlines()
    except OSError:
        return []
