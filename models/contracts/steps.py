"""A step: one recorded, idempotent action of an incident (DESIGN 5)."""

from __future__ import annotations

from typing import Any

from models.contracts.base import Message, Moment
from models.names import Actor, StepKind, StepStatus


class StepInput(Message):
    """What every step's activity gets. Ids only: never a secret, never an address."""

    incident_id: str
    episode: int
    step_key: str


class Refusal(Message):
    """Why the other side refused: a stable code and one sentence. Evidence, never an obstacle to trying again."""

    code: str
    message: str


class StepResult(Message):
    """What every step's activity returns, and what the step row holds (encrypted) beside its digest."""

    step_key: str
    refusal: Refusal | None = None


class Receipt(Message):
    """The wallet's receipt for a write. `effective_seq` is the posting number at which it took effect."""

    receipt_id: str
    idempotency_key: str
    action: str
    account_id: str
    effective_seq: int
    effective_at: Moment
    result: dict[str, Any]


class Origin(Message):
    """Who runs an attempt: a workflow's activity, or the gateway. Stored with the step for the auditor."""

    workflow_id: str | None = None
    run_id: str | None = None
    activity_id: str | None = None
    attempt: int = 1
    gateway_attempt: str | None = None


class StepAttempt(Message):
    """The intent, committed before the effect."""

    attempt_id: str
    incident_id: str
    episode: int
    step_key: str
    kind: StepKind
    actor: Actor
    role: str
    requested_at: Moment
    origin: Origin
    input_digest: str


class FinishedStep(Message):
    """What the one transaction after the effect inserts. `input` and `result` are encrypted by the store."""

    step_id: str
    attempt: StepAttempt
    status: StepStatus
    reason: str | None
    started_at: Moment
    completed_at: Moment
    receipt: Receipt | None
    input: dict[str, Any]
    result: dict[str, Any]
    wallet_ack_ms: int | None = None
    committed_ms: int | None = None


class RecordedStep(Message):
    """A step as it stands in the database, decrypted."""

    step_id: str
    incident_id: str
    episode: int
    step_key: str
    kind: StepKind
    status: StepStatus
    actor: Actor
    role: str
    reason: str | None
    requested_at: Moment
    started_at: Moment
    completed_at: Moment
    receipt_id: str | None
    effective_seq: int | None
    input_digest: str
    result_digest: str
    result: dict[str, Any]
    workflow_id: str | None
    run_id: str | None
    activity_id: str | None
    gateway_attempt: str | None
    wallet_ack_ms: int | None = None
    committed_ms: int | None = None
