"""Become another program that cannot outlive its parent, as another account if asked.

Run as a script by `cli/child.py`: tether.py PARENT_PID SIGNAL UID:GID|- PROGRAM ARGUMENT...

Why a script between parent and program: the kernel's parent-death signal is forgotten when the account changes, so it
must be set after that and before the program starts, and Python code between fork and exec is not safe in a parent
that has threads. Standard library only, and light: it is paid at every start.
"""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable

PR_SET_PDEATHSIG = 1
SECONDS_BETWEEN_LOOKS = 0.2


def main(arguments: list[str]) -> NoReturn:
    """Drop to the account, tie to the parent, become the program."""
    parent, signal_number = int(arguments[0]), int(arguments[1])
    # Loaded while we may still read our own Python: the other account perhaps may not.
    tie = _kernel_tie() if sys.platform == "linux" else None
    if arguments[2] != "-":
        user, group = arguments[2].split(":")
        os.setgroups([])
        os.setgid(int(group))
        os.setuid(int(user))
    if tie:
        tie(signal_number)
    else:
        _watch_parent(parent, signal_number)
    if os.getppid() != parent:
        # The parent died before the kernel knew that we want to follow.
        os._exit(1)
    os.execv(arguments[3], arguments[3:])


def _kernel_tie() -> Callable[[int], None]:
    import ctypes

    prctl = ctypes.CDLL(None, use_errno=True).prctl

    def tie(signal_number: int) -> None:
        if prctl(PR_SET_PDEATHSIG, signal_number, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")

    return tie


def _watch_parent(parent: int, signal_number: int) -> None:
    """Where the kernel does not do it: a small process that looks at both and signals when the parent is gone."""
    program = os.getpid()
    if os.fork() != 0:
        return
    while os.getppid() == program:
        if not _alive(parent):
            os.kill(program, signal_number)
            break
        time.sleep(SECONDS_BETWEEN_LOOKS)
    os._exit(0)


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


if __name__ == "__main__":
    main(sys.argv[1:])
