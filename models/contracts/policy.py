"""The rules as data: what `policies/*.toml` holds, read once per incident and kept in its history."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from models.contracts.base import Currency, Message, Total
from models.names import DecisionKind

Seconds = Annotated[int, Field(ge=0)]


class StagePolicy(Message):
    """One stage of the cool-down: its length and what the wallet allows meanwhile (minor units per day)."""

    name: str
    seconds: Annotated[int, Field(ge=1)]
    outgoing_blocked: bool
    outgoing_per_day: Total | None
    new_payees_allowed: bool
    withdrawals_allowed: bool


class IdentityPolicy(Message):
    """The one-time codes: lifetimes and lengths after NIST SP 800-63B-4, 4.2.1.2. What proves the owner is identity.toml's."""

    code_digits: Annotated[int, Field(ge=6, le=10)]
    phone_code_seconds: Seconds
    email_code_seconds: Seconds
    attempts_per_contact: Annotated[int, Field(ge=1, le=100)]
    contacts_required: Annotated[int, Field(ge=2)] = 2
    """Kept for incidents that began under it: their histories carry the whole policy. Nothing reads it any more."""
    codes_per_contact: Annotated[int, Field(ge=1)]


class FreezePolicy(Message):
    """The clocks of a freeze (DESIGN 3)."""

    provisional_seconds: Seconds
    renewals: int
    escalate_seconds: Seconds
    unproven_window_days: int
    unproven_freezes: int
    refreezes: int


class Jurisdiction(Message):
    """What a country's law makes of mixed money, with its sources; `policies/jurisdictions.toml` holds them.

    `rule` traces. `fallback` is what a court turns to where the rule cannot be applied: it is shown beside the trace and never
    mixed into it. A hold stands `hold_seconds`, and `hold_periods` times as long in all, renewals counted.
    `tipping_off_forbidden`: whoever's money is held is not told while the hold stands.
    """

    name: str
    title: str
    rule: str
    legal_basis: str
    fallback: str | None = None
    fallback_basis: str | None = None
    sources: Annotated[tuple[str, ...], Field(min_length=1)]
    hold_seconds: Annotated[int, Field(ge=1)]
    hold_periods: Annotated[int, Field(ge=1)]
    hold_basis: str
    tipping_off_forbidden: bool


class TracePolicy(Message):
    """How the money is followed and how long a hold stands."""

    rule: str
    rounds: Annotated[int, Field(ge=1)]
    round_pause_seconds: Seconds
    catch_up_budget_seconds: Annotated[int, Field(ge=1)]
    hold_seconds: Annotated[int, Field(ge=1)]
    holds_in_parallel: Annotated[int, Field(ge=1)]


class AloneChoice(Message):
    """One choice that a supervisor may make alone. models/alone.py has all that can ever be named."""

    kind: DecisionKind
    choice: str


class ApprovalPolicy(Message):
    """How long a decision stays open before it is shown as escalated, and before it ends."""

    decision_seconds: Annotated[int, Field(ge=1)]
    request_seconds: Annotated[int, Field(ge=1)]
    alone: tuple[DecisionKind, ...] = Field(default=(), exclude_if=lambda kinds: not kinds)
    """Kept for incidents that began under it: their histories carry the whole policy. No policy may say it any more."""
    break_glass: tuple[AloneChoice, ...] = Field(default=(), exclude_if=lambda choices: not choices)
    """What a supervisor may do alone where no second person can be reached: never what lifts protection or moves money."""
    review_seconds: Annotated[int, Field(ge=1)] = Field(
        default=86_400, exclude_if=lambda span: span == 86_400
    )
    """In which time another supervisor must have judged that."""


class WatchPolicy(Message):
    """How often a returned account is looked at for new security changes while its stages last."""

    poll_seconds: Annotated[int, Field(ge=1)]


WATCH_DEFAULTS = WatchPolicy(poll_seconds=1800)
"""For incidents whose rules were read before the ladder was watched."""


