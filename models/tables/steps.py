"""Attempts, steps and what leaves in their transaction. Append-only: triggers refuse every other write.

`incident_id` of an attempt, a step or a notice is the id of what it belongs to: an incident or a credential recovery. A
foreign key can name one table only, so a trigger (migration 0009) refuses any other id.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from models.tables.base import Base, Instant, MaybeInstant, Ulid


class StepAttempt(Base):
    """The intent of a step, committed before its effect: no effect without one."""

    __tablename__ = "step_attempt"
    __table_args__ = (
        Index("ix_step_attempt_step", "incident_id", "episode", "step_key"),
        Index(
            "ix_step_attempt_requested_at",
            "requested_at",
            postgresql_using="brin",
            postgresql_with={"pages_per_range": 32, "autosummarize": True},
        ),
    )

    id: Mapped[Ulid] = mapped_column(primary_key=True)
    incident_id: Mapped[Ulid]
    episode: Mapped[int]
    step_key: Mapped[str] = mapped_column(String(160))
    kind: Mapped[str] = mapped_column(String(24))
    actor: Mapped[str] = mapped_column(String(16))
    role: Mapped[str] = mapped_column(String(64))
    requested_at: Mapped[Instant]
    workflow_id: Mapped[str | None] = mapped_column(String(160))
    run_id: Mapped[str | None] = mapped_column(String(64))
    activity_id: Mapped[str | None] = mapped_column(String(64))
    attempt: Mapped[int] = mapped_column(default=1)
    gateway_attempt: Mapped[str | None] = mapped_column(String(64))
    input_digest: Mapped[str] = mapped_column(String(64))


class Step(Base):
    """One finished action. Unique once done; refusals stand beside it as evidence (DESIGN 5)."""

    __tablename__ = "step"
    __table_args__ = (
        Index(
            "uq_step_done",
            "incident_id",
            "episode",
            "step_key",
            unique=True,
            postgresql_where=text("status = 'done'"),
        ),
        Index("ix_step_incident", "incident_id", "sequence"),
        CheckConstraint("status IN ('done', 'refused')", name="status"),
    )

    id: Mapped[Ulid] = mapped_column(primary_key=True)
    sequence: Mapped[int] = mapped_column(BigInteger, Identity(always=True), unique=True)
    attempt_id: Mapped[Ulid] = mapped_column(ForeignKey("step_attempt.id"), unique=True)
    incident_id: Mapped[Ulid]
    episode: Mapped[int]
    step_key: Mapped[str] = mapped_column(String(160))
    kind: Mapped[str] = mapped_column(String(24))
    status: Mapped[str] = mapped_column(String(8))
    actor: Mapped[str] = mapped_column(String(16))
    role: Mapped[str] = mapped_column(String(64))
    reason: Mapped[str | None] = mapped_column(Text)
    requested_at: Mapped[Instant]
    started_at: Mapped[Instant]
    completed_at: Mapped[Instant]
    receipt_id: Mapped[str | None] = mapped_column(String(64))
    receipt_digest: Mapped[str | None] = mapped_column(String(64))
    effective_seq: Mapped[int | None] = mapped_column(BigInteger)
    effective_at: Mapped[MaybeInstant]
    input: Mapped[bytes] = mapped_column(LargeBinary)
    input_digest: Mapped[str] = mapped_column(String(64))
    result: Mapped[bytes] = mapped_column(LargeBinary)
    result_digest: Mapped[str] = mapped_column(String(64))
    workflow_id: Mapped[str | None] = mapped_column(String(160))
    run_id: Mapped[str | None] = mapped_column(String(64))
    activity_id: Mapped[str | None] = mapped_column(String(64))
    gateway_attempt: Mapped[str | None] = mapped_column(String(64))
    wallet_ack_ms: Mapped[int | None]
    committed_ms: Mapped[int | None]


class FreezeTime(Base):
    """The measured intervals of a freeze, from receipt: a step cannot know inside its commit when that commit ended."""

    __tablename__ = "freeze_time"

    step_id: Mapped[Ulid] = mapped_column(ForeignKey("step.id"), primary_key=True)
    wallet_ack_ms: Mapped[int]
    committed_ms: Mapped[int]


class LedgerOutbox(Base):
    """A committed step on its way into the Merkle log: canonical bytes without personal data, digests only."""

    __tablename__ = "ledger_outbox"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    step_id: Mapped[Ulid] = mapped_column(ForeignKey("step.id"), unique=True)
    leaf: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[Instant]


class NoticeOutbox(Base):
    """A notice that a step's transaction promised. `body` is encrypted; delivery is at least once, deduplicated.

    `round` counts the message ids used: a lost message goes out under a new one. Contacts reached since `from_round` are
    not written to again. `refused` are contact ids that were looked at and left out.
    """

    __tablename__ = "notice_outbox"
    __table_args__ = (
        Index("ix_notice_outbox_due", "next_try_at", postgresql_where=text("settled_at IS NULL")),
        Index("ix_notice_outbox_incident", "incident_id"),
        Index(
            "ix_notice_outbox_unreached",
            "settled_at",
            postgresql_where=text("state IN ('given_up', 'no_contact')"),
        ),
        CheckConstraint("(state = 'waiting') = (settled_at IS NULL)", name="settled"),
    )

    id: Mapped[Ulid] = mapped_column(primary_key=True)
    incident_id: Mapped[Ulid]
    step_id: Mapped[Ulid] = mapped_column(ForeignKey("step.id"))
    template: Mapped[str] = mapped_column(String(64))
    channel: Mapped[str] = mapped_column(String(16))
    body: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[Instant]
    next_try_at: Mapped[Instant]
    attempts: Mapped[int] = mapped_column(default=0)
    delivered_at: Mapped[MaybeInstant]
    account_id: Mapped[str | None] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(16), default="waiting", server_default=text("'waiting'"))
    settled_at: Mapped[MaybeInstant]
    last_error: Mapped[str | None] = mapped_column(String(64))
    round: Mapped[int] = mapped_column(default=1, server_default=text("1"))
    from_round: Mapped[int] = mapped_column(default=1, server_default=text("1"))
    asked_at: Mapped[MaybeInstant]
    refused: Mapped[list[str]] = mapped_column(JSONB, default=list, server_default=text("'[]'"))


class NoticeDelivery(Base):
    """One notice at one contact point, as its provider took it: written in the commit of its step. Values never stand here."""

    __tablename__ = "notice_delivery"
    __table_args__ = (
        UniqueConstraint("notice_id", "contact_id", "round"),
        Index(
            "ix_notice_delivery_receipt", "next_look_at", postgresql_where=text("next_look_at IS NOT NULL")
        ),
    )

    step_id: Mapped[Ulid] = mapped_column(ForeignKey("step.id"), primary_key=True)
    notice_id: Mapped[Ulid] = mapped_column(ForeignKey("notice_outbox.id"))
    contact_id: Mapped[str] = mapped_column(String(80))
    channel: Mapped[str] = mapped_column(String(16))
    round: Mapped[int]
    template: Mapped[str] = mapped_column(String(64))
    version: Mapped[int]
    language: Mapped[str] = mapped_column(String(16))
    message_id: Mapped[str] = mapped_column(String(200))
    state: Mapped[str] = mapped_column(String(16))
    sent_at: Mapped[Instant]
    next_look_at: Mapped[MaybeInstant]
    looks: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    told_at: Mapped[MaybeInstant]


class NoticeContact(Base):
    """A contact point as it stood at the first look of an incident; the digest is keyed, and dies with the key.

    What was not there then, or was another value, is never written to, whatever time the wallet gives it later.
    """

    __tablename__ = "notice_contact"

    incident_id: Mapped[Ulid] = mapped_column(ForeignKey("incident.id"), primary_key=True)
    contact_id: Mapped[str] = mapped_column(String(80), primary_key=True)
    value_digest: Mapped[str] = mapped_column(String(64))
    seen_at: Mapped[Instant]
