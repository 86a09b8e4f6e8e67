"""Recovery: the life of holds, objections, frozen mules, withdrawn thefts, and what was given back."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

APPEND_ONLY = ("hold_contest", "hold_objection", "restitution")

FIXED = {
    "theft": ("withdrawn_at", "withdrawn_by"),
    "decision_task": ("closed_at",),
    "mule_freeze": ("ended_at",),
}
"""Records of which only these columns ever change."""


def grants() -> str:
    """What the application's role may do with the new tables and columns; nothing where the role is absent."""
    statements = [
        "REVOKE ALL ON hold_contest, hold_objection, restitution, mule_freeze FROM stanch_app",
        "GRANT SELECT, INSERT ON hold_contest, hold_objection, restitution, mule_freeze TO stanch_app",
        "GRANT UPDATE (ended_at) ON mule_freeze TO stanch_app",
        "GRANT UPDATE (withdrawn_at, withdrawn_by) ON theft TO stanch_app",
    ]
    lines = "".join(f"        {statement};\n" for statement in statements)
    return (
        "DO $$ BEGIN\n    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'stanch_app') THEN\n"
        f"{lines}    END IF;\nEND $$"
    )


def triggers(table: str, *, fixed: str) -> None:
    """Refuse to delete from `table`, to empty it, and the update that `fixed` says."""
    op.execute(f"DROP TRIGGER IF EXISTS {table}_rows ON {table}")
    op.execute(f"DROP TRIGGER IF EXISTS {table}_whole ON {table}")
    for name, event in (
        ("rows", f"BEFORE {fixed} OR DELETE ON {table} FOR EACH ROW"),
        ("whole", f"BEFORE TRUNCATE ON {table} FOR EACH STATEMENT"),
    ):
        op.execute(f"CREATE TRIGGER {table}_{name} {event} EXECUTE FUNCTION refuse_rewriting()")


def upgrade() -> None:
    """Forward."""
    op.add_column(
        "hold_claim", sa.Column("source", sa.String(length=8), nullable=False, server_default="trace")
    )
    op.add_column("hold_claim", sa.Column("periods", sa.Integer(), nullable=False, server_default="1"))
    op.add_column("hold_claim", sa.Column("returned", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("hold_claim", sa.Column("told", sa.String(length=8), nullable=True))
    op.create_check_constraint(op.f("ck_hold_claim_source"), "hold_claim", "source IN ('trace', 'recall')")
    op.create_check_constraint(
        op.f("ck_hold_claim_returned"), "hold_claim", "returned >= 0 AND returned <= hi - lo"
    )
    op.add_column("theft", sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("theft", sa.Column("withdrawn_by", sa.String(length=26), nullable=True))
    op.add_column(
        "decision_task",
        sa.Column("requester_role", sa.String(length=16), nullable=False, server_default="agent"),
    )
    op.create_table(
        "hold_contest",
        sa.Column("hold_id", sa.String(length=26), nullable=False),
        sa.Column("incident_id", sa.String(length=26), nullable=False),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["hold_id"], ["hold_claim.id"], name=op.f("fk_hold_contest_hold_id")),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_hold_contest_incident_id")),
        sa.PrimaryKeyConstraint("hold_id", "incident_id", name=op.f("pk_hold_contest")),
    )
    op.create_table(
        "hold_objection",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("hold_id", sa.String(length=26), nullable=False),
        sa.Column("incident_id", sa.String(length=26), nullable=False),
        sa.Column("task_id", sa.String(length=26), nullable=False),
        sa.Column("statement", sa.LargeBinary(), nullable=False),
        sa.Column("taken_by", sa.String(length=26), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["hold_id"], ["hold_claim.id"], name=op.f("fk_hold_objection_hold_id")),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_hold_objection_incident_id")),
        sa.ForeignKeyConstraint(["task_id"], ["decision_task.id"], name=op.f("fk_hold_objection_task_id")),
        sa.ForeignKeyConstraint(["taken_by"], ["operator.id"], name=op.f("fk_hold_objection_taken_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hold_objection")),
    )
    op.create_index(op.f("ix_hold_objection_hold_id"), "hold_objection", ["hold_id"], unique=False)
    op.create_table(
        "mule_freeze",
        sa.Column("id", sa.String(length=160), nullable=False),
        sa.Column("incident_id", sa.String(length=26), nullable=False),
        sa.Column("account_id", sa.String(length=64), nullable=False),
        sa.Column("request_id", sa.String(length=26), nullable=False),
        sa.Column("placed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_mule_freeze_incident_id")),
        sa.ForeignKeyConstraint(
            ["request_id"], ["decision_request.id"], name=op.f("fk_mule_freeze_request_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mule_freeze")),
    )
    op.create_index(op.f("ix_mule_freeze_incident_id"), "mule_freeze", ["incident_id"], unique=False)
    op.create_table(
        "restitution",
        sa.Column("request_id", sa.String(length=26), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("incident_id", sa.String(length=26), nullable=False),
        sa.Column("for_incident_id", sa.String(length=26), nullable=False),
        sa.Column("hold_id", sa.String(length=26), nullable=False),
        sa.Column("to_account_id", sa.String(length=64), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.String(length=8), nullable=False),
        sa.Column("transfer_id", sa.String(length=64), nullable=False),
        sa.Column("transfer_seq", sa.BigInteger(), nullable=False),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("amount > 0", name=op.f("ck_restitution_amount")),
        sa.ForeignKeyConstraint(
            ["request_id"], ["decision_request.id"], name=op.f("fk_restitution_request_id")
        ),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_restitution_incident_id")),
        sa.ForeignKeyConstraint(
            ["for_incident_id"], ["incident.id"], name=op.f("fk_restitution_for_incident_id")
        ),
        sa.ForeignKeyConstraint(["hold_id"], ["hold_claim.id"], name=op.f("fk_restitution_hold_id")),
        sa.PrimaryKeyConstraint("request_id", "number", name=op.f("pk_restitution")),
        sa.UniqueConstraint("transfer_id", name=op.f("uq_restitution_transfer_id")),
    )
    op.create_index(op.f("ix_restitution_incident_id"), "restitution", ["incident_id"], unique=False)
    for table in APPEND_ONLY:
        triggers(table, fixed="UPDATE")
    for table, changing in FIXED.items():
        columns = [column["name"] for column in sa.inspect(op.get_bind()).get_columns(table)]
        triggers(table, fixed=f"UPDATE OF {', '.join(name for name in columns if name not in changing)}")
    op.execute(grants())


def downgrade() -> None:
    """Forward-only: records are never taken back."""
    raise NotImplementedError("Migrations go forward only. Restore a backup to go back.")
