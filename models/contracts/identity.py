"""Who the owner is, as messages: the factors, the rules of `policies/identity.toml`, and what a judgement says."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from models.contracts.base import Currency, Message, Moment
from models.contracts.wallet import Signal


class FactorKind(StrEnum):
    """What a claimant can present."""

    PHONE_CODE = "phone_code"
    EMAIL_CODE = "email_code"
    RECOVERY_CODE = "recovery_code"
    TOTP = "totp"
    PASSKEY = "passkey"
    DOCUMENT = "document"
    TRUSTED_CONTACTS = "trusted_contacts"
    CALL_BACK = "call_back"
    REVIEW = "review"
    """Two people of the house looked at the evidence and accepted it. Counts beside other evidence only."""


class ProofAction(StrEnum):
    """What a proof is needed for."""

    RESTORE = "restore"
    FALSE_ALARM = "false_alarm"
    CREDENTIAL = "credential"
    """A new password, where nothing was stolen as far as anybody knows. The link to an old contact comes on top."""


class RefusedBecause(StrEnum):
    """Why a factor does not count."""

    SET_SINCE = "set_since"
    CHANGED_SINCE = "changed_since"
    TIMES_CONTRADICT = "times_contradict"
    SIM_SWAP = "sim_swap"
    IDENTIFIER_RECYCLED = "identifier_recycled"
    REMOVED_BEFORE = "removed_before"
    NO_TIME = "no_time"
    UNKNOWN_FACTOR = "unknown_factor"
    SAME_METHOD = "same_method"
    """Counted once already: another factor of the same method stands."""
    NOTHING_BESIDE = "nothing_beside"
    """It counts only beside certain others, and none of them stands."""


Clause = Annotated[str, StringConstraints(min_length=8)]
Points = Annotated[int, Field(ge=1, le=3)]
LEAST = 2
"""Methods, and points, that every rule about a stolen account needs."""


class FactorRule(Message):
    """What one factor counts for. Factors of one `method` can fall together, so they count once.

    `beside`: it counts only where one of these counts too.
    """

    kind: FactorKind
    method: str
    points: Points
    beside: tuple[FactorKind, ...] = ()
    clause: Clause


class ProofRule(Message):
    """What an action needs.

    Every rule that applies must hold. `above` limits it to accounts where more than so much lies, minor units by
    currency; a currency it does not name has the band of XXX, and without one always reaches it. `contested` limits it to accounts that two rival claimants
    have shown factors for.
    """

    action: ProofAction
    methods: Annotated[int, Field(ge=1)]
    points: Annotated[int, Field(ge=1)]
    one_of: tuple[FactorKind, ...] = ()
    above: dict[Currency, Annotated[int, Field(ge=0)]] = Field(default_factory=dict)
    contested: bool = False
    clause: Clause

    @model_validator(mode="after")
    def _two_at_least(self) -> Self:
        if self.action is not ProofAction.CREDENTIAL and min(self.methods, self.points) < LEAST:
            message = "one factor never proves an owner whose account was stolen"
            raise ValueError(message)
        return self


class LimitRules(Message):
    """How failures are counted (SP 800-63B-4 3.2.2): free at first, then with growing delays, then no more."""

    free_failures: Annotated[int, Field(ge=1, le=10)]
    """Of one factor or one claimant, before delays begin."""
    account_free_failures: Annotated[int, Field(ge=1, le=100)]
    """Of one account over all its channels."""
    first_delay_seconds: Annotated[int, Field(ge=1)]
    longest_delay_seconds: Annotated[int, Field(ge=1)]
    disabled_after: Annotated[int, Field(ge=1, le=100)]
    """Consecutive failures after which a factor is disabled: the factor, never the person."""
    stays_open: tuple[FactorKind, ...] = (FactorKind.DOCUMENT,)
    """Factors that are never disabled and outside the account's count: by these the person gets on, whatever was guessed at."""
    quiet_seconds: Annotated[int, Field(ge=1)]
    """An account's or claimant's count begins anew after so long without a failure; a factor's never does."""
    clause: Clause


class PasskeyRules(Message):
    """Where passkeys may be used."""

    rp_id: str
    origins: Annotated[tuple[str, ...], Field(min_length=1)]
    challenge_seconds: Annotated[int, Field(ge=30, le=600)]
    clause: Clause


class TrustedContactRules(Message):
    """How many of the account's trusted contacts must answer."""

    needed: Annotated[int, Field(ge=2)]
    least_enrolled: Annotated[int, Field(ge=2)]
    code_seconds: Annotated[int, Field(ge=60)]
    clause: Clause

    @model_validator(mode="after")
    def _more_enrolled_than_needed(self) -> Self:
        if self.least_enrolled < self.needed:
            message = "least_enrolled is smaller than needed"
            raise ValueError(message)
        return self


class DocumentRules(Message):
    """Document and liveness at an outside provider."""

    session_seconds: Annotated[int, Field(ge=60)]
    callback_tolerance_seconds: Annotated[int, Field(ge=1, le=600)]
    clause: Clause


class CredentialRules(Message):
    """`[credential]` of policies/identity.toml. What proves the owner here is the rule of the action `credential`."""

    contact_age_seconds: Annotated[int, Field(ge=0)]
    """A contact younger than this gets no code and no link: a thief binds one first and asks then."""
    window_seconds: Annotated[int, Field(ge=1)]
    """From the beginning to the proof."""
    link_seconds: Annotated[int, Field(ge=1)]
    look_seconds: Annotated[int, Field(ge=1)]
    """Between the first looks for the new password; doubled up to a minute."""
    check_up_days: Annotated[int, Field(ge=1)]
    """How far back the check-up shows what changed."""
    check_up_seconds: Annotated[int, Field(ge=60)]
    """How long after the beginning the check-up can be looked at."""
    starts_in_a_row: Annotated[int, Field(ge=1)]
    start_every_seconds: Annotated[int, Field(ge=1)]
    """For one number or address: so many at once, then one in so many seconds."""
    clause: Clause


