"""Audit replay: do the histories replay with today's code, and do recorded steps and histories agree one to one?"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from activities.credential_ports import Credentials
from activities.ports import Incidents
from ledger.chains import check_chains
from ledger.comparison import compare
from ledger.findings import Finding, Kind
from ledger.histories import History
from models.contracts.base import Message
from models.contracts.steps import RecordedStep
from models.errors import ErrorCode, StanchError
from models.ids import credential_workflow_id, incident_workflow_id

ABOUT_HISTORIES = frozenset(
    {
        Kind.HISTORY_MISSING,
        Kind.HISTORY_GAP,
        Kind.HISTORY_OPEN,
        Kind.HISTORY_UNREADABLE,
        Kind.REPLAY_FAILED,
        Kind.REPLAY_ARGUMENTS,
        Kind.REPLAY_RESULT,
    }
)
"""Findings that make `replay_ok` false; the others make `steps_match_history` false."""


class ReplayedRun(Protocol):
    """One run of one workflow, replayed."""

    @property
    def history(self) -> History:
        """What its history says."""
        ...

    @property
    def findings(self) -> Sequence[Finding]:
        """What differs when today's code replays it."""
        ...


class Histories(Protocol):
    """Where histories come from and are replayed (adapters/temporal/replay.py)."""

    async def replay(self, incident_id: str, *, closed: bool) -> Sequence[ReplayedRun]:
        """Every run of the incident's workflows; of a `closed` incident, once they have ended. Errors: TEMPORAL_UNREACHABLE, ERASED, INTERNAL (payload changed)."""
        ...


class StepReader(Protocol):
    """Where recorded steps come from."""

    async def steps(self, incident_id: str) -> Sequence[RecordedStep]:
        """Every step of the incident, refusals included."""
        ...


class AuditFinding(Message):
    """One difference: a stable kind, where it is, one sentence."""

    kind: str
    subject: str
    message: str


class AuditedRun(Message):
    """One run of one workflow. `ended` is the type of its last event when the run is over."""

    workflow_id: str
    run_id: str
    type: str
    events: int
    activities: int
    ended: str | None
    replayed: bool


class AuditReport(Message):
    """The answer. `performed`, `adopted`, `unreturned` and `beside` say how steps stand in the histories (ledger/comparison.py)."""

    incident_id: str
    replay_ok: bool
    steps_match_history: bool
    findings: tuple[AuditFinding, ...]
    workflows: tuple[AuditedRun, ...]
    steps: int
    events: int
    performed: int
    adopted: int
    unreturned: int
    beside: int
    reads: dict[str, int]


@dataclass
class AuditReplay:
    """Replays and compares; changes nothing."""

    incidents: Incidents
    steps: StepReader
    histories: Histories
    credentials: Credentials | None = None
    """Where it is given, recoveries of credentials can be audited too."""

    async def run(self, incident_id: str) -> AuditReport:
        """Audit one incident, or one credential recovery. Errors: NOT_FOUND; TEMPORAL_UNREACHABLE; DATABASE_UNREACHABLE; ERASED."""
        closed, root = await self._known(incident_id)
        # Read before the histories and after them: an incident at work records steps meanwhile.
        before = {step.step_id for step in await self.steps.steps(incident_id)}
        runs = await self.histories.replay(incident_id, closed=closed)
        steps = await self.steps.steps(incident_id)
        fresh = {step.step_id for step in steps} - before
        return audit(incident_id, runs, steps, closed=closed, fresh=fresh, root=root)

    async def _known(self, incident_id: str) -> tuple[bool, str]:
        """(whether it is over, the id of its own workflow)."""
        facts = await self.incidents.facts(incident_id)
        if facts is not None:
            return facts.closed_at is not None, incident_workflow_id(incident_id)
        recovery = None if self.credentials is None else await self.credentials.facts(incident_id)
        if recovery is None:
            raise StanchError(
                ErrorCode.NOT_FOUND, "There is no incident with this id. Nothing was done; check the id."
            )
        return recovery.ending is not None, credential_workflow_id(incident_id)


def audit(
    incident_id: str,
    runs: Sequence[ReplayedRun],
    steps: Sequence[RecordedStep],
    *,
    closed: bool,
    fresh: Collection[str] = frozenset(),
    root: str | None = None,
) -> AuditReport:
    """The report on these runs and steps; rows named in `fresh` need not be in the histories yet.

    `root`: the id of the workflow that all others hang on; the incident's where none is given.
    """
    histories = [run.history for run in runs]
    compared = compare(incident_id, histories, steps, fresh=fresh)
    findings = [
        *check_chains(root or incident_workflow_id(incident_id), histories, closed=closed),
        *(finding for run in runs for finding in run.findings),
        *compared.findings,
    ]
    about_histories = [finding for finding in findings if finding.kind in ABOUT_HISTORIES]
    return AuditReport(
        incident_id=incident_id,
        replay_ok=not about_histories,
        steps_match_history=len(about_histories) == len(findings),
        findings=tuple(
            AuditFinding(kind=each.kind.value, subject=each.subject, message=each.message)
            for each in findings
        ),
        workflows=tuple(
            AuditedRun(
                workflow_id=run.history.workflow_id,
                run_id=run.history.run_id,
                type=run.history.type,
                events=run.history.events,
                activities=len(run.history.activities),
                ended=run.history.ending,
                replayed=not run.findings,
            )
            for run in runs
        ),
        steps=len(steps),
        events=sum(history.events for history in histories),
        performed=compared.performed,
        adopted=compared.adopted,
        unreturned=compared.unreturned,
        beside=compared.beside,
        reads=compared.reads,
    )
