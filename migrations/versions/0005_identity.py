"""Claims on an account, what was presented for them, and how often somebody failed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

MAY_CHANGE = {
    "identity_claim": ("ended_at", "ending"),
    "identity_evidence": ("voided_at",),
    "identity_ask": ("used_at",),
    "proof": ("voided_at",),
}
"""Records of which only these columns ever change; the others are refused to everyone. `proof` has a new column to guard."""


def guard(table: str, changing: tuple[str, ...]) -> None:
    """Refuse to rewrite, to delete and to empty."""
    columns = [column["name"] for column in sa.inspect(op.get_bind()).get_columns(table)]
    fixed = ", ".join(name for name in columns if name not in changing)
    for name, event in (
        ("rows", f"BEFORE UPDATE OF {fixed} OR DELETE ON {table} FOR EACH ROW"),
        ("whole", f"BEFORE TRUNCATE ON {table} FOR EACH STATEMENT"),
    ):
        op.execute(f"DROP TRIGGER IF EXISTS {table}_{name} ON {table}")
        op.execute(f"CREATE TRIGGER {table}_{name} {event} EXECUTE FUNCTION refuse_rewriting()")


def grants() -> str:
    """As in the first tables: what the application's role may do; nothing where it is absent."""
    new = [table for table in MAY_CHANGE if table != "proof"]
    statements = [
        f"REVOKE ALL ON {', '.join((*new, 'identity_limit'))} FROM stanch_app",
        f"GRANT SELECT, INSERT ON {', '.join((*new, 'identity_limit'))} TO stanch_app",
        *(f"GRANT UPDATE ({', '.join(MAY_CHANGE[table])}) ON {table} TO stanch_app" for table in new),
        "GRANT UPDATE ON identity_limit TO stanch_app",
    ]
    lines = "".join(f"        {statement};\n" for statement in statements)
    return (
        "DO $$ BEGIN\n    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'stanch_app') THEN\n"
        f"{lines}    END IF;\nEND $$"
    )


def upgrade() -> None:
    """Forward."""
    op.create_table(
        "identity_claim",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("incident_id", sa.String(length=26), nullable=False),
        sa.Column("episode", sa.Integer(), nullable=False),
        sa.Column("token_digest", sa.String(length=64), nullable=False),
        sa.Column("opened_by", sa.String(length=26), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ending", sa.String(length=16), nullable=True),
        sa.CheckConstraint("ending IN ('impostor', 'withdrawn')", name=op.f("ck_identity_claim_ending")),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_identity_claim_incident_id")),
        sa.ForeignKeyConstraint(["opened_by"], ["operator.id"], name=op.f("fk_identity_claim_opened_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identity_claim")),
        sa.UniqueConstraint("token_digest", name=op.f("uq_identity_claim_token_digest")),
    )
    op.create_index(op.f("ix_identity_claim_incident_id"), "identity_claim", ["incident_id"], unique=False)
    op.create_table(
        "identity_evidence",
        sa.Column("step_id", sa.String(length=26), nullable=False),
        sa.Column("incident_id", sa.String(length=26), nullable=False),
        sa.Column("episode", sa.Integer(), nullable=False),
        sa.Column("claim_id", sa.String(length=26), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("reference", sa.String(length=128), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("presented", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("presented_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("voided_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["claim_id"], ["identity_claim.id"], name=op.f("fk_identity_evidence_claim_id")
        ),
        sa.ForeignKeyConstraint(
            ["incident_id"], ["incident.id"], name=op.f("fk_identity_evidence_incident_id")
        ),
        sa.ForeignKeyConstraint(["step_id"], ["step.id"], name=op.f("fk_identity_evidence_step_id")),
        sa.PrimaryKeyConstraint("step_id", name=op.f("pk_identity_evidence")),
        sa.UniqueConstraint(
            "claim_id", "kind", "reference", name=op.f("uq_identity_evidence_claim_id_kind_reference")
        ),
    )
    op.create_index(
        op.f("ix_identity_evidence_incident_id"), "identity_evidence", ["incident_id"], unique=False
    )
    op.create_table(
        "identity_ask",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("claim_id", sa.String(length=26), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["claim_id"], ["identity_claim.id"], name=op.f("fk_identity_ask_claim_id")),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_identity_ask")),
    )
    op.create_index("ix_identity_ask_claim", "identity_ask", ["claim_id", "kind"], unique=False)
    op.create_table(
        "identity_limit",
        sa.Column("scope", sa.String(length=8), nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("part", sa.String(length=128), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("failures >= 0", name=op.f("ck_identity_limit_failures")),
        sa.PrimaryKeyConstraint("scope", "subject", "part", name=op.f("pk_identity_limit")),
    )
    for table in ("identity_challenge", "proof"):
        op.add_column(table, sa.Column("claim_id", sa.String(length=26), nullable=True))
        op.create_foreign_key(op.f(f"fk_{table}_claim_id"), table, "identity_claim", ["claim_id"], ["id"])
    for table, changing in MAY_CHANGE.items():
        guard(table, changing)
    op.execute(
        "CREATE TRIGGER identity_limit_rows BEFORE UPDATE OF scope, subject, part OR DELETE ON identity_limit "
        "FOR EACH ROW EXECUTE FUNCTION refuse_rewriting()"
    )
    op.execute(
        "CREATE TRIGGER identity_limit_whole BEFORE TRUNCATE ON identity_limit "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting()"
    )
    op.execute(grants())


def downgrade() -> None:
    """Forward-only: records are never taken back."""
    raise NotImplementedError("Migrations go forward only. Restore a backup to go back.")
