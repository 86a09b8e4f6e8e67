"""The messages of RecoverFunds: pursuit, the life of holds, and restitution."""

from __future__ import annotations

from pydantic import Field

from models.contracts.base import Amount, Currency, Message, Moment, Total
from models.contracts.failures import OpenFailure
from models.contracts.mules import StandingMule
from models.contracts.offers import StaleQuestion
from models.contracts.policy import Policy
from models.contracts.recalls import LateMoney, RecalledTransfer
from models.contracts.steps import StepInput, StepResult
from models.contracts.transfers import TaintedLot
from models.lifecycle import Status
from models.names import DecisionKind, HoldEnding, HoldSource, Outcome, Role


class RecoverFundsInput(Message):
    """Input of RecoverFunds, id `recovery:{incident_id}`. `attempt` tells one recovery of an episode from the next.

    `rounds`, `begun_at` and `failure` are carried from run to run; whoever starts it leaves them alone.
    """

    incident_id: str
    episode: int
    account_id: str
    attempt: int
    policy: Policy
    rounds: int = 0
    begun_at: Moment | None = None
    failure: OpenFailure | None = Field(default=None, exclude_if=lambda failure: failure is None)
    """Left out where there is none, so that older histories replay to the byte."""


class RecoverFundsResult(Message):
    """`nothing_left`: every unit is given back or beyond reach; `nothing_stolen`: the incident ended without a theft."""

    incident_id: str
    ending: str
    rounds: int


class RecoveryInput(Message):
    """About which incident: for looks."""

    incident_id: str


class RecoveryDecision(Message):
    """A choice that stands and is the recovery's to carry out, with exactly what was said yes to."""

    request_id: str
    task_id: str
    episode: int
    kind: DecisionKind
    choice: str
    action: dict[str, str]


class RecoveryHold(Message):
    """A claim of this incident as it stands. `told` is None until the holder was told, or it was withheld."""

    hold_id: str
    account_id: str
    currency: Currency
    amount: Total
    state: str
    source: HoldSource
    created_at: Moment
    expires_at: Moment
    periods: int
    told: str | None
    effective_seq: int | None


class RecoveryLook(Message):
    """What the database says now. `holds`: standing ones; `untold`: ended ones whose holder is still to be told, because it was
    withheld, or because the incident ended before it was.
    """

    status: Status
    outcome: Outcome | None
    holding: bool
    compromised_since: Moment
    decisions: tuple[RecoveryDecision, ...]
    holds: tuple[RecoveryHold, ...]
    untold: tuple[RecoveryHold, ...]
    open_questions: tuple[DecisionKind, ...]
    dropped: bool | None = Field(default=None, exclude_if=lambda dropped: dropped is None)
    """Whether the incident ended without a theft (models.dropped_claims). None only in histories of before this was looked up."""
    mules: tuple[StandingMule, ...] = Field(default=(), exclude_if=lambda mules: not mules)
    """Whole accounts that people had restricted, as long as the restriction stands."""
    late: tuple[LateMoney, ...] = Field(default=(), exclude_if=lambda late: not late)
    """What came for recalls that are closed, and is not counted yet."""


class PossibleReturn(Message):
    """A payment that may be recalled money, without a word of what it undoes: from an institution that was asked, to the payer
    or the victim, of exactly what one of these recalls still awaits. `recalls`: recall id -> transfer that was recalled.
    """

    seq: int
    transfer_id: str
    src: str
    account_id: str
    currency: Currency
    amount: Amount
    recalls: dict[str, str]
    asked: int = Field(default=0, exclude_if=lambda asked: asked == 0)
    """How often people were asked about it in vain. Left out where never, so that older histories replay to the byte."""


class MoneyLook(Message):
    """Where the money of the last traces is now.

    `free`: traced units in wallet accounts that may be held and are not, newest first; `at_large`: all that nobody holds,
    every currency; `moved`: the feed tells of a transfer that spent some of
    them, or that an exit gave some back; `strays`: holds of ours on units that the last trace does not call stolen;
    `came_back`: units that a reversal brought back from an exit, not held yet; `exits`: to be recalled; `stray_recalls`: to be
    withdrawn; `outside`: what left by the last traces and has not come back, `awaited`: of it asked for and not here, all currencies.
    """

    free: tuple[TaintedLot, ...]
    at_large: Total
    moved: bool
    strays: tuple[str, ...]
    came_back: tuple[TaintedLot, ...]
    exits: tuple[RecalledTransfer, ...]
    stray_recalls: tuple[int, ...]
    outside: Total
    awaited: Total
    possible_returns: tuple[PossibleReturn, ...] = Field(default=(), exclude_if=lambda found: not found)
    """No question about these is open or answered."""


class WithdrawRecallInput(Message):
    """Which recall: by the posting of the transfer it is about."""

    incident_id: str
    transfer_seq: int


class EndHoldInput(StepInput):
    """End one hold for this reason. `request_id` names the decision, where people decided it."""

    hold_id: str
    ending: HoldEnding
    request_id: str | None = None
    choice: str | None = None


