"""The Protocols that steps and use cases need from the outside. `adapters/wiring.py` builds the real ones."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from activities.changes import Change
from models.contracts.alarms import AcceptedAlarm, Alarm, Sender
from models.contracts.incidents import Decision, Decisions, IncidentFacts
from models.contracts.money import ClaimedHold
from models.contracts.policy import Policy
from models.contracts.steps import FinishedStep, Receipt, RecordedStep, StepAttempt
from models.contracts.transfers import FeedPosition, Flow, PostedTransfer, TaintedLot, TraceSummary
from models.contracts.wallet import AccountState, StageLimits, StandingHold, StandingRestriction
from models.lifecycle import Event
from models.names import Scope, SecurityItem


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

    async def finish(self, step: FinishedStep, changes: Sequence[Change]) -> RecordedStep:
        """One transaction: the step row, its domain changes, the ledger outbox entry, notices.

        When another attempt has finished the same step first, everything is rolled back and the winner's row returned.
        Errors: ALARM_WAITING when a CloseIncident change meets an unacknowledged alarm (nothing is changed).
        """
        ...


class AlarmStore(Protocol):
    """Intake: the one commit in which the database decides (DESIGN 4)."""

    async def accept(
        self, alarm: Alarm, *, sender: Sender, attempt: StepAttempt, incident_id: str, policy: Policy
    ) -> AcceptedAlarm:
        """Commit alarm, incident (its own, or the open one of the account), attempt, data key and hand-over.

        `incident_id` is the id a new incident would take; `attempt.requested_at` is the receipt. The attempt is
        written with the incident, episode and step key `freeze/{scope}` that the commit decides. Errors:
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

    async def named_thefts(self, incident_id: str) -> tuple[str, ...]:
        """Transfers that alarms of this incident named as stolen, in the order named."""
        ...

    async def receipts(
        self, incident_id: str, episode: int, compromised_since: datetime
    ) -> dict[SecurityItem, str]:
        """Receipts of finished reset steps of this episode that reached back at least to `compromised_since`."""
        ...

    async def proven(self, incident_id: str, episode: int) -> bool:
        """Whether a verify_identity step of this episode is done and was not voided since."""
        ...


class Wallet(Protocol):
    """The wallet's contract (docs/wallet-contract.yaml).

    Every write takes an idempotency key and gives a receipt. Errors: StanchError WALLET_REFUSED or ACCOUNT_UNKNOWN when
    the wallet says no for good; WALLET_UNREACHABLE when it cannot be known whether it happened (try again, same key).
    """

    async def account(self, account_id: str) -> AccountState:
        """Everything the wallet tells about the account. Errors: ACCOUNT_UNKNOWN."""
        ...

    async def place_restriction(
        self, account_id: str, restriction: str, scope: Scope, *, key: str
    ) -> Receipt:
        """Restrict the account under this restriction id."""
        ...

    async def release_restrictions(
        self, account_id: str, restrictions: Sequence[str], reason: str, *, key: str
    ) -> Receipt:
        """End the named restrictions; `result` = {ended, still_standing}."""
        ...

    async def restrictions(self) -> list[StandingRestriction]:
        """Every restriction of ours that stands."""
        ...

    async def place_hold(
        self, account_id: str, hold_id: str, currency: str, amount: int, expires_at: datetime, *, key: str
    ) -> Receipt:
        """Hold min(amount, available); `result` = {hold_id, placed_amount}."""
        ...

    async def shrink_hold(self, hold_id: str, amount: int, *, key: str) -> Receipt:
        """Leave `amount` held."""
        ...

    async def release_hold(self, hold_id: str, reason: str, *, key: str) -> Receipt:
        """End the hold."""
        ...

    async def holds(self) -> list[StandingHold]:
        """Every hold of ours that stands."""
        ...

    async def reset_item(
        self, account_id: str, item: SecurityItem, set_since: datetime, *, key: str
    ) -> Receipt:
        """Reset one security item; `result` = {item, changes, nothing_to_change}."""
        ...

    async def owner_link(
        self, account_id: str, contact_point_id: str, expires_at: datetime, *, key: str
    ) -> Receipt:
        """Have the wallet send its one-use link for new secrets to an old contact point."""
        ...

    async def place_stage(self, account_id: str, limits: StageLimits, *, key: str) -> Receipt:
        """Place (or replace) the stage limits."""
        ...

    async def lift_stage(self, account_id: str, stage_id: str, *, key: str) -> Receipt:
        """Take the stage limits away."""
        ...


