"""Free ports on the loopback interface."""

from __future__ import annotations

import random
import socket
from typing import Final

from models.errors import ErrorCode, StanchError

LOOPBACK: Final = "127.0.0.1"
# Below every system's range for outgoing connections: a client that keeps knocking at a stopped server in that range
# can end up connected to itself, and then the server cannot come back on its port.
FIRST: Final = 15_000
LAST: Final = 32_000
TRIES: Final = 200


def free_port() -> int:
    """A port nobody listens on at 127.0.0.1 at this moment; whoever takes it must be ready to have lost the race."""
    for _ in range(TRIES):
        port = random.SystemRandom().randrange(FIRST, LAST)
        if is_free(port):
            return port
    raise StanchError(
        ErrorCode.INTERNAL,
        f"No free port was found between {FIRST} and {LAST} on {LOOPBACK}; nothing was started.",
    )


def is_free(port: int) -> bool:
    """Whether a server could listen on it now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do: connections of the former holder that are still closing do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def answers(port: int) -> bool:
    """Whether something accepts connections there."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.settimeout(0.5)
        return probe.connect_ex((LOOPBACK, port)) == 0
