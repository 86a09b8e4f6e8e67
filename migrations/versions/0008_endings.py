"""How incidents end: accounts closed for their owners, incidents reopened.

Revision ID: 0008
Revises: 0006
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

MAY_CHANGE: dict[str, tuple[str, ...]] = {
    "payout_destination": (),
    "account_closure": (),
    "rating_ask": (),
    "rating": (),
    "decision_escalation": (),
    "break_glass": ("reviewed_by", "reviewed_at", "verdict", "review_reason"),
}
"""Records of which only these columns ever change; the others are refused to everyone."""


def guard(table: str, changing: tuple[str, ...]) -> None:
    """Refuse to rewrite, to delete and to empty."""
    columns = [column["name"] for column in sa.inspect(op.get_bind()).get_columns(table)]
    fixed = ", ".join(name for name in columns if name not in changing)
    for name, event in (
        ("rows", f"BEFORE UPDATE OF {fixed} OR DELETE ON {table} FOR EACH ROW"),
        ("whole", f"BEFORE TRUNCATE ON {table} FOR EACH STATEMENT"),
    ):
        op.execute(f"CREATE TRIGGER {table}_{name} {event} EXECUTE FUNCTION refuse_rewriting()")


def grants() -> str:
    """As in the first tables: what the application's role may do; nothing where it is absent."""
    tables = ", ".join(MAY_CHANGE)
    statements = [
        f"REVOKE ALL ON {tables} FROM stanch_app",
        f"GRANT SELECT, INSERT ON {tables} TO stanch_app",
        *(
            f"GRANT UPDATE ({', '.join(may)}) ON {table} TO stanch_app"
            for table, may in MAY_CHANGE.items()
            if may
        ),
    ]
    lines = "".join(f"        {statement};\n" for statement in statements)
    return (
        "DO $$ BEGIN\n    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'stanch_app') THEN\n"
        f"{lines}    END IF;\nEND $$"
    )


def upgrade() -> None:
    """Forward."""
    op.create_table(
        "payout_destination",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("incident_id", sa.String(length=26), nullable=False),
        sa.Column("step_id", sa.String(length=26), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("content_digest", sa.String(length=64), nullable=False),
        sa.Column("entered_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind IN ('wallet', 'bank')", name=op.f("ck_payout_destination_kind")),
        sa.ForeignKeyConstraint(
            ["incident_id"], ["incident.id"], name=op.f("fk_payout_destination_incident_id")
        ),
        sa.ForeignKeyConstraint(["step_id"], ["step.id"], name=op.f("fk_payout_destination_step_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payout_destination")),
    )
    op.create_index(
        op.f("ix_payout_destination_incident_id"), "payout_destination", ["incident_id"], unique=False
    )
    op.create_table(
        "account_closure",
        sa.Column("incident_id", sa.String(length=26), nullable=False),
        sa.Column("step_id", sa.String(length=26), nullable=False),
        sa.Column("destination_id", sa.String(length=26), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["destination_id"], ["payout_destination.id"], name=op.f("fk_account_closure_destination_id")
        ),
        sa.ForeignKeyConstraint(
            ["incident_id"], ["incident.id"], name=op.f("fk_account_closure_incident_id")
        ),
        sa.ForeignKeyConstraint(["step_id"], ["step.id"], name=op.f("fk_account_closure_step_id")),
        sa.PrimaryKeyConstraint("incident_id", name=op.f("pk_account_closure")),
    )
    op.create_table(
        "rating_ask",
        sa.Column("incident_id", sa.String(length=26), nullable=False),
        sa.Column("code_digest", sa.String(length=64), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_rating_ask_incident_id")),
        sa.PrimaryKeyConstraint("incident_id", name=op.f("pk_rating_ask")),
        sa.UniqueConstraint("code_digest", name=op.f("uq_rating_ask_code_digest")),
    )
    op.create_table(
        "rating",
        sa.Column("incident_id", sa.String(length=26), nullable=False),
        sa.Column("rating", sa.Integer(), nullable=False),
        sa.Column("comment", sa.LargeBinary(), nullable=True),
        sa.Column("rated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("rating BETWEEN 1 AND 5", name=op.f("ck_rating_rating")),
        sa.ForeignKeyConstraint(
            ["incident_id"], ["rating_ask.incident_id"], name=op.f("fk_rating_incident_id")
        ),
        sa.PrimaryKeyConstraint("incident_id", name=op.f("pk_rating")),
    )
    op.create_table(
        "decision_escalation",
        sa.Column("task_id", sa.String(length=26), nullable=False),
        sa.Column("escalated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["task_id"], ["decision_task.id"], name=op.f("fk_decision_escalation_task_id")
        ),
        sa.PrimaryKeyConstraint("task_id", name=op.f("pk_decision_escalation")),
    )
    op.create_table(
        "break_glass",
        sa.Column("request_id", sa.String(length=26), nullable=False),
        sa.Column("incident_id", sa.String(length=26), nullable=False),
        sa.Column("step_id", sa.String(length=26), nullable=False),
        sa.Column("used_by", sa.String(length=26), nullable=False),
        sa.Column("reason", sa.LargeBinary(), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("review_due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reviewed_by", sa.String(length=26), nullable=True),
        sa.Column("reviewed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("verdict", sa.String(length=16), nullable=True),
        sa.Column("review_reason", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint("reviewed_by <> used_by", name=op.f("ck_break_glass_reviewer")),
        sa.CheckConstraint("verdict IN ('justified', 'not_justified')", name=op.f("ck_break_glass_verdict")),
        sa.CheckConstraint("(verdict IS NULL) = (reviewed_by IS NULL)", name=op.f("ck_break_glass_reviewed")),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_break_glass_incident_id")),
        sa.ForeignKeyConstraint(
            ["request_id"], ["decision_request.id"], name=op.f("fk_break_glass_request_id")
        ),
        sa.ForeignKeyConstraint(["reviewed_by"], ["operator.id"], name=op.f("fk_break_glass_reviewed_by")),
        sa.ForeignKeyConstraint(["step_id"], ["step.id"], name=op.f("fk_break_glass_step_id")),
        sa.ForeignKeyConstraint(["used_by"], ["operator.id"], name=op.f("fk_break_glass_used_by")),
        sa.PrimaryKeyConstraint("request_id", name=op.f("pk_break_glass")),
    )
    op.create_index(
        "ix_break_glass_unreviewed",
        "break_glass",
        ["review_due_at"],
        unique=False,
        postgresql_where=sa.text("verdict IS NULL"),
    )
    op.add_column("incident", sa.Column("reopens", sa.String(length=26), nullable=True))
    op.create_foreign_key(op.f("fk_incident_reopens"), "incident", "incident", ["reopens"], ["id"])
    op.create_index(
        "uq_incident_reopens",
        "incident",
        ["reopens"],
        unique=True,
        postgresql_where=sa.text("reopens IS NOT NULL"),
    )
    for table, changing in MAY_CHANGE.items():
        guard(table, changing)
    op.execute(grants())


def downgrade() -> None:
    """Forward-only: records are never taken back."""
    raise NotImplementedError("Migrations go forward only. Restore a backup to go back.")
