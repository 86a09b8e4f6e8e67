"""Claims on an account: who says they are the owner, what they presented, what was asked of them, how often they failed."""

from __future__ import annotations

from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from models.tables.base import Base, Instant, MaybeInstant, Ulid


class IdentityClaim(Base):
    """Somebody says they are the owner. Two people who say so have two claims, and their factors are never added up.

    Of its token only the sha256 is kept: it has 256 random bits. An impostor's claim stays as a record of its own.
    """

    __tablename__ = "identity_claim"
    __table_args__ = (CheckConstraint("ending IN ('impostor', 'withdrawn')", name="ending"),)

    id: Mapped[Ulid] = mapped_column(primary_key=True)
    incident_id: Mapped[Ulid] = mapped_column(ForeignKey("incident.id"), index=True)
    episode: Mapped[int]
    token_digest: Mapped[str] = mapped_column(String(64), unique=True)
    opened_by: Mapped[Ulid | None] = mapped_column(ForeignKey("operator.id"))
    """None where a one-time code that was answered without a claim opened it."""
    opened_at: Mapped[Instant]
    expires_at: Mapped[Instant]
    ended_at: Mapped[MaybeInstant]
    ending: Mapped[str | None] = mapped_column(String(16))


class IdentityEvidence(Base):
    """One factor that a claimant presented rightly, with what the wallet said of its age then. One-time codes have their own table."""

    __tablename__ = "identity_evidence"
    __table_args__ = (UniqueConstraint("claim_id", "kind", "reference"),)

    step_id: Mapped[Ulid] = mapped_column(ForeignKey("step.id"), primary_key=True)
    incident_id: Mapped[Ulid] = mapped_column(ForeignKey("incident.id"), index=True)
    episode: Mapped[int]
    claim_id: Mapped[Ulid] = mapped_column(ForeignKey("identity_claim.id"))
    kind: Mapped[str] = mapped_column(String(24))
    reference: Mapped[str] = mapped_column(String(128))
    set_at: Mapped[MaybeInstant]
    presented: Mapped[dict[str, Any]] = mapped_column(JSONB)
    presented_at: Mapped[Instant]
    voided_at: Mapped[MaybeInstant]


class IdentityAsk(Base):
    """Something asked of a claimant that has one answer: a passkey's challenge, a provider's session. Used once."""

    __tablename__ = "identity_ask"
    __table_args__ = (Index("ix_identity_ask_claim", "claim_id", "kind"),)

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    claim_id: Mapped[Ulid] = mapped_column(ForeignKey("identity_claim.id"))
    kind: Mapped[str] = mapped_column(String(24))
    asked_at: Mapped[Instant]
    expires_at: Mapped[Instant]
    used_at: Mapped[MaybeInstant]


class IdentityLimit(Base):
    """Failures of one factor, of one claimant, of one account. Counted before an attempt is judged, in one UPDATE."""

    __tablename__ = "identity_limit"
    __table_args__ = (CheckConstraint("failures >= 0", name="failures"),)

    scope: Mapped[str] = mapped_column(String(8), primary_key=True)
    subject: Mapped[str] = mapped_column(String(64), primary_key=True)
    part: Mapped[str] = mapped_column(String(128), primary_key=True)
    failures: Mapped[int]
    not_before: Mapped[MaybeInstant]
    failed_at: Mapped[MaybeInstant]
    disabled_at: Mapped[MaybeInstant]
