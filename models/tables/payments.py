"""Payments in flight on the victim's account, and that somebody looked for them."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from models.tables.base import Base, Instant, MaybeInstant, MinorUnits, Ulid


class PaymentLook(Base):
    """The account was looked at for payments in flight, back to `set_since`. No return without one of its episode."""

    __tablename__ = "payment_look"
    __table_args__ = (Index("ix_payment_look_episode", "incident_id", "episode"),)

    step_id: Mapped[Ulid] = mapped_column(ForeignKey("step.id"), primary_key=True)
    incident_id: Mapped[Ulid] = mapped_column(ForeignKey("incident.id"))
    episode: Mapped[int]
    set_since: Mapped[Instant]
    looked_at: Mapped[Instant]


class InFlightPayment(Base):
    """One payment that was in flight in an episode. While one is `found`, the account does not go back."""

    __tablename__ = "in_flight_payment"
    __table_args__ = (
        CheckConstraint("state IN ('found', 'stopped', 'captured', 'kept')", name="state"),
        CheckConstraint("(state IN ('stopped', 'captured')) = (settled_at IS NOT NULL)", name="settled"),
    )

    incident_id: Mapped[Ulid] = mapped_column(ForeignKey("incident.id"), primary_key=True)
    episode: Mapped[int] = mapped_column(primary_key=True)
    payment_id: Mapped[str] = mapped_column(String(100), primary_key=True)
    kind: Mapped[str] = mapped_column(String(24))
    currency: Mapped[str] = mapped_column(String(3))
    amount: Mapped[MinorUnits]
    authorised_at: Mapped[Instant]
    due_at: Mapped[Instant]
    found_at: Mapped[Instant]
    state: Mapped[str] = mapped_column(String(16))
    receipt_id: Mapped[str | None] = mapped_column(String(64))
    transfer_id: Mapped[str | None] = mapped_column(String(128))
    settled_at: Mapped[MaybeInstant]
