"""The rules by which stolen money is told from other money in one account. One rule per trace, never mixed."""

from __future__ import annotations

from enum import StrEnum


class Rule(StrEnum):
    """The conserving rules; every unit stolen is somewhere under each of them."""

    FIFO = "fifo"
    LIBR = "libr"
    PRO_RATA = "pro_rata"
    LIFO = "lifo"
    DIRTY_FIRST = "dirty_first"
