"""Payments in flight: who looked for them, and what became of each.

Revision ID: 0007
Revises: 0006
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

GRANTS = """
DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'stanch_app') THEN
        REVOKE ALL ON payment_look, in_flight_payment FROM stanch_app;
        GRANT SELECT, INSERT ON payment_look, in_flight_payment TO stanch_app;
        GRANT UPDATE (state, receipt_id, transfer_id, settled_at) ON in_flight_payment TO stanch_app;
    END IF;
END $$
"""

FIXED = (
    "incident_id",
    "episode",
    "payment_id",
    "kind",
    "currency",
    "amount",
    "authorised_at",
    "due_at",
    "found_at",
)
"""What was found is a record; only what became of it may change."""


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
        "payment_look",
        sa.Column("step_id", sa.String(length=26), nullable=False),
        sa.Column("incident_id", sa.String(length=26), nullable=False),
        sa.Column("episode", sa.Integer(), nullable=False),
        sa.Column("set_since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("looked_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_payment_look_incident_id")),
        sa.ForeignKeyConstraint(["step_id"], ["step.id"], name=op.f("fk_payment_look_step_id")),
        sa.PrimaryKeyConstraint("step_id", name=op.f("pk_payment_look")),
    )
    op.create_index("ix_payment_look_episode", "payment_look", ["incident_id", "episode"], unique=False)
    op.create_table(
        "in_flight_payment",
        sa.Column("incident_id", sa.String(length=26), nullable=False),
        sa.Column("episode", sa.Integer(), nullable=False),
        sa.Column("payment_id", sa.String(length=100), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("authorised_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("receipt_id", sa.String(length=64), nullable=True),
        sa.Column("transfer_id", sa.String(length=128), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('found', 'stopped', 'captured', 'kept')", name=op.f("ck_in_flight_payment_state")
        ),
        sa.CheckConstraint(
            "(state IN ('stopped', 'captured')) = (settled_at IS NOT NULL)",
            name=op.f("ck_in_flight_payment_settled"),
        ),
        sa.ForeignKeyConstraint(
            ["incident_id"], ["incident.id"], name=op.f("fk_in_flight_payment_incident_id")
        ),
        sa.PrimaryKeyConstraint("incident_id", "episode", "payment_id", name=op.f("pk_in_flight_payment")),
    )
    triggers("payment_look", fixed="UPDATE")
    triggers("in_flight_payment", fixed=f"UPDATE OF {', '.join(FIXED)}")
    op.execute(GRANTS)


def downgrade() -> None:
    """Forward-only: records are never taken back."""
    raise NotImplementedError("Migrations go forward only. Restore a backup to go back.")
