"""Notices: how far each got, at which contact points, and which contacts stood at the first look.

Revision ID: 0006
Revises: 0005
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

GRANTS = """
DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'stanch_app') THEN
        REVOKE ALL ON notice_delivery, notice_contact FROM stanch_app;
        GRANT SELECT, INSERT ON notice_delivery, notice_contact TO stanch_app;
        GRANT UPDATE (state, next_look_at, looks, told_at) ON notice_delivery TO stanch_app;
    END IF;
END $$
"""

FIXED = (
    "step_id",
    "notice_id",
    "contact_id",
    "channel",
    "round",
    "template",
    "version",
    "language",
    "message_id",
    "sent_at",
)
"""What was sent is a record; only what the provider says of it later may change."""


def triggers(table: str, *, fixed: str) -> None:
    """Refuse to delete from `table`, to empty it, and the update that `fixed` says."""
    for name, event in (
        ("rows", f"BEFORE {fixed} OR DELETE ON {table} FOR EACH ROW"),
        ("whole", f"BEFORE TRUNCATE ON {table} FOR EACH STATEMENT"),
    ):
        op.execute(f"CREATE TRIGGER {table}_{name} {event} EXECUTE FUNCTION refuse_rewriting()")


def upgrade() -> None:
    """Forward."""
    op.add_column("notice_outbox", sa.Column("account_id", sa.String(length=64), nullable=True))
    op.add_column(
        "notice_outbox",
        sa.Column("state", sa.String(length=16), server_default=sa.text("'waiting'"), nullable=False),
    )
    op.add_column("notice_outbox", sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("notice_outbox", sa.Column("last_error", sa.String(length=64), nullable=True))
    op.add_column(
        "notice_outbox", sa.Column("round", sa.Integer(), server_default=sa.text("1"), nullable=False)
    )
    op.add_column(
        "notice_outbox", sa.Column("from_round", sa.Integer(), server_default=sa.text("1"), nullable=False)
    )
    op.add_column("notice_outbox", sa.Column("asked_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column(
        "notice_outbox",
        sa.Column(
            "refused", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'"), nullable=False
        ),
    )
    op.create_check_constraint(
        op.f("ck_notice_outbox_settled"), "notice_outbox", "(state = 'waiting') = (settled_at IS NULL)"
    )
    op.drop_index("ix_notice_outbox_due", table_name="notice_outbox")
    op.create_index(
        "ix_notice_outbox_due",
        "notice_outbox",
        ["next_try_at"],
        unique=False,
        postgresql_where=sa.text("settled_at IS NULL"),
    )
    op.create_index("ix_notice_outbox_incident", "notice_outbox", ["incident_id"], unique=False)
    op.create_index(
        "ix_notice_outbox_unreached",
        "notice_outbox",
        ["settled_at"],
        unique=False,
        postgresql_where=sa.text("state IN ('given_up', 'no_contact')"),
    )
    op.create_table(
        "notice_delivery",
        sa.Column("step_id", sa.String(length=26), nullable=False),
        sa.Column("notice_id", sa.String(length=26), nullable=False),
        sa.Column("contact_id", sa.String(length=80), nullable=False),
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("template", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("language", sa.String(length=16), nullable=False),
        sa.Column("message_id", sa.String(length=200), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("next_look_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("looks", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["notice_id"], ["notice_outbox.id"], name=op.f("fk_notice_delivery_notice_id")
        ),
        sa.ForeignKeyConstraint(["step_id"], ["step.id"], name=op.f("fk_notice_delivery_step_id")),
        sa.PrimaryKeyConstraint("step_id", name=op.f("pk_notice_delivery")),
        sa.UniqueConstraint(
            "notice_id", "contact_id", "round", name=op.f("uq_notice_delivery_notice_id_contact_id_round")
        ),
    )
    op.create_index(
        "ix_notice_delivery_receipt",
        "notice_delivery",
        ["next_look_at"],
        unique=False,
        postgresql_where=sa.text("next_look_at IS NOT NULL"),
    )
    op.create_table(
        "notice_contact",
        sa.Column("incident_id", sa.String(length=26), nullable=False),
        sa.Column("contact_id", sa.String(length=80), nullable=False),
        sa.Column("value_digest", sa.String(length=64), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_notice_contact_incident_id")),
        sa.PrimaryKeyConstraint("incident_id", "contact_id", name=op.f("pk_notice_contact")),
    )
    triggers("notice_delivery", fixed=f"UPDATE OF {', '.join(FIXED)}")
    triggers("notice_contact", fixed="UPDATE")
    op.execute(GRANTS)


def downgrade() -> None:
    """Forward-only: records are never taken back."""
    raise NotImplementedError("Migrations go forward only. Restore a backup to go back.")
