"""The messages of the steps in which a claimant presents factors. No secret is ever in one."""

from __future__ import annotations

from models.contracts.base import Message, Moment
from models.contracts.identity import FactorKind
from models.contracts.steps import StepInput, StepResult


class PresentFactorInput(StepInput):
    """A claimant presents a factor. The code, assertion or picture itself is in no step."""

    claim_id: str
    factor: FactorKind


class PresentFactorResult(StepResult):
    """Which of the owner's things it was, by the wallet's id. A refusal is evidence: who guesses leaves it behind."""

    factor: FactorKind
    reference: str | None = None


class AskContactsInput(StepInput):
    """Ask the account's trusted contacts whether they know the claimant."""

    claim_id: str


class AskContactsResult(StepResult):
    """How many were asked; the claimant never learns it."""

    asked: int


class BeginDocumentInput(StepInput):
    """Open a session at the provider. Its address is told to the claimant and stands nowhere."""

    claim_id: str


class CallBackInput(StepInput):
    """An agent called an old number and says what came of it."""

    claim_id: str
    contact_id: str
    confirmed: bool


class WithdrawClaimInput(StepInput):
    """A claim was opened by mistake."""

    claim_id: str


class ContestInput(StepInput):
    """More than one claimant has shown something: `claims`, by id. None: a proof is not enough for an ending."""

    claims: tuple[str, ...]


class ContestResult(StepResult):
    """The question that was put to people."""

    task_id: str | None = None


class CheckProofInput(StepInput):
    """Ask whether enough codes were answered. Recorded as a step only once it is proven."""

    compromised_since: Moment


class CheckProofResult(StepResult):
    """`factors`: what proved the owner, e.g. `phone:contact-id`."""

    proven: bool
    factors: tuple[str, ...]
    exhausted: bool = False


class LookAtCodesInput(Message):
    """Ask which contacts need no code now."""

    incident_id: str
    episode: int


class LookAtCodesResult(Message):
    """`answered`: by contact id, until when the answer counts; None where nothing ends it."""

    answered: dict[str, Moment | None]
