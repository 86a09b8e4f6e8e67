"""The legal moves of an incident, as one table.

The workflow, the use cases, the database adapter and the picture in the docs all read this table; nothing else
decides what may follow what.
"""

from __future__ import annotations

from enum import StrEnum

from models.errors import ErrorCode, StanchError


class Status(StrEnum):
    """Where an incident stands in its current episode."""

    OPENED = "opened"
    """An alarm is committed; the freeze is not acknowledged yet (shown red)."""
    FROZEN = "frozen"
    PROTECTED = "protected"
    """Frozen, and kept so until the real owner proves themselves or a supervisor acts."""
    VERIFIED = "verified"
    RESET = "reset"
    RETURNING = "returning"
    """The release has been intended: restrictions of this episode may be gone, stage limits stand."""
    RELEASING = "releasing"
    """The freeze ends without the stages: false alarm, or no proof in time for an unproven report."""
    CLOSING = "closing"
    """The proven owner does not want the account back: it is paid out and closed at the wallet."""
    RETURN_CLOSING = "return_closing"
    """The same, decided while the stages of the return run: the restrictions of this episode are gone, stage limits stand."""
    CLOSED = "closed"


class Event(StrEnum):
    """What moves an incident."""

    FREEZE_DONE = "freeze_done"
    FREEZE_REFUSED = "freeze_refused"
    IDENTITY_PROVEN = "identity_proven"
    PROOF_VOIDED = "proof_voided"
    IMPOSTOR_FOUND = "impostor_found"
    RESET_COMPLETE = "reset_complete"
    RETURN_INTENDED = "return_intended"
    RELEASE_INTENDED = "release_intended"
    CLOSURE_INTENDED = "closure_intended"
    CLOSURE_REFUSED = "closure_refused"
    RELAPSED = "relapsed"
    CLOSE = "close"


TRANSITIONS: dict[tuple[Status, Event], Status] = {
    (Status.OPENED, Event.FREEZE_DONE): Status.FROZEN,
    (Status.OPENED, Event.FREEZE_REFUSED): Status.CLOSED,
    (Status.OPENED, Event.RELEASE_INTENDED): Status.RELEASING,
    (Status.FROZEN, Event.IDENTITY_PROVEN): Status.VERIFIED,
    (Status.FROZEN, Event.IMPOSTOR_FOUND): Status.PROTECTED,
    (Status.FROZEN, Event.RELEASE_INTENDED): Status.RELEASING,
    (Status.PROTECTED, Event.IDENTITY_PROVEN): Status.VERIFIED,
    (Status.PROTECTED, Event.RELEASE_INTENDED): Status.RELEASING,
    (Status.VERIFIED, Event.PROOF_VOIDED): Status.FROZEN,
    (Status.VERIFIED, Event.IMPOSTOR_FOUND): Status.PROTECTED,
    (Status.VERIFIED, Event.RESET_COMPLETE): Status.RESET,
    (Status.VERIFIED, Event.RELEASE_INTENDED): Status.RELEASING,
    (Status.VERIFIED, Event.CLOSURE_INTENDED): Status.CLOSING,
    (Status.RESET, Event.PROOF_VOIDED): Status.FROZEN,
    (Status.RESET, Event.IMPOSTOR_FOUND): Status.PROTECTED,
    (Status.RESET, Event.RETURN_INTENDED): Status.RETURNING,
    (Status.RESET, Event.RELEASE_INTENDED): Status.RELEASING,
    (Status.RESET, Event.CLOSURE_INTENDED): Status.CLOSING,
    (Status.RETURNING, Event.CLOSURE_INTENDED): Status.RETURN_CLOSING,
    (Status.RETURNING, Event.RELAPSED): Status.OPENED,
    (Status.RETURNING, Event.CLOSE): Status.CLOSED,
    (Status.RELEASING, Event.RELAPSED): Status.OPENED,
    (Status.RELEASING, Event.CLOSE): Status.CLOSED,
    (Status.CLOSING, Event.CLOSURE_REFUSED): Status.VERIFIED,
    (Status.CLOSING, Event.RELAPSED): Status.OPENED,
    (Status.CLOSING, Event.CLOSE): Status.CLOSED,
    # Nothing freezes that account any more: where the wallet refuses to close it, its stages go on.
    (Status.RETURN_CLOSING, Event.CLOSURE_REFUSED): Status.RETURNING,
    (Status.RETURN_CLOSING, Event.RELAPSED): Status.OPENED,
    (Status.RETURN_CLOSING, Event.CLOSE): Status.CLOSED,
}

REPEATABLE: frozenset[tuple[Status, Event]] = frozenset(
    {
        (Status.FROZEN, Event.FREEZE_DONE),
        (Status.PROTECTED, Event.FREEZE_DONE),
        (Status.VERIFIED, Event.FREEZE_DONE),
        (Status.RESET, Event.FREEZE_DONE),
        (Status.VERIFIED, Event.IDENTITY_PROVEN),
        (Status.RESET, Event.IDENTITY_PROVEN),
        (Status.RESET, Event.RESET_COMPLETE),
        (Status.PROTECTED, Event.IMPOSTOR_FOUND),
        (Status.OPENED, Event.PROOF_VOIDED),
        (Status.FROZEN, Event.PROOF_VOIDED),
        (Status.PROTECTED, Event.PROOF_VOIDED),
        (Status.RETURNING, Event.RETURN_INTENDED),
        (Status.RELEASING, Event.RELEASE_INTENDED),
        (Status.CLOSING, Event.CLOSURE_INTENDED),
        (Status.RETURN_CLOSING, Event.CLOSURE_INTENDED),
        (Status.CLOSED, Event.FREEZE_REFUSED),
    }
)
"""Moves that change nothing when they come again: a wider freeze joins, a crashed attempt is repeated."""

LIFTED: frozenset[Status] = frozenset(
    {Status.RETURNING, Status.RELEASING, Status.CLOSING, Status.RETURN_CLOSING}
)
"""Protection is being lifted or has been: an alarm that arrives now starts the next episode."""

PROVEN: frozenset[Status] = frozenset({Status.VERIFIED, Status.RESET})
"""The owner is proven in this episode, and no later alarm has voided the proof."""


def move(status: Status, event: Event) -> Status:
    """The status after `event`.

    Raises StanchError(ILLEGAL_MOVE) when the table does not allow the move; nothing has been changed then.
    """
    if (status, event) in REPEATABLE:
        return status
    try:
        return TRANSITIONS[status, event]
    except KeyError:
        raise StanchError(
            ErrorCode.ILLEGAL_MOVE,
            f"An incident that is {status} cannot take {event}. Nothing was changed; look at its steps first.",
        ) from None
