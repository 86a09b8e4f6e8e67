"""Recalls of money that left the wallet: what was asked, what was said, and what institutions answered."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from models.tables.base import Base, Instant, MaybeInstant, MinorUnits, Ulid


class Recall(Base):
    """One transfer's money asked back for one incident. Committed before anything is sent, so that no answer can be early.

    `part` counts the further requests for the same transfer: no message changes the amount of the one before.

    `asked`, `promised` and `received` are three sums of minor units, never added up. `next_wake_at` and `wakes` pace the
    waking of its workflow while something waits for it.
    """

    __tablename__ = "recall"
    __table_args__ = (
        UniqueConstraint("incident_id", "transfer_seq", "part"),
        Index("ix_recall_open", "next_wake_at", postgresql_where=text("state <> 'closed'")),
        Index(
            "ix_recall_withdrawing",
            "id",
            postgresql_where=text("withdraw_asked_at IS NOT NULL AND state <> 'closed'"),
        ),
        Index("ix_recall_uetr", "uetr", postgresql_where=text("uetr IS NOT NULL")),
        Index("ix_recall_end_to_end_id", "end_to_end_id", postgresql_where=text("end_to_end_id IS NOT NULL")),
        Index("ix_recall_opened", "opened_at", "id"),
        Index("ix_recall_transfer", "transfer_id"),
        CheckConstraint(
            "asked > 0 AND asked <= amount AND promised <= asked AND received <= asked", name="sums"
        ),
        CheckConstraint("(state = 'closed') = (ending IS NOT NULL)", name="ending"),
    )

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    incident_id: Mapped[Ulid] = mapped_column(ForeignKey("incident.id"))
    episode: Mapped[int]
    transfer_seq: Mapped[int] = mapped_column(BigInteger)
    part: Mapped[int] = mapped_column(Integer, server_default="0")
    transfer_id: Mapped[str] = mapped_column(Text)
    exit_account: Mapped[str] = mapped_column(Text)
    exit_kind: Mapped[str] = mapped_column(String(16))
    institution: Mapped[str | None] = mapped_column(String(40))
    currency: Mapped[str] = mapped_column(String(3))
    amount: Mapped[MinorUnits]
    asked: Mapped[MinorUnits]
    promised: Mapped[MinorUnits] = mapped_column(default=0)
    received: Mapped[MinorUnits] = mapped_column(default=0)
    state: Mapped[str] = mapped_column(String(16))
    answer: Mapped[str | None] = mapped_column(String(16))
    refusal: Mapped[str | None] = mapped_column(String(24))
    ending: Mapped[str | None] = mapped_column(String(24))
    uetr: Mapped[str | None] = mapped_column(Text)
    end_to_end_id: Mapped[str | None] = mapped_column(Text)
    opened_at: Mapped[Instant]
    sent_at: Mapped[MaybeInstant]
    chases: Mapped[int] = mapped_column(Integer, default=0)
    closed_at: Mapped[MaybeInstant]
    withdraw_asked_at: Mapped[MaybeInstant]
    next_wake_at: Mapped[Instant]
    wakes: Mapped[int] = mapped_column(Integer, default=0)


class RecallMessageRow(Base):
    """A message that was sent, word for word (sealed under the incident's key)."""

    __tablename__ = "recall_message"
    __table_args__ = (Index("ix_recall_message_recall", "recall_id", "sent_at"),)

    id: Mapped[str] = mapped_column(String(35), primary_key=True)
    recall_id: Mapped[str] = mapped_column(ForeignKey("recall.id"))
    step_id: Mapped[Ulid] = mapped_column(ForeignKey("step.id"))
    kind: Mapped[str] = mapped_column(String(16))
    institution: Mapped[str] = mapped_column(String(40))
    format: Mapped[str] = mapped_column(String(16))
    channel: Mapped[str] = mapped_column(String(8))
    content: Mapped[bytes] = mapped_column(LargeBinary)
    sent_at: Mapped[Instant]


class RecallAnswer(Base):
    """An answer as it came, word for word, before anybody has understood it.

    `content` is sealed under a data key of the answer's own (its id), since whose incident it is may never be known.
    `verdict`: received, matched, duplicate, quarantined. Once it has one, it keeps it.
    """

    __tablename__ = "recall_answer"
    __table_args__ = (
        UniqueConstraint("digest", "sender"),
        Index(
            "uq_recall_answer_matched",
            "recall_id",
            "reference",
            unique=True,
            postgresql_where=text("verdict = 'matched'"),
        ),
        Index(
            "ix_recall_answer_waiting",
            "recall_id",
            postgresql_where=text("verdict = 'matched' AND taken_at IS NULL"),
        ),
        Index("ix_recall_answer_unjudged", "received_at", postgresql_where=text("verdict = 'received'")),
        Index("ix_recall_answer_received", "received_at", "id"),
        CheckConstraint("verdict IN ('received', 'matched', 'duplicate', 'quarantined')", name="verdict"),
        CheckConstraint("(verdict = 'quarantined') = (quarantine IS NOT NULL)", name="quarantine"),
    )

    id: Mapped[Ulid] = mapped_column(primary_key=True)
    digest: Mapped[str] = mapped_column(String(64))
    size: Mapped[int] = mapped_column(Integer)
    content: Mapped[bytes] = mapped_column(LargeBinary)
    sender: Mapped[str] = mapped_column(String(64))
    sender_role: Mapped[str] = mapped_column(String(16))
    received_at: Mapped[Instant]
    verdict: Mapped[str] = mapped_column(String(16), default="received")
    quarantine: Mapped[str | None] = mapped_column(String(24))
    detail: Mapped[str | None] = mapped_column(String(300))
    recall_id: Mapped[str | None] = mapped_column(ForeignKey("recall.id"))
    reference: Mapped[str | None] = mapped_column(String(64))
    meaning: Mapped[str | None] = mapped_column(String(64))
    settled_at: Mapped[MaybeInstant]
    taken_at: Mapped[MaybeInstant]
