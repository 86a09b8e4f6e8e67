"""What one supervisor may ever do alone (break-glass): choices that leave every protection up and move no money.

A list of what may be, not of what may not: a question that is new belongs to two people until somebody has thought about it.
Who is an impostor is not in it: the verdict takes one claimant away, and with that it may be what lets another one win.
"""

from __future__ import annotations

from models.names import DecisionKind

MAY_BE_ALONE: frozenset[tuple[DecisionKind, str]] = frozenset(
    {
        # The freeze stays, and the question can be put again.
        (DecisionKind.UNPROVEN_OWNER, "keep"),
        # The wallet is asked once more to freeze what it refused to.
        (DecisionKind.NOT_FROZEN, "try_again"),
    }
)
"""Question and choice. A policy may name some of these and nothing else; not one of them belongs to the recovery of money."""
