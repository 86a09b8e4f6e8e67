"""Alarms, incidents and the hand-over to Temporal: what intake commits in one transaction."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ForeignKey, Index, LargeBinary, String, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from models.tables.base import Base, Instant, MaybeInstant, Ulid


class Incident(Base):
    """One case of suspected misuse of one account. At most one is open per account: the database says so."""

    __tablename__ = "incident"
    __table_args__ = (
        Index(
            "uq_incident_open_account", "account_id", unique=True, postgresql_where=text("closed_at IS NULL")
        ),
        Index("ix_incident_opened", "opened_at", "id"),
        Index("ix_incident_account", "account_id", "opened_at"),
        Index("uq_incident_reopens", "reopens", unique=True, postgresql_where=text("reopens IS NOT NULL")),
    )

    id: Mapped[Ulid] = mapped_column(primary_key=True)
    account_id: Mapped[str] = mapped_column(String(64))
    status: Mapped[str] = mapped_column(String(16))
    episode: Mapped[int] = mapped_column(default=1)
    scope: Mapped[str] = mapped_column(String(16))
    provisional: Mapped[bool] = mapped_column(default=False)
    opened_at: Mapped[Instant]
    episode_opened_at: Mapped[Instant]
    compromised_since: Mapped[MaybeInstant]
    dated_since: Mapped[MaybeInstant]
    """The compromise time that people decided on last, and when they did: alarms taken up since may still move it earlier."""
    dated_at: Mapped[MaybeInstant]
    frozen_at: Mapped[MaybeInstant]
    renewals: Mapped[int] = mapped_column(default=0)
    closed_at: Mapped[MaybeInstant]
    outcome: Mapped[str | None] = mapped_column(String(16))
    summary: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    workflow_id: Mapped[str] = mapped_column(String(80))
    reopens: Mapped[Ulid | None] = mapped_column(ForeignKey("incident.id"))
    """The closed incident that this one goes on with; each is reopened once."""


class Alarm(Base):
    """One accepted alarm. `acknowledged_at` is set in the commit of its effect on the incident."""

    __tablename__ = "alarm"
    __table_args__ = (
        Index("uq_alarm_source_source_id", "source", "source_id", unique=True),
        Index("ix_alarm_unacknowledged", "incident_id", postgresql_where=text("acknowledged_at IS NULL")),
        Index("ix_alarm_incident", "incident_id"),
    )

    id: Mapped[Ulid] = mapped_column(primary_key=True)
    source: Mapped[str] = mapped_column(String(64))
    source_id: Mapped[str] = mapped_column(String(64))
    content_digest: Mapped[str] = mapped_column(String(64))
    incident_id: Mapped[Ulid] = mapped_column(ForeignKey("incident.id"))
    episode: Mapped[int]
    account_id: Mapped[str] = mapped_column(String(64))
    kind: Mapped[str] = mapped_column(String(16))
    scope: Mapped[str] = mapped_column(String(16))
    occurred_at: Mapped[Instant]
    compromised_since: Mapped[MaybeInstant]
    dated_since: Mapped[MaybeInstant]
    """Since when the account is not trusted by this alarm alone; set when it is taken up."""
    stolen_transfers: Mapped[list[str]] = mapped_column(JSONB)
    detail: Mapped[bytes | None] = mapped_column(LargeBinary)
    late: Mapped[bool]
    held_back: Mapped[bool] = mapped_column(default=False)
    sender: Mapped[str] = mapped_column(String(64))
    sender_role: Mapped[str] = mapped_column(String(16))
    received_at: Mapped[Instant]
    acknowledged_at: Mapped[MaybeInstant]


class Theft(Base):
    """A transfer counted as stolen in this incident, and why. A withdrawn one keeps its row and counts no more."""

    __tablename__ = "theft"

    incident_id: Mapped[Ulid] = mapped_column(ForeignKey("incident.id"), primary_key=True)
    transfer_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    basis: Mapped[str] = mapped_column(String(24))
    found_at: Mapped[Instant]
    withdrawn_at: Mapped[MaybeInstant]
    withdrawn_by: Mapped[str | None] = mapped_column(String(26))
    """The decision; NULL where the rule that found it does not find it any more."""
    added_by: Mapped[str | None] = mapped_column(String(26))
    """The decision by which people count it, whatever a rule says of it."""


class HandOver(Base):
    """That Temporal must look at an incident (or a credential recovery). One outstanding row for each; the relay insists."""

    __tablename__ = "hand_over"
    __table_args__ = (Index("ix_hand_over_due", "next_try_at", postgresql_where=text("done_at IS NULL")),)

    incident_id: Mapped[Ulid] = mapped_column(primary_key=True)
    generation: Mapped[int] = mapped_column(default=1)
    requested_at: Mapped[Instant]
    next_try_at: Mapped[Instant]
    attempts: Mapped[int] = mapped_column(default=0)
    done_at: Mapped[MaybeInstant]
    last_error: Mapped[str | None] = mapped_column(String(64))
