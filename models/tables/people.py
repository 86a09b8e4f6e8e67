"""Operators, one-time codes, decisions of people, and the data keys of incidents."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from models.tables.base import Base, Instant, MaybeInstant, Ulid


class Operator(Base):
    """A person or program with one credential and one role. Only the credential's sha256 is kept (256 random bits)."""

    __tablename__ = "operator"

    id: Mapped[Ulid] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(64), unique=True)
    role: Mapped[str] = mapped_column(String(16))
    credential_digest: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[Instant]
    disabled_at: Mapped[MaybeInstant]


class DataKey(Base):
    """The key of one incident, wrapped by the master key. Destroying it is how personal data is erased.

    No foreign key to the incident: a workflow started straight at Temporal needs its key before it is registered.
    """

    __tablename__ = "data_key"

    incident_id: Mapped[Ulid] = mapped_column(primary_key=True)
    wrapped: Mapped[bytes | None] = mapped_column(LargeBinary)
    created_at: Mapped[Instant]
    destroyed_at: Mapped[MaybeInstant]


class IdentityChallenge(Base):
    """A one-time code sent to one contact point. A new code replaces the hash and keeps the count of failures."""

    __tablename__ = "identity_challenge"
    __table_args__ = (
        UniqueConstraint("incident_id", "episode", "contact_id"),
        CheckConstraint("attempts <= attempts_allowed", name="attempts"),
    )

    id: Mapped[Ulid] = mapped_column(primary_key=True)
    incident_id: Mapped[Ulid]
    episode: Mapped[int]
    contact_id: Mapped[str] = mapped_column(String(64))
    channel: Mapped[str] = mapped_column(String(8))
    contact_set_at: Mapped[Instant]
    round: Mapped[int] = mapped_column(default=1)
    code_digest: Mapped[str] = mapped_column(String(64))
    sent_at: Mapped[Instant]
    expires_at: Mapped[Instant]
    attempts: Mapped[int] = mapped_column(default=0)
    attempts_allowed: Mapped[int]
    answered_at: Mapped[MaybeInstant]
    voided_at: Mapped[MaybeInstant]
    claim_id: Mapped[Ulid | None] = mapped_column(ForeignKey("identity_claim.id"))
    """Whose claim it was answered for; None when somebody answered without one."""


class FormerAnswer(Base):
    """An answer that counts no more, since its claim is over or it is void, kept when the contact is asked again: whoever gave
    it may still be named an impostor.
    """

    __tablename__ = "former_answer"

    challenge_id: Mapped[Ulid] = mapped_column(ForeignKey("identity_challenge.id"), primary_key=True)
    answered_at: Mapped[Instant] = mapped_column(primary_key=True)
    incident_id: Mapped[Ulid] = mapped_column(index=True)
    episode: Mapped[int]
    contact_id: Mapped[str] = mapped_column(String(64))
    channel: Mapped[str] = mapped_column(String(8))
    claim_id: Mapped[Ulid | None] = mapped_column(ForeignKey("identity_claim.id"))
    voided_at: Mapped[MaybeInstant]
    asked_again_at: Mapped[Instant]


class Proof(Base):
    """That the owner was proven, and the newest thing the proof relies on: an earlier compromise time may void it."""

    __tablename__ = "proof"

    step_id: Mapped[Ulid] = mapped_column(ForeignKey("step.id"), primary_key=True)
    incident_id: Mapped[Ulid] = mapped_column(ForeignKey("incident.id"), index=True)
    episode: Mapped[int]
    factors: Mapped[list[str]] = mapped_column(JSONB)
    newest_contact_set_at: Mapped[Instant]
    proven_at: Mapped[Instant]
    voided_at: Mapped[MaybeInstant]
    claim_id: Mapped[Ulid | None] = mapped_column(ForeignKey("identity_claim.id"))


class ResetReceipt(Base):
    """The receipt of one reset security item, and how far back the reset reached."""

    __tablename__ = "reset_receipt"
    __table_args__ = (Index("ix_reset_receipt_item", "incident_id", "episode", "item"),)

    step_id: Mapped[Ulid] = mapped_column(ForeignKey("step.id"), primary_key=True)
    incident_id: Mapped[Ulid] = mapped_column(ForeignKey("incident.id"))
    episode: Mapped[int]
    item: Mapped[str] = mapped_column(String(24))
    receipt_id: Mapped[str] = mapped_column(String(64))
    set_since: Mapped[Instant]
    reset_at: Mapped[Instant]


