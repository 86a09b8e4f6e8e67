"""Tracing by every rule: balances in the index, trails of traces in chunks, pruned amounts, ranges."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

BALANCES = (
    """
    CREATE TEMPORARY TABLE moved ON COMMIT DROP AS
    SELECT account_id, currency, seq, amount,
           sum(amount) OVER (PARTITION BY account_id, currency ORDER BY seq)::bigint AS so_far
      FROM (SELECT src AS account_id, currency, seq, -sum(amount)::bigint AS amount
              FROM transfer_index WHERE out_pos IS NOT NULL GROUP BY src, currency, seq
            UNION ALL
            SELECT dst, currency, seq, sum(amount)::bigint
              FROM transfer_index WHERE out_pos IS NOT NULL GROUP BY dst, currency, seq) AS moves
    """,
    """
    UPDATE transfer_index AS t SET src_balance_after = a.opening + m.so_far
      FROM moved AS m JOIN transfer_account AS a ON a.account_id = m.account_id AND a.currency = m.currency
     WHERE t.src = m.account_id AND t.currency = m.currency AND t.seq = m.seq
       AND t.out_pos IS NOT NULL AND t.src_kind IN ('wallet', 'pooling')
    """,
    """
    UPDATE transfer_index AS t SET dst_balance_before = a.opening + m.so_far - m.amount
      FROM moved AS m JOIN transfer_account AS a ON a.account_id = m.account_id AND a.currency = m.currency
     WHERE t.dst = m.account_id AND t.currency = m.currency AND t.seq = m.seq
       AND t.in_pos IS NOT NULL AND t.dst_kind IN ('wallet', 'pooling')
    """,
    """
    UPDATE transfer_index SET dst_balance_before = 0
     WHERE in_pos IS NOT NULL AND dst_kind NOT IN ('wallet', 'pooling')
    """,
)
"""Balances of rows that were indexed before these columns were there."""

UNDONE = """
UPDATE transfer_index AS t SET undone = true FROM transfer_index AS r WHERE r.reverses = t.transfer_id AND r.seq > t.seq
"""

EXITS_BELOW_ZERO = """
UPDATE transfer_index SET out_pos = -(out_pos + amount)
 WHERE out_pos IS NOT NULL AND src_kind NOT IN ('wallet', 'pooling')
"""
"""What an exit pays is numbered below zero, where nothing is ever paid in: only what it gives back lies among what it got."""

GRANTS = """
DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'stanch_app') THEN
        REVOKE ALL ON trace_chunk, trace_carried, trace_pruned, trace_range FROM stanch_app;
        GRANT SELECT, INSERT ON trace_chunk, trace_carried, trace_pruned, trace_range TO stanch_app;
        REVOKE ALL ON transfer_remark FROM stanch_app;
        GRANT SELECT, INSERT, UPDATE, DELETE ON transfer_remark TO stanch_app;
    END IF;
END $$
"""


def upgrade() -> None:
    op.add_column("transfer_index", sa.Column("src_balance_after", sa.BigInteger(), nullable=True))
    op.add_column("transfer_index", sa.Column("dst_balance_before", sa.BigInteger(), nullable=True))
    op.add_column(
        "transfer_index", sa.Column("undone", sa.Boolean(), server_default=sa.text("false"), nullable=False)
    )
    for statement in BALANCES:
        op.execute(statement)
    op.execute(UNDONE)
    op.execute(EXITS_BELOW_ZERO)
    op.drop_index("ix_transfer_index_spent", table_name="transfer_index")
    op.create_index(
        "ix_transfer_index_spent",
        "transfer_index",
        ["src", "currency", "out_pos"],
        unique=False,
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
    )
    for name, column in (("ix_transfer_index_reverses", "reverses"), ("ix_transfer_index_reversals", "seq")):
        op.create_index(
            name,
            "transfer_index",
            [column],
            unique=False,
            postgresql_where=sa.text("reverses IS NOT NULL"),
        )
    op.create_index(
        "ix_transfer_index_paid_out",
        "transfer_index",
        ["src", "currency", "seq"],
        unique=False,
        postgresql_where=sa.text("src_balance_after IS NOT NULL"),
    )

    op.create_table(
        "transfer_remark",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("remark", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_transfer_remark")),
    )

    op.alter_column("trace_edge", "trace_id", new_column_name="trail_id")
    op.add_column("trace_run", sa.Column("trail_id", sa.String(length=64), nullable=True))
    op.add_column("trace_run", sa.Column("horizon_seq", sa.BigInteger(), nullable=True))
    op.add_column("trace_run", sa.Column("dust", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("trace_run", sa.Column("max_edges", sa.Integer(), nullable=True))
    op.execute("UPDATE trace_run SET trail_id = trace_id")
    op.alter_column("trace_run", "trail_id", nullable=False)
    op.alter_column("trace_run", "dust", server_default=None)
    op.create_index("ix_trace_run_trail", "trace_run", ["trail_id", "upto_seq"], unique=False)
    op.execute("DELETE FROM trace_lot WHERE place <> 'held'")  # where its edge took it

    op.create_table(
        "trace_chunk",
        sa.Column("trail_id", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("reached_seq", sa.BigInteger(), nullable=False),
        sa.Column("edges", sa.Integer(), nullable=False),
        sa.Column("following", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("trail_id", "number", name=op.f("pk_trace_chunk")),
    )
    op.create_table(
        "trace_carried",
        sa.Column("trail_id", sa.String(length=64), nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("transfer_id", sa.Text(), nullable=False),
        sa.Column("src", sa.Text(), nullable=False),
        sa.Column("dst", sa.Text(), nullable=False),
        sa.Column("dst_kind", sa.String(length=16), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("hop", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("trail_id", "seq", name=op.f("pk_trace_carried")),
    )
    op.create_table(
        "trace_pruned",
        sa.Column("trace_id", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.String(length=16), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("trace_id", "reason", name=op.f("pk_trace_pruned")),
    )
    op.create_table(
        "trace_range",
        sa.Column("trace_id", sa.String(length=64), nullable=False),
        sa.Column("rule", sa.String(length=16), nullable=False),
        sa.Column("held", sa.BigInteger(), nullable=True),
        sa.Column("exited", sa.BigInteger(), nullable=True),
        sa.Column("pooled", sa.BigInteger(), nullable=True),
        sa.Column("returned", sa.BigInteger(), nullable=True),
        sa.Column("rows_read", sa.BigInteger(), nullable=False),
        sa.Column("rows_allowed", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("trace_id", "rule", name=op.f("pk_trace_range")),
    )
    op.execute(GRANTS)


def downgrade() -> None:
    """Forward-only: records are never taken back."""
    raise NotImplementedError("Migrations go forward only. Restore a backup to go back.")
