"""Identifiers: made from business keys where one exists, ULIDs where none does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ulid import ULID

if TYPE_CHECKING:
    from datetime import datetime

INCIDENT_PREFIX = "incident:"
RECOVERY_PREFIX = "recovery:"
RECALL_PREFIX = "recall:"
CREDENTIAL_PREFIX = "credential:"


def new_id(at: datetime | None = None) -> str:
    """A fresh ULID; `at` (UTC) fixes its time part. Never call this inside a workflow."""
    return str(ULID.from_datetime(at)) if at is not None else str(ULID())


def incident_workflow_id(incident_id: str) -> str:
    """The id of the workflow that tells this incident's story."""
    return f"{INCIDENT_PREFIX}{incident_id}"


def recovery_workflow_id(incident_id: str) -> str:
    """The id of the detached workflow that pursues the money."""
    return f"{RECOVERY_PREFIX}{incident_id}"


def recall_workflow_id(incident_id: str, transfer_seq: int, part: int = 0) -> str:
    """The id of the detached workflow that asks for one transfer's money back; it outlives the incident.

    `part` counts the further requests for the same transfer, where more of it turned out to be stolen.
    """
    first = f"{RECALL_PREFIX}{incident_id}:{transfer_seq}"
    return f"{first}:{part}" if part else first


def credential_workflow_id(recovery_id: str) -> str:
    """The id of the workflow that helps an owner to a new password; no incident belongs to it."""
    return f"{CREDENTIAL_PREFIX}{recovery_id}"


def child_workflow_id(incident_id: str, episode: int, part: str) -> str:
    """The id of a part of the story, one per episode: `incident:{id}/{episode}/{part}`."""
    return f"{INCIDENT_PREFIX}{incident_id}/{episode}/{part}"


def incident_of_workflow(workflow_id: str) -> str | None:
    """The incident (or credential recovery) a workflow id belongs to, or None when the id is not one of ours."""
    for prefix in (INCIDENT_PREFIX, RECOVERY_PREFIX, CREDENTIAL_PREFIX):
        if workflow_id.startswith(prefix):
            candidate = workflow_id.removeprefix(prefix).split("/", 1)[0]
            return candidate if is_ulid(candidate) else None
    if workflow_id.startswith(RECALL_PREFIX):
        candidate = workflow_id.removeprefix(RECALL_PREFIX).split(":", 1)[0]
        return candidate if is_ulid(candidate) else None
    return None


def is_ulid(text: str) -> bool:
    """Whether `text` is a ULID in canonical form."""
    try:
        return str(ULID.from_str(text)) == text
    except ValueError:
        return False


def restriction_id(incident_id: str, episode: int, scope: str) -> str:
    """The wallet's restriction id and the freeze's idempotency key (DESIGN 4): an ended id is never placed again."""
    return f"{incident_id}/{episode}/{scope}"


def idempotency_key(incident_id: str, episode: int, step_key: str) -> str:
    """The key under which a step's effect happens once at the wallet."""
    return f"{incident_id}/{episode}/{step_key}"