class PaceRules(Message):
    """How fast strangers may ask, whatever comes of it: per address, and per claim or recovery."""

    address_per_minute: Annotated[int, Field(ge=1)]
    address_at_once: Annotated[int, Field(ge=1)]
    claim_per_minute: Annotated[int, Field(ge=1)]
    claim_at_once: Annotated[int, Field(ge=1)]
    clause: Clause


class IdentityRules(Message):
    """`policies/identity.toml`. Refused where a false alarm would need less than a restore, or a factor has no rule."""

    version: str
    swap_window_seconds: Annotated[int, Field(ge=0)]
    """A SIM swap or a porting so shortly before the compromise time was its beginning."""
    claim_seconds: Annotated[int, Field(ge=60)]
    factors: tuple[FactorRule, ...]
    rules: tuple[ProofRule, ...]
    limits: LimitRules
    passkey: PasskeyRules
    trusted_contacts: TrustedContactRules
    document: DocumentRules
    credential: CredentialRules
    pace: PaceRules

    @model_validator(mode="after")
    def _whole(self) -> Self:
        kinds = [each.kind for each in self.factors]
        if sorted(kinds) != sorted(FactorKind):
            message = "each factor needs exactly one rule"
            raise ValueError(message)
        of = {action: {_need(rule) for rule in self.rules if rule.action is action} for action in ProofAction}
        if not any(not above and not contested for *_, above, contested in of[ProofAction.RESTORE]):
            message = "restore needs a rule for every amount"
            raise ValueError(message)
        if not any(not above and not contested for *_, above, contested in of[ProofAction.CREDENTIAL]):
            message = "credential needs a rule for every amount"
            raise ValueError(message)
        if not of[ProofAction.RESTORE] <= of[ProofAction.FALSE_ALARM]:
            message = "a false alarm needs at least the proof of a restore"
            raise ValueError(message)
        return self

    def factor(self, kind: FactorKind) -> FactorRule:
        """The rule of a kind."""
        return next(each for each in self.factors if each.kind is kind)


def _need(rule: ProofRule) -> tuple[int, int, tuple[FactorKind, ...], tuple[tuple[str, int], ...], bool]:
    return rule.methods, rule.points, rule.one_of, tuple(sorted(rule.above.items())), rule.contested


class Presented(Message):
    """A factor that somebody presented rightly, and everything the wallet says about its age. No value, no secret."""

    kind: FactorKind
    reference: str
    """The wallet's id of the thing, a provider's session, or a decision."""
    set_at: Moment | None
    changed_at: Moment | None = None
    """When the wallet's record of it was last written, whatever `set_at` says since."""
    previous_set_at: Moment | None = None
    removed_at: Moment | None = None
    signals: tuple[Signal, ...] = ()


class RefusedFactor(Message):
    """A factor that does not count, and why."""

    kind: FactorKind
    reference: str
    reason: RefusedBecause


class Missing(Message):
    """What is still needed, and the clause that says so."""

    what: Literal["methods", "points", "one_of"]
    needed: int
    have: int
    one_of: tuple[FactorKind, ...] = ()
    clause: str


class Judgement(Message):
    """Proven, or what is missing. `counted` are the factors relied on, one for each method."""

    proven: bool
    counted: tuple[Presented, ...]
    refused: tuple[RefusedFactor, ...]
    missing: tuple[Missing, ...]


class Claim(Message):
    """Somebody says they are the owner. Nothing in it says who: what they presented does."""

    claim_id: str
    incident_id: str
    episode: int
    opened_by: str | None
    """None where a one-time code that was answered without a claim opened it."""
    opened_at: Moment
    expires_at: Moment
    ended_at: Moment | None = None
    ending: Literal["impostor", "withdrawn"] | None = None


UNCLAIMED = "unclaimed"
"""Names whoever answered one-time codes without a claim, before every such answer opened one."""


class StandingProof(Message):
    """The proof of an episode that is not void, and whose it is; None for codes answered without a claim."""

    step_id: str
    claim_id: str | None


class NewClaim(Message):
    """The claim that a code opens which is answered without one."""

    claim_id: str
    token_digest: str
    expires_at: Moment


class Evidence(Message):
    """One factor presented rightly."""

    claim_id: str
    presented: Presented
    presented_at: Moment


class AgainstClaim(Message):
    """Evidence against a claimant, and the step that is its record: whoever answered an old number denied the claim, or the
    provider saw another person than the owner.
    """

    claim_id: str
    what: Literal["denied", "other_person"]
    at: Moment
    step_id: str


class Allowance(Message):
    """Whether an attempt may be judged. It is counted as a failure already, and taken back when it is right."""

    allowed: bool
    not_before: Moment | None = None
    disabled: bool = False


class AnsweredCode(Message):
    """A one-time code that was answered. `channel`: phone, email, or trusted for a trusted contact's.

    `claim_id` is None for a credential recovery's, and for an incident's from before every answer belonged to a claim.
    """

    claim_id: str | None
    channel: Literal["phone", "email", "trusted"]
    contact_id: str
    contact_set_at: Moment
    answered_at: Moment


class DocumentVerdict(Message):
    """What the provider says of a session: the person of the enrolment, alive and with a real document, or not."""

    reference: str
    verdict: Literal["passed", "failed", "other_person"]