class EndHoldResult(StepResult):
    """`amount` is what went back into the queue; `effective_seq` from which posting on."""

    hold_id: str
    amount: Total
    effective_seq: int | None


class RenewHoldInput(StepInput):
    """Give a hold one more period, by this decision. Its legal basis is the sealed reason of the request."""

    hold_id: str
    request_id: str
    hold_seconds: int
    periods: int


class RenewHoldResult(StepResult):
    """The new end."""

    hold_id: str
    expires_at: Moment | None


class TellHolderInput(StepInput):
    """Tell the holder of held money, unless that would tip somebody off."""

    hold_id: str
    withhold: bool


class TellHolderResult(StepResult):
    """`told` or `withheld`. `messages` counts what was sent before holders were told by notice."""

    hold_id: str
    said: str
    messages: int = 0


class MuleInput(StepInput):
    """Freeze or release the whole account of a mule, by this decision of two people."""

    account_id: str
    request_id: str
    restriction: str


class MuleResult(StepResult):
    """The restriction id at the wallet."""

    restriction: str


class ChangeTheftsInput(StepInput):
    """Add transfers to the thefts, or withdraw them, by this decision."""

    request_id: str
    choice: str
    transfer_ids: tuple[str, ...]


class ChangeTheftsResult(StepResult):
    """What changed."""

    transfer_ids: tuple[str, ...]


class AskAboutReturnInput(StepInput):
    """Ask people which recall a payment answers, if any."""

    payment: PossibleReturn
    expires_at: Moment


class AskAboutReturnResult(StepResult):
    """The open question."""

    task_id: str


class LinkReturnInput(StepInput):
    """Read this posting as giving back that transfer, by this decision."""

    request_id: str
    choice: str
    seq: int
    original: str


class LinkReturnResult(StepResult):
    """`linked` is False where it was linked before."""

    linked: bool


class MoveCompromiseTimeInput(StepInput):
    """Move the compromise time as this decision says: its action names the time that was known and the new one."""

    request_id: str
    choice: str


class MoveCompromiseTimeResult(StepResult):
    """Since when the account is not trusted now. Moved later, no proof and no receipt falls."""

    compromised_since: Moment
    moved_earlier: bool


class Payment(Message):
    """Held money to go back: from which hold to which account, minor units, and as whose claim."""

    hold_id: str
    incident_id: str
    to_account_id: str
    currency: Currency
    amount: Amount


class RestitutionPlan(Message):
    """What people are asked: payments by choice. More than one choice where claims compete (DESIGN 8).

    `name` tells plans apart, `asked` counts how often this very one was asked and closed before. `in_all`: the sum by which the
    band is chosen. `shown` goes into the question beside the payments: what they rest on, and what is not paid now, and why.
    """

    kind: DecisionKind
    currency: Currency
    amount: Amount
    choices: dict[str, tuple[Payment, ...]]
    name: str = Field(default="", exclude_if=lambda name: not name)
    asked: Total = Field(default=0, exclude_if=lambda asked: not asked)
    in_all: Total = Field(default=0, exclude_if=lambda in_all: not in_all)
    shown: dict[str, str] = Field(default_factory=dict, exclude_if=lambda shown: not shown)


class PlanRestitutionResult(Message):
    """`plans`: to be asked now. `stale`: open questions about payments that cannot be made as they say any more."""

    plans: tuple[RestitutionPlan, ...]
    stale: tuple[StaleQuestion, ...] = Field(default=(), exclude_if=lambda stale: not stale)


class AskRestitutionInput(StepInput):
    """Put a plan to people."""

    plan: RestitutionPlan
    requester_role: Role
    expires_at: Moment


class AskRestitutionResult(StepResult):
    """The open question."""

    task_id: str


class RestituteInput(StepInput):
    """Pay one payment of what was decided: number `number` of the choice."""

    request_id: str
    choice: str
    number: int
    payment: Payment


class RestituteResult(StepResult):
    """The wallet's transfer."""

    hold_id: str
    amount: Total
    transfer_id: str | None
    transfer_seq: int | None


class SettleQuestionInput(StepInput):
    """Close a question: everything was done (`how` = done), or it cannot be done any more (a stable code).

    `request_id` is None where nobody has chosen on it, or nobody carries that choice out.
    """

    request_id: str | None
    task_id: str
    choice: str
    how: str


class Remedy(Message):
    """Where every stolen unit stands now (DESIGN 8): stolen is the sum of the others, minor units."""

    currency: Currency
    stolen: Total
    returned: Total
    on_hold: Total
    recall_pending: Total
    recalled: Total
    at_large: Total
    lost: Total


class RemedyView(Message):
    """One incident by remedy. `upto_seq`: how far the traces see, by currency."""

    incident_id: str
    currencies: dict[Currency, Remedy]
    upto_seq: dict[Currency, int]


class HoldView(Message):
    """A hold as people see it."""

    hold_id: str
    incident_id: str
    account_id: str
    currency: Currency
    amount: Total
    state: str
    source: HoldSource
    created_at: Moment
    expires_at: Moment
    periods: int
    returned: Total
    told: str | None
    ended_at: Moment | None
    ended_reason: str | None
    objections: int = Field(ge=0)
