"""The messages of TraceFunds."""

from __future__ import annotations

from pydantic import Field

from models.contracts.base import Currency, Message, Moment, Total
from models.contracts.policy import TracePolicy
from models.contracts.steps import StepInput, StepResult
from models.contracts.transfers import FeedPosition, Flow, RuleTotals, TaintedLot, TraceSummary
from models.names import HoldSource, Outcome


class TraceFundsInput(Message):
    """Input of TraceFunds. `attempt` counts its runs in one episode (new thefts, an earlier compromise time)."""

    incident_id: str
    episode: int
    account_id: str
    compromised_since: Moment
    frozen_seq: int | None
    attempt: int
    policy: TracePolicy
    holding: bool = True
    """False while only an unproven report stands: other people's money is not held on a stranger's word."""


class TraceFundsResult(Message):
    """The last trace per currency and what is held."""

    traces: dict[str, TraceSummary]
    held: dict[str, int]
    rounds: int


class CatchUpInput(StepInput):
    """Bring the transfer index up to the wallet's head, within a budget."""

    budget_seconds: int


class CatchUpResult(StepResult):
    """How far the index reaches: the traces that follow say so."""

    position: FeedPosition


class FindTheftsInput(StepInput):
    """Which of the victim's transfers are stolen, up to posting `upto_seq`."""

    account_id: str
    compromised_since: Moment
    frozen_seq: int | None
    upto_seq: int


class TheftWords(Message):
    """What was said of an incident's thefts, transfer ids in the order said.

    `named`: by machines, and by reports that were there when the owner was proven; `claimed`: by other reports. `added` and
    `withdrawn`: by people who decide. `since`: the compromise time by the same words that `named` counts; None: by none.
    """

    named: tuple[str, ...]
    claimed: tuple[str, ...]
    added: tuple[str, ...]
    withdrawn: tuple[str, ...]
    since: Moment | None


class FindTheftsResult(StepResult):
    """Transfer ids by currency, in posting order. `set_aside`: ids an alarm named that are not traced, and why.

    `claimed`: what only unproven reports call stolen; it is traced by itself, and nothing is held for it.
    """

    thefts: dict[Currency, tuple[str, ...]]
    claimed: dict[Currency, tuple[str, ...]] = Field(
        default_factory=dict, exclude_if=lambda claimed: not claimed
    )
    set_aside: dict[str, str] = Field(default_factory=dict, exclude_if=lambda aside: not aside)


class TraceInput(StepInput):
    """One trace: fixed thefts, one currency, one rule, up to a fixed posting number."""

    currency: Currency
    thefts: tuple[str, ...]
    position: FeedPosition
    rule: str = Field(default="fifo", exclude_if=lambda rule: rule == "fifo")
    """Absent where it is first in, first out: recorded inputs of earlier versions stay what they were."""
    claimed: bool = Field(default=False, exclude_if=lambda claimed: not claimed)
    """Only unproven reports call these stolen: shown, and never a reason to hold or to contest."""


class TraceResult(StepResult):
    """Totals and the digest; edges stay in the database. `unheld`: lots lying in wallet accounts without a claim."""

    summary: TraceSummary
    unheld: tuple[TaintedLot, ...]
    more_unheld: int = 0


class CompareRulesInput(StepInput):
    """What every rule makes of the thefts of a finished trace, each within so many payments read."""

    trace_id: str
    currency: Currency
    rows_allowed: int


class AskedTraceInput(TraceInput):
    """A trace that a person wanted to be followed further, and why."""

    trace_id: str
    reason: str


class AskedComparisonInput(CompareRulesInput):
    """A comparison of the rules that a person wanted, and why."""

    reason: str


class CompareRulesResult(StepResult):
    """One for each rule, the trace's own first."""

    trace_id: str
    currency: Currency
    ranges: tuple[RuleTotals, ...]


class HoldInput(StepInput):
    """Hold one lot where it lies."""

    trace_id: str
    lot: TaintedLot
    hold_seconds: int
    source: HoldSource = Field(default=HoldSource.TRACE, exclude_if=lambda source: source is HoldSource.TRACE)
    """Left out for what a trace found, so that older histories replay to the byte."""


class HoldResult(StepResult):
    """`amount` is what stands held after the check against the receipt; zero when the units had moved on."""

    hold_id: str | None
    amount: int
    effective_seq: int | None


class ListHoldsInput(Message):
    """Which holds of this incident stand; with `ending`, which of them an incident that ends so lets go of."""

    incident_id: str
    ending: Outcome | None = Field(default=None, exclude_if=lambda ending: ending is None)
    """Left out by older shapes, so that their histories replay to the byte."""


class ListHoldsResult(Message):
    """Hold ids."""

    hold_ids: tuple[str, ...]


class ReleaseHoldInput(StepInput):
    """End one hold: the units go back to their place in the queue."""

    hold_id: str
    reason: str


class MoneyByPlace(Message):
    """DESIGN 8, by place."""

    currency: Currency
    flow: Flow


class ClaimedHold(Message):
    """A claim on units [lo, hi) of an account, as the database holds it. `state`: claimed, placed or ended.

    `returned` of them were paid out already: a payment out of a hold spends its lowest units.
    """

    hold_id: str
    incident_id: str
    account_id: str
    currency: Currency
    lo: int
    hi: int
    state: str
    effective_seq: int | None
    expires_at: Moment
    created_at: Moment
    source: HoldSource
    periods: int
    returned: Total
    told: str | None

    @property
    def kept(self) -> tuple[int, int]:
        """The units that it still keeps; none where all were paid out."""
        return self.lo + self.returned, self.hi