class RecoveryPolicy(Message):
    """How money is pursued, how long a hold may stand, and who decides that it goes back.

    The feed is asked every `poll_seconds`, doubling to `poll_max_seconds` while nothing moves; after `window_seconds` every
    `slow_poll_seconds`. `hold_periods` counts the first. `tipping_off_forbidden`: a holder is told only once the hold has
    ended. From `two_supervisors_from` (minor units of a currency; `two_supervisors_in` may say otherwise for one) on, supervisors
    decide alone. Summed up over what an incident's holds paid and are asked for, and over what each receiver had and is to get.
    """

    poll_seconds: Annotated[int, Field(ge=1)]
    poll_max_seconds: Annotated[int, Field(ge=1)]
    slow_poll_seconds: Annotated[int, Field(ge=1)]
    window_seconds: Annotated[int, Field(ge=1)]
    holds_per_second: Annotated[int, Field(ge=1)]
    hold_periods: Annotated[int, Field(ge=1)]
    tipping_off_forbidden: bool
    two_supervisors_from: Annotated[int, Field(ge=1)]
    two_supervisors_in: dict[Currency, Annotated[int, Field(ge=1)]] = Field(
        default_factory=dict, exclude_if=lambda amounts: not amounts
    )
    """The same for currencies whose minor units are worth much more or much less than the others'."""
    hold_warning_seconds: Seconds = Field(default=43_200, exclude_if=lambda span: span == 43_200)
    """So long before a hold runs out staff are alerted that nothing was decided about it: by night, too, there is a day left."""
    mule_review_seconds: Annotated[int, Field(ge=1)] = Field(
        default=604_800, exclude_if=lambda span: span == 604_800
    )
    """A mule's whole account has no clock of its own: staff are alerted each time it was restricted for so long."""

    def two_supervisors(self, currency: str) -> int:
        """From which sum in this currency on two supervisors decide, minor units."""
        return self.two_supervisors_in.get(currency, self.two_supervisors_from)


RECOVERY_DEFAULTS = RecoveryPolicy(
    poll_seconds=1,
    poll_max_seconds=60,
    slow_poll_seconds=3600,
    window_seconds=604_800,
    holds_per_second=20,
    hold_periods=2,
    tipping_off_forbidden=True,
    two_supervisors_from=5_000_000,
)
"""For incidents whose rules were read before the recovery had any."""


class RecallPolicy(Message):
    """How long other institutions are given (recalls). `chase_seconds` counts from the sending, ascending.

    `give_up_seconds`: when an open recall is closed as unanswered. `look_seconds`: how often arriving money is looked for.
    """

    chase_seconds: Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(max_length=100)]
    give_up_seconds: Annotated[int, Field(ge=1)]
    look_seconds: Annotated[int, Field(ge=1)]

    @model_validator(mode="after")
    def _in_order(self) -> RecallPolicy:
        if list(self.chase_seconds) != sorted(set(self.chase_seconds)):
            raise ValueError("chase_seconds: each must be later than the one before")
        return self


FIVE_DAYS = 432_000
RECALL_DEFAULTS = RecallPolicy(
    chase_seconds=(3 * FIVE_DAYS, 6 * FIVE_DAYS, 12 * FIVE_DAYS),
    give_up_seconds=79 * FIVE_DAYS,
    look_seconds=300,
)
"""For incidents whose rules were read before recalls had any; policies/production.toml gives the reasons."""


class ResetPolicy(Message):
    """When a reset that is not complete is tried again by itself, if no person says so before: twice as long each time."""

    first_pause_seconds: Annotated[int, Field(ge=1)]
    longest_pause_seconds: Annotated[int, Field(ge=1)]


RESET_DEFAULTS = ResetPolicy(first_pause_seconds=60, longest_pause_seconds=3600)
"""For incidents whose rules were read before resets had any."""


class Policy(Message):
    """One named set of rules. `clock` is printed wherever durations are shown: `demo` seconds are not for accounts."""

    name: str
    clock: str
    identity: IdentityPolicy
    freeze: FreezePolicy
    trace: TracePolicy
    approval: ApprovalPolicy
    stages: Annotated[tuple[StagePolicy, ...], Field(min_length=3)]
    compromise_margin_seconds: Seconds
    compromise_window_seconds: Seconds
    jurisdiction: Jurisdiction | None = Field(default=None, exclude_if=lambda profile: profile is None)
    """Where `trace.rule` and the spans of holds come from; None in policies, and histories, that name none."""
    recovery: RecoveryPolicy | None = Field(default=None, exclude_if=lambda rules: rules is None)
    """None only in the history of an incident older than this part; left out then, so that it replays to the byte."""
    recall: RecallPolicy | None = Field(default=None, exclude_if=lambda rules: rules is None)
    """None only in the history of an incident older than this part: RECALL_DEFAULTS holds there. Left out when None, so
    that such a history still replays to the byte."""
    reset: ResetPolicy | None = Field(default=None, exclude_if=lambda rules: rules is None)
    """None only in the history of an incident older than this part: RESET_DEFAULTS holds there."""
    watch: WatchPolicy | None = Field(default=None, exclude_if=lambda rules: rules is None)
    """None only in the history of an incident older than this part: WATCH_DEFAULTS holds there."""