class Messages(Protocol):
    """The SMS and mail gateway."""

    async def send(self, message_id: str, channel: str, to: str, subject: str, body: str) -> None:
        """Hand over one message; the same id again is delivered once. Errors: WALLET_UNREACHABLE."""
        ...


class TransferIndex(Protocol):
    """Stanch's own index of the wallet's transfers, fed in posting order."""

    async def catch_up(self, *, budget: timedelta) -> FeedPosition:
        """Feed until the wallet's head or the end of the budget; a gap or conflict stops it and is in the position."""
        ...

    async def transfers(self, ids: Sequence[str]) -> list[PostedTransfer]:
        """The transfers with these ids that are in the index, in posting order."""
        ...

    async def outgoing(self, account_id: str, since: datetime, upto_seq: int) -> list[PostedTransfer]:
        """Transfers out of the account posted at or after `since`, up to and including `upto_seq`."""
        ...

    async def remaining(
        self, account_id: str, currency: str, lo: int, hi: int, upto_seq: int
    ) -> list[tuple[int, int]]:
        """The parts of units [lo, hi) of this account that no transfer up to `upto_seq` has carried away."""
        ...

    async def apply_hold(  # noqa: PLR0917 - an interval on an account, and since when
        self, account_id: str, currency: str, lo: int, hi: int, effective_seq: int, hold_id: str
    ) -> None:
        """Take units [lo, hi) out of the account's queue from `effective_seq` on. Repeating changes nothing."""
        ...

    async def release_hold(self, hold_id: str, effective_seq: int) -> None:
        """Put a hold's units back in their place from `effective_seq` on. Repeating changes nothing."""
        ...


class Traces(Protocol):
    """Traces, stored with their edges and lots."""

    async def run(
        self, *, incident_id: str, episode: int, currency: str, thefts: Sequence[str], upto: FeedPosition
    ) -> TraceSummary:
        """Trace, store, and summarise; the same input on the same index gives the same trace."""
        ...

    async def lots(self, trace_id: str) -> list[TaintedLot]:
        """Lots lying in wallet accounts at the end of the trace, largest first."""
        ...


class Claims(Protocol):
    """Claims on stolen units (DESIGN 8). A claim's id is the wallet's hold id."""

    async def claim(
        self,
        *,
        hold_id: str,
        incident_id: str,
        episode: int,
        trace_id: str,
        lot: TaintedLot,
        expires_at: datetime,
        at: datetime,
    ) -> bool:
        """Commit a claim on exactly this lot, under an advisory lock on the account.

        False when an active claim, anybody's, covers a part of it (the earliest theft wins; nothing is written). True
        also when this very claim already stands.
        """
        ...

    async def unclaimed(self, lots: Sequence[TaintedLot]) -> list[TaintedLot]:
        """The parts of these lots that no active claim covers, whoever's it is."""
        ...

    async def standing(self, incident_id: str) -> tuple[str, ...]:
        """Hold ids of this incident that have not ended."""
        ...

    async def find(self, hold_id: str) -> ClaimedHold | None:
        """One claim as it stands."""
        ...


class Challenges(Protocol):
    """One-time codes. The count of attempts lives in one atomic UPDATE."""

    async def prepare(
        self,
        *,
        challenge_id: str,
        incident_id: str,
        episode: int,
        contact_id: str,
        channel: str,
        contact_set_at: datetime,
        round_number: int,
        code: str,
        sent_at: datetime,
        expires_at: datetime,
        attempts_allowed: int,
    ) -> None:
        """Commit the hash of a code before it is sent; a later round replaces the hash and keeps the count."""
        ...

    async def answer(self, challenge_id: str, code: str, at: datetime) -> tuple[str, int, str | None]:
        """(`accepted` | `wrong` | `late` | `used` | `too_many` | `unknown`, attempts left, incident id).

        An accepted answer asks for the incident's hand-over in the same commit.
        """
        ...

    async def answered(self, incident_id: str, episode: int) -> list[tuple[str, str, datetime]]:
        """(channel, contact id, contact set at) of each contact that answered in this episode and is not voided."""
        ...

    async def exhausted(self, incident_id: str, episode: int) -> bool:
        """Whether challenges of this episode exist and none has an attempt left."""
        ...


class DecisionStore(Protocol):
    """Questions to people and what they chose (DESIGN 7)."""

    async def standing(self, incident_id: str, episode: int) -> Decisions:
        """Choices that may be carried out now: approved by another person wherever four eyes are needed."""
        ...

    async def verify(self, request_id: str, *, incident_id: str, episode: int, choice: str) -> Decision:
        """Read the rows again right before the effect. Errors: FOUR_EYES or REFUSED_BY_RULE when they forbid it."""
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
