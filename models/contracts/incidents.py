"""What is known of an incident, and the messages of the workflows that carry it."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from models.contracts.alarms import Alarm
from models.contracts.base import Message, Moment
from models.contracts.notices import UnreachedNotice
from models.contracts.policy import Policy
from models.contracts.steps import StepInput, StepResult
from models.contracts.transfers import Flow
from models.lifecycle import Status
from models.names import DecisionKind, Outcome, Scope


class IncidentFacts(Message):
    """The incident row as the workflow may see it: no personal data."""

    incident_id: str
    account_id: str
    status: Status
    episode: int
    scope: Scope
    provisional: bool
    """Every alarm of this episode so far is an unproven report: the freeze ends by its own clock."""
    opened_at: Moment
    episode_opened_at: Moment
    compromised_since: Moment | None
    frozen_at: Moment | None
    renewals: int
    closed_at: Moment | None
    outcome: Outcome | None
    unacknowledged: tuple[str, ...]
    """Ids of alarms whose effect is not committed yet, oldest first."""
    held_back: bool = False
    """Only unproven reports came, on an account that had its share of them: nothing is frozen until an agent decides."""
    limits_left: bool = False
    """Not frozen (yet), and limits of a return that an alarm overtook stand at the wallet: all that protects the account."""
    reopens: str | None = None
    """The closed incident that this one goes on with."""
    reopened_as: str | None = None
    """The incident that goes on with this one."""


class IncidentOpening(Message):
    """Input of StolenAccountIncident. `alarm` is set only when the workflow is started straight at Temporal."""

    incident_id: str
    alarm: Alarm | None = None
    attempt: int = 0
    """How often the story was told so far; this and what follows is carried by continue-as-new only."""
    factors: tuple[str, ...] = ()
    identity_round: int = 0
    reset_round: int = 0
    money_round: int = 0
    return_round: int = 0
    """How often each part was told: a round is never told twice, or it would adopt what was true the first time."""
    return_request: str | None = None
    """The decision under which the account is being returned."""
    ending: Outcome | None = None
    """The ending without stages that is under way, and the decision for it."""
    ending_request: str | None = None
    continued: bool = Field(default=False, exclude_if=lambda continued: not continued)
    """It goes on from a run whose history was full: what that one asked people is still the question."""


class IncidentEnding(Message):
    """Result of StolenAccountIncident. `outcome` is None when it `joined` another open incident of the account."""

    incident_id: str
    outcome: Outcome | None
    joined: str | None = None


class Registered(Message):
    """What the first act of the workflow found: its facts and the rules it will live by, or whom it joined."""

    facts: IncidentFacts | None
    policy: Policy
    joined: str | None = None


class RegisterInput(Message):
    """Input of register_incident."""

    opening: IncidentOpening


class LoadInput(Message):
    """Input of load_incident: read the row again."""

    incident_id: str


class FreezeInput(StepInput):
    """Place the restriction `incident/episode/scope`."""

    account_id: str
    scope: Scope


class FreezeResult(StepResult):
    """`restriction_id` stands at the wallet unless `refusal` is set. `effective_seq`: the last posting before it."""

    restriction_id: str
    scope: Scope
    receipt_id: str | None = None
    effective_seq: int | None = None
    effective_at: Moment | None = None


class TakeUpAlarmInput(StepInput):
    """Commit the effect of one alarm on the incident and acknowledge it in the same commit."""

    alarm_id: str
    account_id: str


class TakeUpAlarmResult(StepResult):
    """What changed: `moved_earlier` says that proofs and receipts relying on anything set since are void."""

    compromised_since: Moment
    moved_earlier: bool
    named_transfers: int


class PlanIdentityInput(StepInput):
    """Choose the contact points that may prove the owner."""

    account_id: str
    compromised_since: Moment


class ContactChoice(Message):
    """A contact point by its wallet id, never by its value."""

    contact_id: str
    kind: str
    set_at: Moment


class RefusedContact(ContactChoice):
    """A contact point that is never used, and why (models.contracts.identity.RefusedBecause)."""

    reason: str = "set_since"


class PlanIdentityResult(StepResult):
    """`usable`: set before the compromise time, each a different value. `refused`: shown to agents."""

    usable: tuple[ContactChoice, ...]
    refused: tuple[RefusedContact, ...]


class SendChallengeInput(StepInput):
    """Send a one-time code to one contact point; `round` counts the codes sent to it."""

    account_id: str
    contact: ContactChoice
    compromised_since: Moment
    round: int


class SendChallengeResult(StepResult):
    """The code itself is nowhere but in the message and, hashed, in the challenge row."""

    challenge_id: str
    expires_at: Moment


class VerifyIdentityInput(Message):
    """Input of VerifyIdentity."""

    incident_id: str
    episode: int
    account_id: str
    compromised_since: Moment
    policy: Policy
    attempt: int
    patience_seconds: int


class VerifyIdentityResult(Message):
    """Whether the owner is proven in this episode, by which factors."""

    proven: bool
    factors: tuple[str, ...]


class AskDecisionInput(StepInput):
    """Put a question to people. `action` is what will be done, bound by digest."""

    kind: DecisionKind
    action: dict[str, str]
    choices: tuple[str, ...]
    four_eyes: bool
    expires_at: Moment
    keep: bool = Field(default=False, exclude_if=lambda keep: not keep)
    """An open question with the same action and choices is this one: what people have said to it stands."""


class AskDecisionResult(StepResult):
    """The open task: a new one, or the one that was kept."""

    task_id: str


class ReadDecisionInput(Message):
    """What people have decided on this kind in this episode so far; asked by the workflow, or raised by an agent."""

    incident_id: str
    episode: int


class CarryOutInput(StepInput):
    """Carry out a choice whose whole effect is in the database."""

    request_id: str
    choice: str


class Decision(Message):
    """A choice that stands: single-handed where the rule allows it, approved by another person where it does not."""

    request_id: str
    task_id: str
    kind: DecisionKind
    choice: str
    requested_by: str
    approved_by: str | None
    claim_id: str | None = None
    """Which claimant it is about, where it is about one."""


class Decisions(Message):
    """All choices that stand and have not been carried out yet, oldest first."""

    standing: tuple[Decision, ...]


class EnterStageInput(StepInput):
    """Place the limits of one stage."""

    account_id: str
    stage_index: int
    policy: Policy


class EnterStageResult(StepResult):
    """When the stage began and when it ends."""

    stage: str
    entered_at: Moment
    ends_at: Moment


class ReleaseInput(StepInput):
    """End this episode's restrictions. `request_id` names the decision that allows it, where a person must."""

    account_id: str
    ending: Outcome
    request_id: str | None


