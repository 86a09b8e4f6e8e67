"""Tables of finished traces. A trace is written in one transaction and never changed: a later one has another id.

There are no foreign keys from edges and lots to their run: they are only ever inserted together with it, and a check per
row would cost more than the trace itself when it has half a million edges.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Index, Integer, String, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from models.tables.base import Base, Instant, MinorUnits, Ulid


class TraceRun(Base):
    """One trace: its inputs, its totals by place (minor units) and the digest over its edges."""

    __tablename__ = "trace_run"

    trace_id: Mapped[str] = mapped_column(String(64), primary_key=True)
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
    stolen: Mapped[MinorUnits]
    held: Mapped[MinorUnits]
    exited: Mapped[MinorUnits]
    pooled: Mapped[MinorUnits]
    returned: Mapped[MinorUnits]
    pruned: Mapped[MinorUnits]
    edges: Mapped[int] = mapped_column(Integer)
    digest: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[Instant]

    __table_args__ = (Index("ix_trace_run_incident", "incident_id", "episode"),)


class TraceEdge(Base):
    """Stolen units [src_lo, src_hi) of `src` that transfer `seq` carried to [dst_lo, ...) of `dst`; thefts have hop 0."""

    __tablename__ = "trace_edge"

    trace_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    src_lo: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    transfer_id: Mapped[str] = mapped_column(Text)
    src: Mapped[str] = mapped_column(Text)
    dst: Mapped[str] = mapped_column(Text)
    dst_kind: Mapped[str] = mapped_column(String(16))
    src_hi: Mapped[MinorUnits]
    dst_lo: Mapped[MinorUnits]
    hop: Mapped[int] = mapped_column(Integer)


class TraceLot(Base):
    """Stolen units [lo, hi) that rest where they are: `place` is held, exited, pooled or returned.

    `last_seq` is the transfer that brought them there.
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
