"""Tables of the transfer index: Stanch's own copy of the wallet's transfers, with the running totals that make FIFO exact.

Each account has one axis per currency: the units ever paid in, in order, its opening money first. `in_pos` is where a
transfer's units begin on the payee's axis, `out_pos` where the units it spent lie on the payer's (see tracing.positions).
Only the index feeder and the hold operations write here, and only under the feed's advisory lock.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Boolean, Index, Integer, String, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from models.tables.base import Base, Instant, MaybeInstant, MinorUnits

PAID_IN = "bank IS NOT NULL AND dst_kind IN ('wallet', 'pooling')"


class TransferIndexRow(Base):
    """One posted transfer, or one part of it: `part` > 0 only where a payment skipped held units.

    `amount` is the part's amount. A self transfer moves nothing: both positions are NULL. `hold_id` is set where the
    transfer carries exactly the units of a hold, `reverses` where it undoes another, `undone` where a later one does. `src_balance_after` is what lay in
    the payer's account right after the whole posting, `dst_balance_before` in the payee's right before it, held money
    included. An exit holds nothing: NULL as payer, 0 as payee; a self transfer has neither. Opening money inferred later lay there all along, so it is added to the rows before it.
    """

    __tablename__ = "transfer_index"

    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    part: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    transfer_id: Mapped[str] = mapped_column(Text)
    src: Mapped[str] = mapped_column(Text)
    dst: Mapped[str] = mapped_column(Text)
    src_kind: Mapped[str] = mapped_column(String(16))
    dst_kind: Mapped[str] = mapped_column(String(16))
    currency: Mapped[str] = mapped_column(String(3))
    amount: Mapped[MinorUnits]
    out_pos: Mapped[int | None] = mapped_column(BigInteger)
    in_pos: Mapped[int | None] = mapped_column(BigInteger)
    posted_at: Mapped[Instant]
    status: Mapped[str] = mapped_column(String(16))
    device_id: Mapped[str | None] = mapped_column(Text)
    session_id: Mapped[str | None] = mapped_column(Text)
    reverses: Mapped[str | None] = mapped_column(Text)
    hold_id: Mapped[str | None] = mapped_column(Text)
    bank: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    src_balance_after: Mapped[int | None] = mapped_column(BigInteger)
    dst_balance_before: Mapped[int | None] = mapped_column(BigInteger)
    undone: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    linked_at: Mapped[MaybeInstant]
    """When this index, and not the source, found out what the transfer undoes."""

    __table_args__ = (
        # The trace walks this one: the rows of an account that spent given units of it. It holds all that the trace
        # reads, so that following money costs no more than fetching the carried rows would.
        Index(
            "ix_transfer_index_spent",
            "src",
            "currency",
            "out_pos",
            postgresql_include=[
                "amount",
                "in_pos",
                "seq",
                "dst",
                "dst_kind",
                "transfer_id",
                "reverses",
                "undone",
            ],
        ),
        # An account's deposits in posting order: needed when its rows are segmented anew.
        Index("ix_transfer_index_paid_in", "dst", "currency", "seq"),
        # An account's payments in posting order: what the rules without units sweep. Partial, so that the planner cannot
        # take it for the statement above, which would then read every payment of an account instead of those it needs.
        Index(
            "ix_transfer_index_paid_out",
            "src",
            "currency",
            "seq",
            postgresql_where=text("src_balance_after IS NOT NULL"),
        ),
        # Reversals are few: by what they reverse, and in posting order.
        Index("ix_transfer_index_reverses", "reverses", postgresql_where=text("reverses IS NOT NULL")),
        Index("ix_transfer_index_reversals", "seq", postgresql_where=text("reverses IS NOT NULL")),
        # Money that comes from outside with a reference: a recall looks for its own among all that a bank ever paid in.
        Index("ix_transfer_index_in_uetr", text("(bank ->> 'uetr')"), postgresql_where=text(PAID_IN)),
        Index(
            "ix_transfer_index_in_reference",
            text("(bank ->> 'end_to_end_id')"),
            postgresql_where=text(PAID_IN),
        ),
        Index("uq_transfer_index_transfer_id", "transfer_id", "part", unique=True),
    )


class TransferAccount(Base):
    """The running totals of one account in one currency, after the last posting of the feed.

    `opening` is everything held before posting 1, `inferred` the part of it nobody stated; `total_in` excludes it.
    The axis runs from `axis_start` to `axis_start` + `opening` + `total_in`. It starts at 0, or below where opening
    money had to be inferred after rows were indexed: so a unit never changes its number. `gaps` lists unspent
    intervals [[lo, hi], ...] below the spending frontier; NULL (no gap) for an account that never skipped held units,
    whose unspent units are exactly those from `axis_start` + `total_out` on.
    """

    __tablename__ = "transfer_account"

    account_id: Mapped[str] = mapped_column(Text, primary_key=True)
    currency: Mapped[str] = mapped_column(String(3), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    opening: Mapped[MinorUnits]
    inferred: Mapped[MinorUnits]
    axis_start: Mapped[MinorUnits]
    total_in: Mapped[MinorUnits]
    total_out: Mapped[MinorUnits]
    gaps: Mapped[list[list[int]] | None] = mapped_column(JSONB)

    __table_args__ = (
        Index(
            "ix_transfer_account_inferred",
            "currency",
            "account_id",
            postgresql_where=text("inferred > 0"),
        ),
    )


class TransferHold(Base):
    """Units [lo, hi) of an account that a hold takes out of its queue from posting `effective_seq` + 1 on.

    The last posting the hold covers is `released_seq`; NULL while it stands. A partial release splits a piece in two.
    """

    __tablename__ = "transfer_hold"

    hold_id: Mapped[str] = mapped_column(Text, primary_key=True)
    piece: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    account_id: Mapped[str] = mapped_column(Text)
    currency: Mapped[str] = mapped_column(String(3))
    lo: Mapped[MinorUnits]
    hi: Mapped[MinorUnits]
    effective_seq: Mapped[int] = mapped_column(BigInteger)
    released_seq: Mapped[int | None] = mapped_column(BigInteger)

    __table_args__ = (Index("ix_transfer_hold_account", "account_id", "currency"),)


class TransferRemark(Base):
    """What is odd about a posting that was indexed all the same, in a sentence: it is told, never passed over."""

    __tablename__ = "transfer_remark"

    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    remark: Mapped[str] = mapped_column(Text)


class TransferFeed(Base):
    """How far the index has come, and why it stopped if it did.

    Postings 1..`upto_seq` are in, all of them. `head_seq` and `head_at` are the wallet's newest posting when last
    asked, at `checked_at`. `stopped_seq` is the posting a gap or a conflict is about. `generation` changes when rows
    already indexed get other positions (a hold, a release, an inferred opening), so that a trace over them is a new one.
    """

    __tablename__ = "transfer_feed"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    upto_seq: Mapped[int] = mapped_column(BigInteger)
    upto_at: Mapped[Instant | None]
    head_seq: Mapped[int] = mapped_column(BigInteger)
    head_at: Mapped[Instant | None]
    checked_at: Mapped[Instant | None]
    state: Mapped[str] = mapped_column(String(16))
    detail: Mapped[str | None] = mapped_column(Text)
    stopped_seq: Mapped[int | None] = mapped_column(BigInteger)
    generation: Mapped[int] = mapped_column(BigInteger)
    openings_loaded: Mapped[bool] = mapped_column(Boolean)