class ReleaseResult(StepResult):
    """The restriction ids that ended, and what still stands on the account (another incident's, another team's)."""

    ended: tuple[str, ...]
    still_standing: tuple[str, ...]


class LiftLimitsInput(StepInput):
    """Take away the limits of the last stage, as a part of this ending."""

    account_id: str
    ending: Outcome


class ReturnAccountInput(Message):
    """Input of ReturnAccount. `request_id` names the decision of two people under which the account goes back."""

    incident_id: str
    episode: int
    attempt: int
    account_id: str
    policy: Policy
    request_id: str


class ReturnAccountResult(Message):
    """The stages that were entered, in order. `refused`: the stable code for which the release did not happen."""

    stages: tuple[str, ...]
    refused: str | None = None


class CloseInput(StepInput):
    """Close the incident with its outcome."""

    account_id: str
    outcome: Outcome
    refreezes: int
    factors: tuple[str, ...]
    stages: tuple[str, ...]


class CloseResult(StepResult):
    """What the database now says."""

    outcome: Outcome
    money: dict[str, Flow]


class ListedSteps(Message):
    """Counts by kind, for summaries."""

    total: int
    by_kind: dict[str, int]


class IncidentView(Message):
    """Everything an agent sees of one incident (GET /v1/incidents/{id})."""

    facts: IncidentFacts
    alarms: tuple[dict[str, Any], ...]
    time_to_freeze_ms: dict[str, int] | None
    holds: tuple[dict[str, Any], ...]
    decisions: tuple[dict[str, Any], ...]
    money: dict[str, Flow]
    claimed: dict[str, Flow] = Field(default_factory=dict)
    """By place, too: what only unproven reports call stolen. Nothing is held for it."""
    security_items: dict[str, str]
    stages: tuple[dict[str, Any], ...]
    identity: dict[str, Any]
    refreezes: int
    steps: ListedSteps
    summary: dict[str, Any] | None
    unreached: tuple[UnreachedNotice, ...] = ()
    """Notices that reached nobody: somebody must call these people."""
    security: dict[str, int] = Field(default_factory=dict)
    """How many settings were added, changed and removed since the compromise time, and payments in flight stopped and
    captured, as recorded in this episode."""
    rating: dict[str, Any] | None = None
    """How well the owner says they were helped."""
