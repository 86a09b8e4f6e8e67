"""Recoveries of forgotten credentials, and how fast strangers may ask.

Steps, codes, questions and hand-overs belong to an incident or to a credential recovery. A foreign key names one table
only, so the six that stood on `incident` become a trigger that knows both.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

BELONGING = (
    "step_attempt",
    "step",
    "notice_outbox",
    "identity_challenge",
    "decision_task",
    "hand_over",
)
"""Tables of which `incident_id` names an incident or a credential recovery."""

# After the statement, as a foreign key looks: intake opens an incident and its first attempt in one.
OF_SOMETHING = """
CREATE FUNCTION refuse_unknown_case() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM incident WHERE id = NEW.incident_id)
       AND NOT EXISTS (SELECT FROM credential_recovery WHERE id = NEW.incident_id) THEN
        RAISE EXCEPTION USING ERRCODE = 'foreign_key_violation', CONSTRAINT = TG_NAME, TABLE = TG_TABLE_NAME,
            MESSAGE = format('%s belongs to no incident and no credential recovery', TG_TABLE_NAME);
    END IF;
    RETURN NULL;
END $$
"""

AS_ASKED = ("id", "token_digest", "asked", "opened_at", "expires_at", "trusted_before")
"""Of a recovery nobody rewrites these."""

GRANTS = """
DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'stanch_app') THEN
        REVOKE ALL ON credential_recovery, request_pace FROM stanch_app;
        GRANT SELECT, INSERT ON credential_recovery, request_pace TO stanch_app;
        GRANT UPDATE (account_id, state, ending, ended_at, help_wanted_at, proven_at, renewed_at, alarm_incident_id)
            ON credential_recovery TO stanch_app;
        GRANT UPDATE (next_at), DELETE ON request_pace TO stanch_app;
    END IF;
END $$
"""


def upgrade() -> None:
    """Forward."""
    op.create_table(
        "credential_recovery",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("token_digest", sa.String(length=64), nullable=False),
        sa.Column("asked", sa.LargeBinary(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("trusted_before", sa.DateTime(timezone=True), nullable=False),
        sa.Column("account_id", sa.String(length=64), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("ending", sa.String(length=16), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("help_wanted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("proven_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("renewed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("alarm_incident_id", sa.String(length=26), nullable=True),
        sa.CheckConstraint(
            "(state IN ('renewed', 'ended')) = (ending IS NOT NULL)",
            name=op.f("ck_credential_recovery_ending"),
        ),
        sa.CheckConstraint(
            "state IN ('asked', 'codes_sent', 'with_agent', 'proven', 'link_sent', 'renewed', 'ended')",
            name=op.f("ck_credential_recovery_state"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credential_recovery")),
        sa.UniqueConstraint("token_digest", name=op.f("uq_credential_recovery_token_digest")),
    )
    op.create_index(
        "ix_credential_recovery_account",
        "credential_recovery",
        ["account_id"],
        unique=False,
        postgresql_where=sa.text("account_id IS NOT NULL"),
    )
    op.create_index("ix_credential_recovery_opened", "credential_recovery", ["opened_at", "id"], unique=False)
    op.create_table(
        "request_pace",
        sa.Column("scope", sa.String(length=16), nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("scope", "subject", name=op.f("pk_request_pace")),
    )
    op.create_index("ix_request_pace_next_at", "request_pace", ["next_at"], unique=False)
    op.execute(OF_SOMETHING)
    for table in BELONGING:
        op.drop_constraint(op.f(f"fk_{table}_incident_id"), table, type_="foreignkey")
        op.execute(
            f"CREATE CONSTRAINT TRIGGER {table}_case AFTER INSERT ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION refuse_unknown_case()"
        )
    op.execute(
        f"CREATE TRIGGER credential_recovery_rows BEFORE UPDATE OF {', '.join(AS_ASKED)} OR DELETE "
        "ON credential_recovery FOR EACH ROW EXECUTE FUNCTION refuse_rewriting()"
    )
    op.execute(
        "CREATE TRIGGER credential_recovery_whole BEFORE TRUNCATE ON credential_recovery "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting()"
    )
    op.execute(GRANTS)


def downgrade() -> None:
    """Forward-only: records are never taken back."""
    raise NotImplementedError("Migrations go forward only. Restore a backup to go back.")