class DecisionTask(Base):
    """A question to people. `action` is exactly what will be done; requests and approvals bind its digest."""

    __tablename__ = "decision_task"
    __table_args__ = (
        UniqueConstraint("incident_id", "episode", "task_key"),
        UniqueConstraint("id", "action_digest"),
        Index("ix_decision_task_open", "created_at", postgresql_where=text("closed_at IS NULL")),
    )

    id: Mapped[Ulid] = mapped_column(primary_key=True)
    incident_id: Mapped[Ulid]
    episode: Mapped[int]
    task_key: Mapped[str] = mapped_column(String(80))
    kind: Mapped[str] = mapped_column(String(24))
    action: Mapped[dict[str, Any]] = mapped_column(JSONB)
    action_digest: Mapped[str] = mapped_column(String(64))
    choices: Mapped[list[str]] = mapped_column(JSONB)
    four_eyes: Mapped[bool]
    approver_role: Mapped[str] = mapped_column(String(16))
    requester_role: Mapped[str] = mapped_column(String(16), server_default="agent")
    created_at: Mapped[Instant]
    expires_at: Mapped[Instant]
    closed_at: Mapped[MaybeInstant]


class DecisionEscalation(Base):
    """That nobody decided a question in its time: from then on only supervisors choose on it."""

    __tablename__ = "decision_escalation"

    task_id: Mapped[Ulid] = mapped_column(ForeignKey("decision_task.id"), primary_key=True)
    escalated_at: Mapped[Instant]


class DecisionRequest(Base):
    """One person's choice. Where four eyes are needed it waits for another person's approval."""

    __tablename__ = "decision_request"
    __table_args__ = (
        UniqueConstraint("id", "requested_by", "action_digest"),
        ForeignKeyConstraint(
            ["task_id", "action_digest"], ["decision_task.id", "decision_task.action_digest"]
        ),
        Index(
            "uq_decision_request_standing",
            "task_id",
            unique=True,
            postgresql_where=text("withdrawn_at IS NULL AND declined_at IS NULL"),
        ),
    )

    id: Mapped[Ulid] = mapped_column(primary_key=True)
    task_id: Mapped[Ulid]
    action_digest: Mapped[str] = mapped_column(String(64))
    choice: Mapped[str] = mapped_column(String(32))
    reason: Mapped[bytes] = mapped_column(LargeBinary)
    requested_by: Mapped[Ulid] = mapped_column(ForeignKey("operator.id"))
    requested_role: Mapped[str] = mapped_column(String(16))
    requested_at: Mapped[Instant]
    expires_at: Mapped[Instant]
    withdrawn_at: Mapped[MaybeInstant]
    declined_at: Mapped[MaybeInstant]


class BreakGlass(Base):
    """One supervisor acted alone, for no second person could be reached; another supervisor judges it afterwards."""

    __tablename__ = "break_glass"
    __table_args__ = (
        CheckConstraint("reviewed_by <> used_by", name="reviewer"),
        CheckConstraint("verdict IN ('justified', 'not_justified')", name="verdict"),
        CheckConstraint("(verdict IS NULL) = (reviewed_by IS NULL)", name="reviewed"),
        Index("ix_break_glass_unreviewed", "review_due_at", postgresql_where=text("verdict IS NULL")),
    )

    request_id: Mapped[Ulid] = mapped_column(ForeignKey("decision_request.id"), primary_key=True)
    incident_id: Mapped[Ulid] = mapped_column(ForeignKey("incident.id"))
    step_id: Mapped[Ulid] = mapped_column(ForeignKey("step.id"))
    used_by: Mapped[Ulid] = mapped_column(ForeignKey("operator.id"))
    reason: Mapped[bytes] = mapped_column(LargeBinary)
    used_at: Mapped[Instant]
    review_due_at: Mapped[Instant]
    reviewed_by: Mapped[Ulid | None] = mapped_column(ForeignKey("operator.id"))
    reviewed_at: Mapped[MaybeInstant]
    verdict: Mapped[str | None] = mapped_column(String(16))
    review_reason: Mapped[bytes | None] = mapped_column(LargeBinary)


class DecisionApproval(Base):
    """Another person's word on a request: the same action digest, never the same person."""

    __tablename__ = "decision_approval"
    __table_args__ = (
        ForeignKeyConstraint(
            ["request_id", "requested_by", "action_digest"],
            ["decision_request.id", "decision_request.requested_by", "decision_request.action_digest"],
        ),
        CheckConstraint("approved_by <> requested_by", name="four_eyes"),
        CheckConstraint("verdict IN ('approved', 'declined')", name="verdict"),
    )

    request_id: Mapped[Ulid] = mapped_column(primary_key=True)
    requested_by: Mapped[Ulid]
    action_digest: Mapped[str] = mapped_column(String(64))
    approved_by: Mapped[Ulid] = mapped_column(ForeignKey("operator.id"))
    approved_role: Mapped[str] = mapped_column(String(16))
    verdict: Mapped[str] = mapped_column(String(8))
    reason: Mapped[bytes] = mapped_column(LargeBinary)
    approved_at: Mapped[Instant]
