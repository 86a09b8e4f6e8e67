"""Claims on stolen units lying in somebody else's account, and the holds at the wallet that back them."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, LargeBinary, String, text
from sqlalchemy.orm import Mapped, mapped_column

from models.tables.base import Base, Instant, MaybeInstant, MinorUnits, Ulid


class HoldClaim(Base):
    """Units [lo, hi) of an account claimed for one incident, committed before the wallet is asked (DESIGN 8).

    No two active claims on one account overlap: checked under an advisory lock on the account, first come, first served.
    Whose theft was earlier matters only when people share what was held (`hold_contest` says who else claims it).
    `theft_seq`: the posting that brought the newest of the units there, whatever its name says. `state`: `claimed`
    (intent), `placed` (checked against its receipt), `ended` (released, expired, or nothing was left).
    """

    __tablename__ = "hold_claim"
    __table_args__ = (
        Index(
            "ix_hold_claim_active", "account_id", "currency", "lo", postgresql_where=text("state <> 'ended'")
        ),
        CheckConstraint("lo < hi", name="interval"),
        CheckConstraint("state IN ('claimed', 'placed', 'ended')", name="state"),
        CheckConstraint("source IN ('trace', 'recall')", name="source"),
        CheckConstraint("returned >= 0 AND returned <= hi - lo", name="returned"),
    )

    id: Mapped[Ulid] = mapped_column(primary_key=True)
    incident_id: Mapped[Ulid] = mapped_column(ForeignKey("incident.id"), index=True)
    episode: Mapped[int]
    account_id: Mapped[str] = mapped_column(String(64))
    currency: Mapped[str] = mapped_column(String(3))
    claimed_lo: Mapped[MinorUnits]
    claimed_hi: Mapped[MinorUnits]
    lo: Mapped[MinorUnits]
    hi: Mapped[MinorUnits]
    state: Mapped[str] = mapped_column(String(8))
    trace_id: Mapped[str] = mapped_column(String(64))
    theft_seq: Mapped[int] = mapped_column(BigInteger)
    effective_seq: Mapped[int | None] = mapped_column(BigInteger)
    expires_at: Mapped[Instant]
    created_at: Mapped[Instant]
    placed_at: Mapped[MaybeInstant]
    ended_at: Mapped[MaybeInstant]
    ended_reason: Mapped[str | None] = mapped_column(String(32))
    source: Mapped[str] = mapped_column(String(8), server_default="trace")
    periods: Mapped[int] = mapped_column(server_default="1")
    returned: Mapped[int] = mapped_column(BigInteger, server_default="0")
    told: Mapped[str | None] = mapped_column(String(8))


class HoldContest(Base):
    """Another incident's trace also finds its stolen units in a hold: both victims claim them."""

    __tablename__ = "hold_contest"

    hold_id: Mapped[Ulid] = mapped_column(ForeignKey("hold_claim.id"), primary_key=True)
    incident_id: Mapped[Ulid] = mapped_column(ForeignKey("incident.id"), primary_key=True)
    found_at: Mapped[Instant]


class HoldObjection(Base):
    """What the holder of held money says against the hold, and the question it opened. The statement is sealed."""

    __tablename__ = "hold_objection"

    id: Mapped[Ulid] = mapped_column(primary_key=True)
    hold_id: Mapped[Ulid] = mapped_column(ForeignKey("hold_claim.id"), index=True)
    incident_id: Mapped[Ulid] = mapped_column(ForeignKey("incident.id"))
    task_id: Mapped[Ulid] = mapped_column(ForeignKey("decision_task.id"))
    statement: Mapped[bytes] = mapped_column(LargeBinary)
    taken_by: Mapped[Ulid] = mapped_column(ForeignKey("operator.id"))
    taken_at: Mapped[Instant]


class MuleFreeze(Base):
    """A mule's whole account restricted by a decision of two people. The id is the wallet's restriction id."""

    __tablename__ = "mule_freeze"

    id: Mapped[str] = mapped_column(String(160), primary_key=True)
    incident_id: Mapped[Ulid] = mapped_column(ForeignKey("incident.id"), index=True)
    account_id: Mapped[str] = mapped_column(String(64))
    request_id: Mapped[Ulid] = mapped_column(ForeignKey("decision_request.id"))
    placed_at: Mapped[Instant]
    ended_at: Mapped[MaybeInstant]


class Restitution(Base):
    """Held money that was paid on, one row for each transfer at the wallet, by a decision of two people."""

    __tablename__ = "restitution"
    __table_args__ = (CheckConstraint("amount > 0", name="amount"),)

    request_id: Mapped[Ulid] = mapped_column(ForeignKey("decision_request.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    incident_id: Mapped[Ulid] = mapped_column(ForeignKey("incident.id"), index=True)
    for_incident_id: Mapped[Ulid] = mapped_column(ForeignKey("incident.id"))
    hold_id: Mapped[Ulid] = mapped_column(ForeignKey("hold_claim.id"))
    to_account_id: Mapped[str] = mapped_column(String(64))
    currency: Mapped[str] = mapped_column(String(3))
    amount: Mapped[MinorUnits]
    source: Mapped[str] = mapped_column(String(8))
    transfer_id: Mapped[str] = mapped_column(String(64), unique=True)
    transfer_seq: Mapped[int] = mapped_column(BigInteger)
    paid_at: Mapped[Instant]


class Discrepancy(Base):
    """Something that stands at the wallet and not in our records, or the reverse. Raised until somebody resolves it."""

    __tablename__ = "discrepancy"
    __table_args__ = (
        Index(
            "uq_discrepancy_open",
            "kind",
            "subject",
            unique=True,
            postgresql_where=text("resolved_at IS NULL"),
        ),
    )

    id: Mapped[Ulid] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(40))
    subject: Mapped[str] = mapped_column(String(160))
    account_id: Mapped[str] = mapped_column(String(64))
    incident_id: Mapped[str | None] = mapped_column(String(26))
    found_at: Mapped[Instant]
    last_seen_at: Mapped[Instant]
    resolved_at: Mapped[MaybeInstant]
