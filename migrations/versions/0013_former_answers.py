"""Answers to one-time codes that count no more, kept when their contact is asked again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

GRANTS = """
DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'stanch_app') THEN
        REVOKE ALL ON former_answer FROM stanch_app;
        GRANT SELECT, INSERT ON former_answer TO stanch_app;
    END IF;
END $$
"""


def triggers(table: str) -> None:
    """Refuse to change or delete rows of `table`, and to empty it."""
    for name, event in (
        ("rows", f"BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW"),
        ("whole", f"BEFORE TRUNCATE ON {table} FOR EACH STATEMENT"),
    ):
        op.execute(f"CREATE TRIGGER {table}_{name} {event} EXECUTE FUNCTION refuse_rewriting()")


def upgrade() -> None:
    """Forward."""
    op.create_table(
        "former_answer",
        sa.Column("challenge_id", sa.String(length=26), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("incident_id", sa.String(length=26), nullable=False),
        sa.Column("episode", sa.Integer(), nullable=False),
        sa.Column("contact_id", sa.String(length=64), nullable=False),
        sa.Column("channel", sa.String(length=8), nullable=False),
        sa.Column("claim_id", sa.String(length=26), nullable=True),
        sa.Column("voided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("asked_again_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["challenge_id"], ["identity_challenge.id"], name=op.f("fk_former_answer_challenge_id")
        ),
        sa.ForeignKeyConstraint(["claim_id"], ["identity_claim.id"], name=op.f("fk_former_answer_claim_id")),
        sa.PrimaryKeyConstraint("challenge_id", "answered_at", name=op.f("pk_former_answer")),
    )
    op.create_index("ix_former_answer_incident_id", "former_answer", ["incident_id"], unique=False)
    triggers("former_answer")
    op.execute(GRANTS)


def downgrade() -> None:
    """Forward-only: records are never taken back."""
    raise NotImplementedError("Migrations go forward only. Restore a backup to go back.")
