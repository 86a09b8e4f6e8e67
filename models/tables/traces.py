"""Tables of traces. A trace never changes: a later one has another id and only adds rows. Which one holds now may change.

A trail is what traces share that differ only in how far they reach: same incident, thefts, rule and limits over the same
positions. A trace up to posting N is the part of its trail up to N, so following the money further costs only what is new.

There are no foreign keys from edges and lots to their run: edges come first, chunk by chunk, and a check per row would
cost more than the trace itself when it has half a million edges.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, ForeignKey, Index, Integer, String, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from models.tables.base import Base, Instant, MinorUnits, Ulid

AWARDED = text("dst_kind = 'awarded'")


class TraceRun(Base):
    """One finished trace: its inputs, its totals by place (minor units) and the digest over its edges.

    `horizon_seq`, `dust` and `max_edges` are the limits that were asked for: NULL, 0 and NULL mean none.
    """

    __tablename__ = "trace_run"

    trace_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    trail_id: Mapped[str] = mapped_column(String(64))
    incident_id: Mapped[Ulid]
    episode: Mapped[int] = mapped_column(Integer)
    currency: Mapped[str] = mapped_column(String(3))
    rule: Mapped[str] = mapped_column(String(16))
    victim: Mapped[str] = mapped_column(Text)
    thefts: Mapped[list[str]] = mapped_column(JSONB)
    upto_seq: Mapped[int] = mapped_column(BigInteger)
    upto_at: Mapped[Instant | None]
    feed_behind_ms: Mapped[int] = mapped_column(BigInteger)
    generation: Mapped[int] = mapped_column(BigInteger)
    horizon_seq: Mapped[int | None] = mapped_column(BigInteger)
    dust: Mapped[MinorUnits]
    max_edges: Mapped[int | None] = mapped_column(Integer)
    stolen: Mapped[MinorUnits]
    held: Mapped[MinorUnits]
    exited: Mapped[MinorUnits]
    pooled: Mapped[MinorUnits]
    returned: Mapped[MinorUnits]
    pruned: Mapped[MinorUnits]
    edges: Mapped[int] = mapped_column(Integer)
    digest: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[Instant]

    __table_args__ = (
        Index("ix_trace_run_incident", "incident_id", "episode"),
        # The furthest finished trace of a trail: where the next one goes on.
        Index("ix_trace_run_trail", "trail_id", "upto_seq"),
    )


class StandingTrace(Base):
    """What is counted as stolen in one currency of an incident now, and the trace that follows it.

    `claimed`: what only unproven reports say; it is traced and shown, and nothing is held for it. `thefts` is empty where
    nothing is counted any more; `trace_id` is NULL until the first trace, and an older one's until `thefts` are traced.
    """

    __tablename__ = "standing_trace"

    incident_id: Mapped[Ulid] = mapped_column(ForeignKey("incident.id"), primary_key=True)
    currency: Mapped[str] = mapped_column(String(3), primary_key=True)
    claimed: Mapped[bool] = mapped_column(Boolean, primary_key=True)
    thefts: Mapped[list[str]] = mapped_column(JSONB)
    since: Mapped[Instant]
    """The compromise time by which they were found."""
    upto_seq: Mapped[int] = mapped_column(BigInteger)
    trace_id: Mapped[str | None] = mapped_column(String(64))
    found_at: Mapped[Instant]


class TraceChunk(Base):
    """One transaction of a trace under way, with numbers a person can read; also what keeps two workers apart.

    `edges` were found up to and including this chunk; `following` minor units were not yet followed to their end;
    `reached_seq` is the posting up to which a sweep has come.
    """

    __tablename__ = "trace_chunk"

    trail_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    reached_seq: Mapped[int] = mapped_column(BigInteger)
    edges: Mapped[int] = mapped_column(Integer)
    following: Mapped[MinorUnits]
    created_at: Mapped[Instant]


class TraceEdge(Base):
    """Stolen units [src_lo, src_hi) of `src` that transfer `seq` carried to [dst_lo, ...) of `dst`; thefts have hop 0.

    Only first in, first out knows units. The edges of a trace are those of its trail up to its `upto_seq`.
    """

    __tablename__ = "trace_edge"
    # What was awarded is asked with every look, and is a few of what may be a million edges.
    __table_args__ = (Index("ix_trace_edge_awarded", "trail_id", "seq", postgresql_where=AWARDED),)

    trail_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    src_lo: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    transfer_id: Mapped[str] = mapped_column(Text)
    src: Mapped[str] = mapped_column(Text)
    dst: Mapped[str] = mapped_column(Text)
    dst_kind: Mapped[str] = mapped_column(String(16))
    src_hi: Mapped[MinorUnits]
    dst_lo: Mapped[MinorUnits]
    hop: Mapped[int] = mapped_column(Integer)


class TraceCarried(Base):
    """Stolen minor units that transfer `seq` carried under a rule without units. As `TraceEdge`, by trail."""

    __tablename__ = "trace_carried"
    __table_args__ = (Index("ix_trace_carried_awarded", "trail_id", "seq", postgresql_where=AWARDED),)

    trail_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    transfer_id: Mapped[str] = mapped_column(Text)
    src: Mapped[str] = mapped_column(Text)
    dst: Mapped[str] = mapped_column(Text)
    dst_kind: Mapped[str] = mapped_column(String(16))
    amount: Mapped[MinorUnits]
    hop: Mapped[int] = mapped_column(Integer)


class TraceLot(Base):
    """Stolen units [lo, hi) that lie in a wallet account at the end of a trace: what may be held.

    `last_seq` is the transfer that brought them there. What arrived anywhere else is where its edge took it. A rule without
    units says only how much of an account is stolen: its lots are that many of the newest units there.
    """

    __tablename__ = "trace_lot"

    trace_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    account_id: Mapped[str] = mapped_column(Text, primary_key=True)
    lo: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    hi: Mapped[MinorUnits]
    account_kind: Mapped[str] = mapped_column(String(16))
    place: Mapped[str] = mapped_column(String(16))
    hop: Mapped[int] = mapped_column(Integer)
    last_seq: Mapped[int] = mapped_column(BigInteger)


class TracePruned(Base):
    """What a trace did not follow further because it was asked not to, by reason."""

    __tablename__ = "trace_pruned"

    trace_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    reason: Mapped[str] = mapped_column(String(16), primary_key=True)
    count: Mapped[int] = mapped_column(Integer)
    amount: Mapped[MinorUnits]


class TraceRange(Base):
    """What one rule makes of the same thefts: the honest error bar beside a trace's totals.

    NULL totals: the rule would have had to read more than `rows_allowed` rows, so there is no number.
    """

    __tablename__ = "trace_range"

    trace_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    rule: Mapped[str] = mapped_column(String(16), primary_key=True)
    held: Mapped[int | None] = mapped_column(BigInteger)
    exited: Mapped[int | None] = mapped_column(BigInteger)
    pooled: Mapped[int | None] = mapped_column(BigInteger)
    returned: Mapped[int | None] = mapped_column(BigInteger)
    rows_read: Mapped[int] = mapped_column(BigInteger)
    rows_allowed: Mapped[int] = mapped_column(BigInteger)
    created_at: Mapped[Instant]
