"""A forgotten password without a theft: what is asked, how far it is, and the steps. No contact's value and no secret is in one."""

from __future__ import annotations

from enum import StrEnum

from models.contracts.base import Message, Moment
from models.contracts.incidents import ContactChoice
from models.contracts.steps import StepInput, StepResult
from models.contracts.wallet import ContactKind

EPISODE = 1
"""A recovery of a credential has one telling; its steps, codes and questions stand in it."""


class CredentialState(StrEnum):
    """How far a recovery is. Whoever began it sees `asked` until the owner is proven, whatever it is in truth."""

    ASKED = "asked"
    CODES_SENT = "codes_sent"
    WITH_AGENT = "with_agent"
    PROVEN = "proven"
    LINK_SENT = "link_sent"
    RENEWED = "renewed"
    ENDED = "ended"


class CredentialEnding(StrEnum):
    """Why nothing more will come of it."""

    RENEWED = "renewed"
    NOBODY = "nobody"
    """No account, or more than one, has this number or address."""
    INCIDENT = "incident"
    """An incident of the account is open: whoever is the owner goes on there."""
    TOO_OFTEN = "too_often"
    """Begun more often for this number or address than the rules allow."""
    SILENCE = "silence"
    NOT_RENEWED = "not_renewed"
    """The link was not used in time."""
    NO_CONTACT = "no_contact"
    DECLINED = "declined"


class CredentialAsk(Message):
    """What somebody typed: the number or address by which they are known. Personal data; sealed wherever it lies."""

    kind: ContactKind
    value: str


class CredentialFacts(Message):
    """The row."""

    recovery_id: str
    state: CredentialState
    ending: CredentialEnding | None
    account_id: str | None
    opened_at: Moment
    expires_at: Moment
    help_wanted: bool
    proven_at: Moment | None = None
    renewed_at: Moment | None = None
    alarm_incident_id: str | None = None


class RecoverCredentialInput(Message):
    """Everything else is in the database."""

    recovery_id: str


class RecoverCredentialResult(Message):
    """How it ended."""

    ending: CredentialEnding


class PlanCredentialInput(StepInput):
    """Find the account, and choose the contacts that may get a code."""


class PlanCredentialResult(StepResult):
    """`ending`: it is over already. The numbers are those of the rules in force now, so that a replay has them too."""

    ending: CredentialEnding | None = None
    account_id: str | None = None
    trusted_before: Moment
    contacts: tuple[ContactChoice, ...] = ()
    window_ends_at: Moment
    link_seconds: int
    look_seconds: int
    decision_seconds: int


class CredentialCodeInput(StepInput):
    """Send one code."""

    account_id: str
    contact: ContactChoice
    trusted_before: Moment


class CredentialCodeResult(StepResult):
    """The code's reference; never the code."""

    challenge_id: str
    expires_at: Moment


class CheckCredentialInput(StepInput):
    """Ask whether enough was answered. Recorded as a step only once it was."""

    account_id: str
    trusted_before: Moment


class CheckCredentialResult(StepResult):
    """`stuck`: codes ran out, or help was asked for. `incident`: one of this account has been opened."""

    proven: bool
    factors: tuple[str, ...] = ()
    stuck: bool = False
    incident: bool = False


class CredentialLinkInput(StepInput):
    """Have the wallet send its link. `request_id`: two people have decided so, instead of enough codes."""

    account_id: str
    trusted_before: Moment
    expires_at: Moment
    request_id: str | None = None


class CredentialLinkResult(StepResult):
    """Where it went, by the wallet's id, and from when on a password is the new one."""

    contact_id: str | None = None
    receipt_id: str | None = None
    sent_at: Moment | None = None


class LookForPasswordInput(Message):
    """Whether the owner has set a new password since."""

    account_id: str
    since: Moment


class LookForPasswordResult(Message):
    """None while not. `incident`: one of this account has been opened meanwhile."""

    renewed_at: Moment | None
    incident: bool = False


class EndSessionsInput(StepInput):
    """End every session, or every refresh token."""

    account_id: str
    item: str
    trusted_before: Moment


class EndSessionsResult(StepResult):
    """The wallet's receipt."""

    receipt_id: str | None = None


class EndCredentialInput(StepInput):
    """Note how it ended; the owner is told when it was by a new password."""

    account_id: str | None
    ending: CredentialEnding
    request_id: str | None = None
