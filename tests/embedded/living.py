"""Whether a process still runs."""

from __future__ import annotations

import psutil


def alive(process: psutil.Process) -> bool:
    """Neither gone nor only waiting for its new parent to take notice."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
