"""Protocols that only use cases need; those shared with the steps are in activities/ports.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol, TypeVar

from models.contracts.alarms import FreezeTimes, Sender
from models.contracts.base import Message, Moment
from models.contracts.incidents import IncidentFacts, IncidentView
from models.contracts.notices import DueNotice, NoticeView
from models.contracts.recalls import (
    AnswerView,
    Judged,
    MessageView,
    ParsedAnswer,
    RecallReference,
    RecallView,
)
from models.contracts.staff import StaffAlertView
from models.contracts.steps import RecordedStep
from models.contracts.transfers import Flow, TraceSummary
from models.lifecycle import Status
from models.names import DecisionKind, NoticeState, Role, StaffAlertState
from tracing.evidence.evidence import Evidence
from tracing.rules import Rule

Due = TypeVar("Due")
"""One outstanding hand-over, opaque here: the store knows which of several asks it was."""


class DecisionRequestView(Message):
    """One person's choice on a question.

    `state`: open (stands; waits for another person where four eyes are needed), approved, declined, withdrawn, expired.
    """

    request_id: str
    choice: str
    reason: str
    requested_by: str
    requested_at: Moment
    expires_at: Moment
    state: str


class DecisionView(Message):
    """A question to people, exactly what a yes will do (`action`), and every choice made on it, oldest first."""

    task_id: str
    incident_id: str
    episode: int
    kind: DecisionKind
    action: dict[str, Any]
    choices: tuple[str, ...]
    four_eyes: bool
    approver_role: Role
    requester_role: Role = Role.AGENT
    """The least role that may choose."""
    created_at: Moment
    expires_at: Moment
    closed_at: Moment | None
    requests: tuple[DecisionRequestView, ...]
    escalated_at: Moment | None = None
    """When it went to the supervisors, for nobody had decided it in its time."""


class IncidentPage(Message):
    """Newest first. `next` is the `after` of the following page, None at the end.

    `unreached`: of these, the incidents in which a notice reached nobody: somebody must call.
    """

    incidents: tuple[IncidentFacts, ...]
    next: str | None
    unreached: tuple[str, ...] = ()


class Operators(Protocol):
    """People and programs with a credential. Only its sha256 is known."""

    async def by_credential(self, digest: str) -> Sender | None:
        """Who holds the credential with this sha256 (lower-case hex); None when nobody does or it is disabled."""
        ...

    async def create(self, *, operator_id: str, name: str, role: Role, digest: str, at: datetime) -> None:
        """Commit a new operator. Errors: REFUSED_BY_RULE when the name is taken."""
        ...


class Overview(Protocol):
    """What people and programs read: the database, never a Temporal query."""

    async def incident(self, incident_id: str) -> IncidentView | None:
        """Everything of one incident; None when unknown."""
        ...

    async def incidents(
        self, *, status: Status | None, account_id: str | None, limit: int, after: str | None
    ) -> IncidentPage:
        """A page of incidents, newest first, below the id `after`. Errors: INVALID when no incident has that id."""
        ...

    async def steps(self, incident_id: str) -> Sequence[RecordedStep]:
        """Every step of the incident in the order of their commits, refusals included."""
        ...

    async def decisions(self, *, state: str | None, incident_id: str | None = None) -> Sequence[DecisionView]:
        """Questions, oldest first; `state` is `open`, `closed` or None for both."""
        ...


class DecisionDesk(Protocol):
    """Where people's choices are committed (DESIGN 7), each with the incident's hand-over in the same commit.

    Errors of all: NOT_FOUND; ALREADY_DECIDED when the question is closed, or the request is not pending any more;
    REFUSED_BY_RULE when it has expired.
    """

    async def request(
        self,
        *,
        task_id: str,
        request_id: str,
        choice: str,
        reason: str,
        by: Sender,
        at: datetime,
        expires_at: datetime,
    ) -> DecisionView:
        """One person's choice. Errors also: INVALID (not one of the choices), ALREADY_DECIDED (another one stands); FORBIDDEN
        where the amount, or a question that is overdue, is for supervisors.
        """
        ...

    async def escalate(self, at: datetime) -> Sequence[tuple[str, str]]:
        """Record every open question that nobody decided in its time, once each; gives (task id, kind)."""
        ...

    async def approve(self, *, request_id: str, reason: str, by: Sender, at: datetime) -> DecisionView:
        """Another person's yes. Errors also: FOUR_EYES (the same person), FORBIDDEN (not the approver's role)."""
        ...

    async def decline(self, *, request_id: str, reason: str, by: Sender, at: datetime) -> DecisionView:
        """Another person's no; the question is open again. Errors as for approve."""
        ...

    async def withdraw(self, *, request_id: str, by: Sender, at: datetime) -> DecisionView:
        """Take one's own request back; the question is open again. Errors also: FORBIDDEN (somebody else's)."""
        ...


