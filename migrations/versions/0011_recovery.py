"""What is counted as stolen now and the trace that follows it; compromise times that people decided on."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

FIXED = {"alarm": ("acknowledged_at", "dated_since"), "theft": ("withdrawn_at", "withdrawn_by", "added_by")}
"""Records of which only these columns ever change."""

STANDING = """
INSERT INTO standing_trace (incident_id, currency, claimed, thefts, since, upto_seq, trace_id, found_at)
SELECT DISTINCT ON (run.incident_id, run.currency)
       run.incident_id, run.currency, false, run.thefts, coalesce(incident.compromised_since, incident.opened_at),
       run.upto_seq, run.trace_id, run.created_at
FROM trace_run AS run JOIN incident ON incident.id = run.incident_id
ORDER BY run.incident_id, run.currency, run.upto_seq DESC, run.created_at DESC
"""
"""Until now the trace that reached furthest was the one that counted."""


def grants() -> str:
    """What the application's role may do with the new table and columns; nothing where the role is absent."""
    statements = [
        "REVOKE ALL ON standing_trace FROM stanch_app",
        "GRANT SELECT, INSERT ON standing_trace TO stanch_app",
        "GRANT UPDATE (thefts, since, upto_seq, trace_id, found_at) ON standing_trace TO stanch_app",
        "GRANT UPDATE (dated_since) ON alarm TO stanch_app",
        "GRANT UPDATE (added_by) ON theft TO stanch_app",
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
    op.add_column("incident", sa.Column("dated_since", sa.DateTime(timezone=True), nullable=True))
    op.add_column("incident", sa.Column("dated_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("alarm", sa.Column("dated_since", sa.DateTime(timezone=True), nullable=True))
    op.add_column("theft", sa.Column("added_by", sa.String(length=26), nullable=True))
    op.add_column("transfer_index", sa.Column("linked_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("recall", sa.Column("part", sa.Integer(), nullable=False, server_default="0"))
    op.drop_constraint("uq_recall_incident_id_transfer_seq", "recall", type_="unique")
    op.create_unique_constraint(
        op.f("uq_recall_incident_id_transfer_seq_part"), "recall", ["incident_id", "transfer_seq", "part"]
    )
    op.create_table(
        "standing_trace",
        sa.Column("incident_id", sa.String(length=26), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("claimed", sa.Boolean(), nullable=False),
        sa.Column("thefts", postgresql.JSONB(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("upto_seq", sa.BigInteger(), nullable=False),
        sa.Column("trace_id", sa.String(length=64), nullable=True),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_standing_trace_incident_id")),
        sa.PrimaryKeyConstraint("incident_id", "currency", "claimed", name=op.f("pk_standing_trace")),
    )
    op.execute(STANDING)
    for table, changing in FIXED.items():
        columns = [column["name"] for column in sa.inspect(op.get_bind()).get_columns(table)]
        triggers(table, fixed=f"UPDATE OF {', '.join(name for name in columns if name not in changing)}")
    triggers("standing_trace", fixed="UPDATE OF incident_id, currency, claimed")
    op.execute(grants())


def downgrade() -> None:
    """Forward-only: records are never taken back."""
    raise NotImplementedError("Migrations go forward only. Restore a backup to go back.")
