"""Alerts to staff: raised in the commit of what happened, delivered by whoever delivers notices."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Index, String, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from models.tables.base import Base, Instant, MaybeInstant, Ulid


class StaffAlert(Base):
    """One alert: once for each thing of its kind. What it says is a record; only how far it got moves.

    No foreign key to the incident: a difference at the wallet may name one that we never had.
    """

    __tablename__ = "staff_alert"
    __table_args__ = (
        UniqueConstraint("kind", "subject"),
        CheckConstraint("(state = 'waiting') = (settled_at IS NULL)", name="settled"),
        Index("ix_staff_alert_due", "next_try_at", postgresql_where=text("settled_at IS NULL")),
        Index("ix_staff_alert_raised", "raised_at"),
    )

    id: Mapped[Ulid] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(24))
    severity: Mapped[str] = mapped_column(String(8))
    subject: Mapped[str] = mapped_column(String(160))
    incident_id: Mapped[str | None] = mapped_column(String(26))
    detail: Mapped[str] = mapped_column(String(64))
    raised_at: Mapped[Instant]
    state: Mapped[str] = mapped_column(String(16), server_default=text("'waiting'"))
    settled_at: Mapped[MaybeInstant]
    next_try_at: Mapped[Instant]
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    reached: Mapped[list[str]] = mapped_column(JSONB, server_default=text("'[]'"))
    """Names of targets that have taken it."""
    last_error: Mapped[str | None] = mapped_column(String(64))
