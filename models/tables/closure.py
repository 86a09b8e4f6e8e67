"""Accounts closed for their proven owners: where their money goes, and that it went."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, ForeignKey, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from models.tables.base import Base, Instant, Ulid


class PayoutDestination(Base):
    """A destination that an agent entered, with how it was proven: sealed. The digest is keyed and dies with the key."""

    __tablename__ = "payout_destination"
    __table_args__ = (CheckConstraint("kind IN ('wallet', 'bank')", name="kind"),)

    id: Mapped[Ulid] = mapped_column(primary_key=True)
    incident_id: Mapped[Ulid] = mapped_column(ForeignKey("incident.id"), index=True)
    step_id: Mapped[Ulid] = mapped_column(ForeignKey("step.id"))
    kind: Mapped[str] = mapped_column(String(8))
    content: Mapped[bytes] = mapped_column(LargeBinary)
    content_digest: Mapped[str] = mapped_column(String(64))
    entered_at: Mapped[Instant]


class AccountClosure(Base):
    """The account of an incident is closed at the wallet; what still comes back goes to the same destination."""

    __tablename__ = "account_closure"

    incident_id: Mapped[Ulid] = mapped_column(ForeignKey("incident.id"), primary_key=True)
    step_id: Mapped[Ulid] = mapped_column(ForeignKey("step.id"))
    destination_id: Mapped[Ulid] = mapped_column(ForeignKey("payout_destination.id"))
    closed_at: Mapped[Instant]
