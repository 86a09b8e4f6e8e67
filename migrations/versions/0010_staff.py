"""Alerts to staff.

Revision ID: 0010
Revises: 0006
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

FIXED = ("id", "kind", "severity", "subject", "incident_id", "detail", "raised_at")
"""What was raised is a record; only how far it got moves."""

GRANTS = """
DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'stanch_app') THEN
        REVOKE ALL ON staff_alert FROM stanch_app;
        GRANT SELECT, INSERT ON staff_alert TO stanch_app;
        GRANT UPDATE (state, settled_at, next_try_at, attempts, reached, last_error) ON staff_alert TO stanch_app;
    END IF;
END $$
"""


def triggers(table: str, *, fixed: str) -> None:
    """Refuse to delete from `table`, to empty it, and the update that `fixed` says."""
    for name, event in (
        ("rows", f"BEFORE {fixed} OR DELETE ON {table} FOR EACH ROW"),
        ("whole", f"BEFORE TRUNCATE ON {table} FOR EACH STATEMENT"),
    ):
        op.execute(f"CREATE TRIGGER {table}_{name} {event} EXECUTE FUNCTION refuse_rewriting()")


def upgrade() -> None:
    """Forward."""
    op.create_table(
        "staff_alert",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("severity", sa.String(length=8), nullable=False),
        sa.Column("subject", sa.String(length=160), nullable=False),
        sa.Column("incident_id", sa.String(length=26), nullable=True),
        sa.Column("detail", sa.String(length=64), nullable=False),
        sa.Column("raised_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(length=16), server_default=sa.text("'waiting'"), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_try_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column(
            "reached", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'"), nullable=False
        ),
        sa.Column("last_error", sa.String(length=64), nullable=True),
        sa.CheckConstraint("(state = 'waiting') = (settled_at IS NULL)", name=op.f("ck_staff_alert_settled")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_alert")),
        sa.UniqueConstraint("kind", "subject", name=op.f("uq_staff_alert_kind_subject")),
    )
    op.create_index(
        "ix_staff_alert_due",
        "staff_alert",
        ["next_try_at"],
        unique=False,
        postgresql_where=sa.text("settled_at IS NULL"),
    )
    op.create_index("ix_staff_alert_raised", "staff_alert", ["raised_at"], unique=False)
    # A summary of blocks, not of rows: it costs the hot path nothing, and the last minutes are its last blocks.
    op.create_index(
        "ix_step_attempt_requested_at",
        "step_attempt",
        ["requested_at"],
        unique=False,
        postgresql_using="brin",
        postgresql_with={"pages_per_range": 32, "autosummarize": True},
    )
    triggers("staff_alert", fixed=f"UPDATE OF {', '.join(FIXED)}")
    op.execute(GRANTS)


def downgrade() -> None:
    """Forward-only: records are never taken back."""
    raise NotImplementedError("Migrations go forward only. Restore a backup to go back.")
