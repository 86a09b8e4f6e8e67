"""Recoveries of credentials, and how fast strangers may ask."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Index, LargeBinary, String, text
from sqlalchemy.orm import Mapped, mapped_column

from models.tables.base import Base, Instant, MaybeInstant, Ulid


class CredentialRecovery(Base):
    """Somebody has forgotten a password, or says so. Its id stands where an incident's does: in steps, codes, questions.

    The row is the same whether the account exists or not. `asked` (the number or address) is sealed under the row's own
    data key; of the token only the sha256 is kept, it has 256 random bits. `counted_for` is a keyed digest of what was asked:
    whoever asks for it again goes on in the same count of failures. None in rows older than that count,
    and in erased ones.
    """

    __tablename__ = "credential_recovery"
    __table_args__ = (
        Index("ix_credential_recovery_opened", "opened_at", "id"),
        Index(
            "ix_credential_recovery_account", "account_id", postgresql_where=text("account_id IS NOT NULL")
        ),
        CheckConstraint(
            "state IN ('asked', 'codes_sent', 'with_agent', 'proven', 'link_sent', 'renewed', 'ended')",
            name="state",
        ),
        CheckConstraint("(state IN ('renewed', 'ended')) = (ending IS NOT NULL)", name="ending"),
    )

    id: Mapped[Ulid] = mapped_column(primary_key=True)
    token_digest: Mapped[str] = mapped_column(String(64), unique=True)
    asked: Mapped[bytes] = mapped_column(LargeBinary)
    opened_at: Mapped[Instant]
    expires_at: Mapped[Instant]
    trusted_before: Mapped[Instant]
    counted_for: Mapped[str | None] = mapped_column(String(64))
    account_id: Mapped[str | None] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(16))
    ending: Mapped[str | None] = mapped_column(String(16))
    ended_at: Mapped[MaybeInstant]
    help_wanted_at: Mapped[MaybeInstant]
    proven_at: Mapped[MaybeInstant]
    renewed_at: Mapped[MaybeInstant]
    alarm_incident_id: Mapped[str | None] = mapped_column(String(26))


class RequestPace(Base):
    """How fast one address, one claim or one number asks. `subject` is a keyed digest, never the address itself.

    One row is a whole counter: `next_at` moves on by one interval with each request and may run ahead of the clock by so
    many as are allowed at once (the generic cell rate algorithm).
    """

    __tablename__ = "request_pace"

    scope: Mapped[str] = mapped_column(String(16), primary_key=True)
    subject: Mapped[str] = mapped_column(String(64), primary_key=True)
    next_at: Mapped[Instant] = mapped_column(index=True)
