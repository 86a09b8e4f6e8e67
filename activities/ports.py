"""The Protocols that steps and use cases need from the outside. `adapters/wiring.py` builds the real ones."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from activities.changes import Change
from models.contracts.alarms import AcceptedAlarm, Alarm, Sender
from models.contracts.identity import StandingProof
from models.contracts.incidents import Decision, Decisions, IncidentFacts
from models.contracts.money import TheftWords
from models.contracts.policy import Policy
from models.contracts.steps import FinishedStep, RecordedStep, StepAttempt
from models.contracts.transfers import (
    Flow,
)
from models.lifecycle import Event
from models.names import SecurityItem


class Clock(Protocol):
    """The time of day, UTC."""

    def now(self) -> datetime:
        """The current instant, aware, UTC."""
        ...


class StepStore(Protocol):
    """Where attempts and steps are recorded (DESIGN 5)."""

    async def done(self, incident_id: str, episode: int, step_key: str) -> RecordedStep | None:
        """The `done` row of this step, or None. A refusal is never returned: it is no obstacle."""
        ...

    async def begin(self, attempt: StepAttempt, *, lifting: Event | None = None) -> None:
        """Commit the intent.

        With `lifting` (RETURN_INTENDED or RELEASE_INTENDED) the same commit locks the incident row, refuses while an
        alarm of it is unacknowledged (ALARM_WAITING) or the episode is over (ILLEGAL_MOVE), and moves the status.
        """
        ...

    async def attempted(
        self, incident_id: str, episode: int, step_key: str, *, but: str | None = None
    ) -> datetime | None:
        """When the newest attempt of this step was asked for, other than `but` (an attempt's id); None when there is none."""
        ...

    async def finish(self, step: FinishedStep, changes: Sequence[Change]) -> RecordedStep:
        """One transaction: the step row, its domain changes, the ledger outbox entry, notices.

        When another attempt has finished the same step first, everything is rolled back and the winner's row returned.
        Errors: ALARM_WAITING when a CloseIncident change meets an unacknowledged alarm (nothing is changed).
        """
        ...


class AlarmStore(Protocol):
    """Intake: the one commit in which the database decides (DESIGN 4)."""

    async def accept(
        self,
        alarm: Alarm,
        *,
        sender: Sender,
        attempt: StepAttempt,
        incident_id: str,
        policy: Policy,
        reopens: str | None = None,
    ) -> AcceptedAlarm:
        """Commit alarm, incident (its own, or the open one of the account), attempt, data key and hand-over.

        `incident_id` is the id a new incident would take; `attempt.requested_at` is the receipt. The attempt is
        written with the incident, episode and step key `freeze/{scope}` that the commit decides. `reopens`: the closed
        incident of the same account that a new one goes on with: its thefts are copied with their basis. Errors:
        ALARM_CONFLICT (same id, other content), DATABASE_UNREACHABLE (nothing was accepted).
        """
        ...


class Incidents(Protocol):
    """Reading the incident row, and asking Temporal to look at it."""

    async def facts(self, incident_id: str) -> IncidentFacts | None:
        """The row as it stands, with unacknowledged alarms; None when unknown."""
        ...

    async def alarm(self, alarm_id: str) -> Alarm:
        """One alarm without its `detail`. Errors: NOT_FOUND."""
        ...

    async def ask_again(self, incident_id: str) -> None:
        """Commit that Temporal must look at this incident (hand-over row): after an answer, after a decision."""
        ...

    async def money(self, incident_id: str) -> dict[str, Flow]:
        """Totals by place of the last trace per currency."""
        ...

    async def theft_words(self, incident_id: str) -> TheftWords:
        """What alarms taken up and people say of the thefts. While nothing but unproven reports stands, and no owner was ever
        proven, all of them count: nothing is held for such an incident.
        """
        ...

    async def receipts(
        self, incident_id: str, episode: int, compromised_since: datetime
    ) -> dict[SecurityItem, str]:
        """Receipts of finished reset steps of this episode that reached back at least to `compromised_since`."""
        ...

    async def standing_proof(self, incident_id: str, episode: int) -> StandingProof | None:
        """The newest proof of this episode that is not void."""
        ...

    async def stolen(self, incident_id: str) -> dict[str, int]:
        """What counts as stolen by the trace that stands, and what unproven words add to it: minor units by currency."""
        ...

    async def impostor_found(self, incident_id: str) -> bool:
        """Whether a claim of this incident ended as an impostor's."""
        ...

    async def proven(self, incident_id: str, episode: int) -> bool:
        """Whether a verify_identity step of this episode is done and was not voided since."""
        ...

    async def ever_proven(self, incident_id: str) -> bool:
        """Whether such a step is done and stands, of whatever episode: then a proven owner's claim on the money stands."""
        ...


class DecisionStore(Protocol):
    """Questions to people and what they chose (DESIGN 7)."""

    async def standing(self, incident_id: str, episode: int) -> Decisions:
        """Choices that may be carried out now: approved by another person wherever four eyes are needed."""
        ...

    async def verify(self, request_id: str, *, incident_id: str, episode: int, choice: str) -> Decision:
        """Read the rows again right before the effect. Errors: FOUR_EYES or REFUSED_BY_RULE when they forbid it."""
        ...

    async def made(self, request_id: str) -> Decision:
        """One choice, whether it still stands or not: for the record of what was done by it. Errors: NOT_FOUND."""
        ...

    async def open_question(
        self, incident_id: str, episode: int, action: dict[str, str], choices: tuple[str, ...]
    ) -> str | None:
        """The open task with exactly this action (its kind in it) and these choices, if there is one."""
        ...


class Secrets(Protocol):
    """What is derived from an incident's data key."""

    async def code(self, incident_id: str, challenge_id: str, round_number: int, digits: int) -> str:
        """The one-time code of a challenge: derived, so that a repeated attempt sends the same code."""
        ...


class Policies(Protocol):
    """The rules in force."""

    def current(self) -> Policy:
        """The policy by which a new incident will live."""
        ...


class HandOver(Protocol):
    """Temporal, as the gateway and the relay see it."""

    async def wake(self, incident_id: str) -> None:
        """Start the incident's workflow or wake it. Errors: TEMPORAL_UNREACHABLE; the relay will insist."""
        ...
