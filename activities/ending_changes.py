"""What the ending of an incident changes, and a supervisor alone, as data (beside activities/changes.py)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from models.contracts.alarms import Sender
from models.contracts.closure import ProvenDestination
from models.names import DecisionKind


@dataclass(frozen=True)
class RecordDestination:
    """Where the owner wants the money of a closed account, sealed with how it was proven."""

    destination_id: str
    proven: ProvenDestination
    at: datetime


@dataclass(frozen=True)
class RecordClosure:
    """The account is closed at the wallet, and its money went to this destination."""

    destination_id: str
    at: datetime


@dataclass(frozen=True)
class AskRating:
    """The owner may rate our help once, with a code of which only the sha256 is kept."""

    code_digest: str
    at: datetime
    expires_at: datetime


@dataclass(frozen=True)
class EndRecoveryQuestions:
    """Where the incident has dropped its claim: what is asked about the money has no object any more, and nobody need decide it.

    What people have agreed on stays open: the recovery carries it out, or says why it cannot. A recall's own question is
    the recall's.
    """

    at: datetime


@dataclass(frozen=True)
class UseBreakGlass:
    """A supervisor acts alone on a choice that waits for a second person; Temporal looks at the incident.

    Refused when the choice is settled or has expired, or is none of `choices` (question and choice).
    """

    request_id: str
    choices: frozenset[tuple[DecisionKind, str]]
    by: Sender
    reason: str
    at: datetime
    review_due_at: datetime