class AnswerReader(Protocol):
    """Reads what institutions write."""

    def read(self, raw: bytes) -> ParsedAnswer:
        """A camt.029 or a neutral answer. Errors: INVALID, saying why without repeating what was in it."""
        ...


class RecallDesk(Protocol):
    """Answers to recalls: first kept, word for word, then judged; and what people read of recalls."""

    async def keep(
        self, *, answer_id: str, raw: bytes, digest: str, sender: Sender, at: datetime
    ) -> AnswerView:
        """Commit an answer as it came. The same bytes of the same sender again are the answer that is there already."""
        ...

    async def unjudged(self, limit: int) -> Sequence[tuple[str, Sender]]:
        """Answers that were kept and never judged, since the process ended in between: (id, sender)."""
        ...

    async def candidates(self, answer: ParsedAnswer) -> Sequence[RecallReference]:
        """Recalls that this answer names: by its case, else by UETR, else by end-to-end id. More than one is ambiguous."""
        ...

    async def settle(self, answer_id: str, judged: Judged, at: datetime) -> AnswerView:
        """Commit the verdict, under a lock on the recall. One that repeats a taken answer is a duplicate, or a CONFLICT
        when it says something else; one for a closed recall is quarantined. A matched one wakes its recall.
        """
        ...

    async def recalls(
        self, *, incident_id: str | None, state: str | None, limit: int
    ) -> tuple[RecallView, ...]:
        """Newest first; `state` is open, closed or None for both."""
        ...

    async def recall(self, recall_id: str) -> RecallView | None:
        """One recall."""
        ...

    async def messages(self, recall_id: str) -> tuple[MessageView, ...]:
        """What was sent, oldest first."""
        ...

    async def answers(
        self, *, recall_id: str | None, verdict: str | None, limit: int
    ) -> tuple[AnswerView, ...]:
        """Newest first."""
        ...

    async def content(self, answer_id: str) -> tuple[AnswerView, bytes]:
        """One answer with its bytes. Errors: NOT_FOUND, ERASED."""
        ...


class FreezeClock(Protocol):
    """The measured intervals of freezes, kept beside their steps: a step cannot know when its own commit ended."""

    async def record(self, step_id: str, times: FreezeTimes) -> None:
        """Store the intervals of one step; repeating changes nothing."""
        ...


class HandOverRecord(Protocol[Due]):
    """The bookkeeping of hand-overs: the row is the truth, the relay insists while it stands."""

    async def outstanding(self, incident_id: str) -> Due | None:
        """What was asked for this incident and not handed over yet; None when Temporal has taken everything."""
        ...

    async def delivered(self, due: Due, /) -> None:
        """Temporal has taken this; what was asked meanwhile stays due."""
        ...


class StoredTraces(Protocol):
    """Finished traces, to be looked at."""

    async def of_incident(self, incident_id: str) -> Sequence[TraceSummary]:
        """Every trace of an incident, in the order in which they were made."""
        ...

    async def summary(self, trace_id: str) -> TraceSummary | None:
        """A trace without its edges; None when there is none."""
        ...

    async def ranges(self, trace_id: str) -> dict[Rule, Flow]:
        """What each rule gives, as far as it was computed with the trace."""
        ...

    async def evidence(self, trace_id: str, *, with_ranges: bool = False) -> Evidence:
        """The trace with the rows that prove it, computed from them again.

        `with_ranges`: also with the rows that the other rules read, the range computed from those; a rule that would read
        too many is not among it. Otherwise the range is the one that was stored, and nobody can compute it from here.
        Errors: NOT_FOUND; REFUSED_BY_RULE when the index has changed since, so that today's rows give another trace.
        """
        ...


class NoticeDesk(Protocol):
    """Promised notices, as people see and repeat them."""

    async def notices(
        self, *, incident_id: str | None, state: NoticeState | None, unreached: bool, limit: int
    ) -> Sequence[NoticeView]:
        """Newest first. `unreached`: only those that reached nobody."""
        ...

    async def notice(self, notice_id: str) -> NoticeView | None:
        """One notice; None when unknown."""
        ...

    async def whom(self, notice_id: str) -> DueNotice:
        """What decides whom this notice may reach; nothing is leased. It must exist."""
        ...

    async def resend(self, notice_id: str) -> NoticeView:
        """Make a settled notice due again, under new message ids. Errors: NOT_FOUND; REFUSED_BY_RULE for one that waits or is erased."""
        ...

    async def counts(self) -> Mapping[NoticeState, int]:
        """How many wait, and how many reached nobody."""
        ...


class StaffAlertDesk(Protocol):
    """Alerts to staff, as people see them."""

    async def alerts(
        self, *, state: StaffAlertState | None, incident_id: str | None, limit: int
    ) -> Sequence[StaffAlertView]:
        """Newest first."""
        ...
