"""How well owners were helped: asked once, answered at most once."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, ForeignKey, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from models.tables.base import Base, Instant, Ulid


class RatingAsk(Base):
    """The one-time code that a closing notice carried. Only its sha256 is kept: it has 80 random bits."""

    __tablename__ = "rating_ask"

    incident_id: Mapped[Ulid] = mapped_column(ForeignKey("incident.id"), primary_key=True)
    code_digest: Mapped[str] = mapped_column(String(64), unique=True)
    asked_at: Mapped[Instant]
    expires_at: Mapped[Instant]


class Rating(Base):
    """What was answered. The code is used by it: there is one rating for an incident. The comment is sealed."""

    __tablename__ = "rating"
    __table_args__ = (CheckConstraint("rating BETWEEN 1 AND 5", name="rating"),)

    incident_id: Mapped[Ulid] = mapped_column(ForeignKey("rating_ask.incident_id"), primary_key=True)
    rating: Mapped[int]
    comment: Mapped[bytes | None] = mapped_column(LargeBinary)
    rated_at: Mapped[Instant]
