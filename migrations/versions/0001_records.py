"""The first tables: incidents, steps, people, holds, the transfer index and traces."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


APPEND_ONLY = (
    "step",
    "step_attempt",
    "ledger_outbox",
    "decision_approval",
    "freeze_time",
    "reset_receipt",
    "theft",
)
"""Records that nobody rewrites: a trigger refuses it to everyone, the owner included."""

MAY_CHANGE = {
    "alarm": ("acknowledged_at",),
    "decision_request": ("withdrawn_at", "declined_at"),
    "decision_task": ("closed_at",),
    "operator": ("disabled_at",),
    "proof": ("voided_at",),
    "data_key": ("wrapped", "destroyed_at"),
}
"""Records of which only these columns ever change; the others are refused to everyone, too."""

MOVING = ("discrepancy", "hand_over", "hold_claim", "identity_challenge", "incident", "notice_outbox")
"""Rows that move forward and are never deleted."""

WRITTEN_ONCE = ("trace_run", "trace_edge", "trace_lot")
"""Traces: inserted in one transaction, never changed by the application. The owner may clear them away."""

OWN_INDEX = ("transfer_index", "transfer_account", "transfer_hold", "transfer_feed")
"""A copy of what the wallet says, cut anew where a hold takes units out of an account's queue."""

REFUSE = """
CREATE FUNCTION refuse_rewriting() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is a record: this % is refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';
END $$
"""


def grants() -> str:
    """What the application's role may do, table by table, whatever default privileges gave it; nothing where it is absent."""
    statements = [
        "REVOKE ALL ON ALL TABLES IN SCHEMA public FROM stanch_app",
        "GRANT SELECT ON ALL TABLES IN SCHEMA public TO stanch_app",
        "GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO stanch_app",
        f"GRANT INSERT ON {', '.join((*APPEND_ONLY, *MAY_CHANGE, *MOVING, *WRITTEN_ONCE, *OWN_INDEX))} TO stanch_app",
        *(
            f"GRANT UPDATE ({', '.join(columns)}) ON {table} TO stanch_app"
            for table, columns in MAY_CHANGE.items()
        ),
        f"GRANT UPDATE ON {', '.join(MOVING)} TO stanch_app",
        f"GRANT UPDATE, DELETE ON {', '.join(OWN_INDEX)} TO stanch_app",
    ]
    lines = "".join(f"        {statement};\n" for statement in statements)
    return (
        "DO $$ BEGIN\n    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'stanch_app') THEN\n"
        f"{lines}    END IF;\nEND $$"
    )


def triggers(table: str, *, fixed: str) -> None:
    """Refuse to delete from `table`, to empty it, and the update that `fixed` says (`UPDATE`, `UPDATE OF column, ...`)."""
    for name, event in (
        ("rows", f"BEFORE {fixed} OR DELETE ON {table} FOR EACH ROW"),
        ("whole", f"BEFORE TRUNCATE ON {table} FOR EACH STATEMENT"),
    ):
        op.execute(f"CREATE TRIGGER {table}_{name} {event} EXECUTE FUNCTION refuse_rewriting()")


def upgrade() -> None:
    """Forward."""
    op.create_table(
        "data_key",
        sa.Column("incident_id", sa.String(length=26), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("destroyed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("incident_id", name=op.f("pk_data_key")),
    )
    op.create_table(
        "discrepancy",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("subject", sa.String(length=160), nullable=False),
        sa.Column("account_id", sa.String(length=64), nullable=False),
        sa.Column("incident_id", sa.String(length=26), nullable=True),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_discrepancy")),
    )
    op.create_index(
        "uq_discrepancy_open",
        "discrepancy",
        ["kind", "subject"],
        unique=True,
        postgresql_where=sa.text("resolved_at IS NULL"),
    )
    op.create_table(
        "incident",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("account_id", sa.String(length=64), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("episode", sa.Integer(), nullable=False),
        sa.Column("scope", sa.String(length=16), nullable=False),
        sa.Column("provisional", sa.Boolean(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("episode_opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("compromised_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("frozen_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("renewals", sa.Integer(), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.String(length=16), nullable=True),
        sa.Column("summary", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("workflow_id", sa.String(length=80), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incident")),
    )
    op.create_index("ix_incident_account", "incident", ["account_id", "opened_at"], unique=False)
    op.create_index("ix_incident_opened", "incident", ["opened_at", "id"], unique=False)
    op.create_index(
        "uq_incident_open_account",
        "incident",
        ["account_id"],
        unique=True,
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_table(
        "operator",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("credential_digest", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_operator")),
        sa.UniqueConstraint("credential_digest", name=op.f("uq_operator_credential_digest")),
        sa.UniqueConstraint("name", name=op.f("uq_operator_name")),
    )
    op.create_table(
        "trace_edge",
        sa.Column("trace_id", sa.String(length=64), nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("src_lo", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("transfer_id", sa.Text(), nullable=False),
        sa.Column("src", sa.Text(), nullable=False),
        sa.Column("dst", sa.Text(), nullable=False),
        sa.Column("dst_kind", sa.String(length=16), nullable=False),
        sa.Column("src_hi", sa.BigInteger(), nullable=False),
        sa.Column("dst_lo", sa.BigInteger(), nullable=False),
        sa.Column("hop", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("trace_id", "seq", "src_lo", name=op.f("pk_trace_edge")),
    )
    op.create_table(
        "trace_lot",
        sa.Column("trace_id", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("lo", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hi", sa.BigInteger(), nullable=False),
        sa.Column("account_kind", sa.String(length=16), nullable=False),
        sa.Column("place", sa.String(length=16), nullable=False),
        sa.Column("hop", sa.Integer(), nullable=False),
        sa.Column("last_seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("trace_id", "account_id", "lo", name=op.f("pk_trace_lot")),
    )
    op.create_table(
        "trace_run",
        sa.Column("trace_id", sa.String(length=64), nullable=False),
        sa.Column("incident_id", sa.String(length=26), nullable=False),
        sa.Column("episode", sa.Integer(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("rule", sa.String(length=16), nullable=False),
        sa.Column("victim", sa.Text(), nullable=False),
        sa.Column("thefts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("upto_seq", sa.BigInteger(), nullable=False),
        sa.Column("upto_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("feed_behind_ms", sa.BigInteger(), nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("stolen", sa.BigInteger(), nullable=False),
        sa.Column("held", sa.BigInteger(), nullable=False),
        sa.Column("exited", sa.BigInteger(), nullable=False),
        sa.Column("pooled", sa.BigInteger(), nullable=False),
        sa.Column("returned", sa.BigInteger(), nullable=False),
        sa.Column("pruned", sa.BigInteger(), nullable=False),
        sa.Column("edges", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("trace_id", name=op.f("pk_trace_run")),
    )
    op.create_index("ix_trace_run_incident", "trace_run", ["incident_id", "episode"], unique=False)
    op.create_table(
        "transfer_account",
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("opening", sa.BigInteger(), nullable=False),
        sa.Column("inferred", sa.BigInteger(), nullable=False),
        sa.Column("axis_start", sa.BigInteger(), nullable=False),
        sa.Column("total_in", sa.BigInteger(), nullable=False),
        sa.Column("total_out", sa.BigInteger(), nullable=False),
        sa.Column("gaps", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.PrimaryKeyConstraint("account_id", "currency", name=op.f("pk_transfer_account")),
    )
    op.create_index(
        "ix_transfer_account_inferred",
        "transfer_account",
        ["currency", "account_id"],
        unique=False,
        postgresql_where=sa.text("inferred > 0"),
    )
    op.create_table(
        "transfer_feed",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("upto_seq", sa.BigInteger(), nullable=False),
        sa.Column("upto_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("head_seq", sa.BigInteger(), nullable=False),
        sa.Column("head_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("stopped_seq", sa.BigInteger(), nullable=True),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("openings_loaded", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_transfer_feed")),
    )
    op.create_table(
        "transfer_hold",
        sa.Column("hold_id", sa.Text(), nullable=False),
        sa.Column("piece", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("lo", sa.BigInteger(), nullable=False),
        sa.Column("hi", sa.BigInteger(), nullable=False),
        sa.Column("effective_seq", sa.BigInteger(), nullable=False),
        sa.Column("released_seq", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("hold_id", "piece", name=op.f("pk_transfer_hold")),
    )
    op.create_index("ix_transfer_hold_account", "transfer_hold", ["account_id", "currency"], unique=False)
    op.create_table(
        "transfer_index",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("part", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("transfer_id", sa.Text(), nullable=False),
        sa.Column("src", sa.Text(), nullable=False),
        sa.Column("dst", sa.Text(), nullable=False),
        sa.Column("src_kind", sa.String(length=16), nullable=False),
        sa.Column("dst_kind", sa.String(length=16), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("out_pos", sa.BigInteger(), nullable=True),
        sa.Column("in_pos", sa.BigInteger(), nullable=True),
        sa.Column("posted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("device_id", sa.Text(), nullable=True),
        sa.Column("session_id", sa.Text(), nullable=True),
        sa.Column("reverses", sa.Text(), nullable=True),
        sa.Column("hold_id", sa.Text(), nullable=True),
        sa.Column("bank", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.PrimaryKeyConstraint("seq", "part", name=op.f("pk_transfer_index")),
    )
    op.create_index("ix_transfer_index_paid_in", "transfer_index", ["dst", "currency", "seq"], unique=False)
    op.create_index(
        "ix_transfer_index_spent",
        "transfer_index",
        ["src", "currency", "out_pos"],
        unique=False,
        postgresql_include=["amount", "in_pos", "seq", "dst", "dst_kind", "transfer_id"],
    )
    op.create_index("uq_transfer_index_transfer_id", "transfer_index", ["transfer_id", "part"], unique=True)
    op.create_table(
        "alarm",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.Column("source_id", sa.String(length=64), nullable=False),
        sa.Column("content_digest", sa.String(length=64), nullable=False),
        sa.Column("incident_id", sa.String(length=26), nullable=False),
        sa.Column("episode", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("scope", sa.String(length=16), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("compromised_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("stolen_transfers", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("detail", sa.LargeBinary(), nullable=True),
        sa.Column("late", sa.Boolean(), nullable=False),
        sa.Column("held_back", sa.Boolean(), nullable=False),
        sa.Column("sender", sa.String(length=64), nullable=False),
        sa.Column("sender_role", sa.String(length=16), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("acknowledged_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_alarm_incident_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alarm")),
    )
    op.create_index("ix_alarm_incident", "alarm", ["incident_id"], unique=False)
    op.create_index(
        "ix_alarm_unacknowledged",
        "alarm",
        ["incident_id"],
        unique=False,
        postgresql_where=sa.text("acknowledged_at IS NULL"),
    )
    op.create_index("uq_alarm_source_source_id", "alarm", ["source", "source_id"], unique=True)
    op.create_table(
        "decision_task",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("incident_id", sa.String(length=26), nullable=False),
        sa.Column("episode", sa.Integer(), nullable=False),
        sa.Column("task_key", sa.String(length=80), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("action", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("action_digest", sa.String(length=64), nullable=False),
        sa.Column("choices", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("four_eyes", sa.Boolean(), nullable=False),
        sa.Column("approver_role", sa.String(length=16), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_decision_task_incident_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_decision_task")),
        sa.UniqueConstraint("id", "action_digest", name=op.f("uq_decision_task_id_action_digest")),
        sa.UniqueConstraint(
            "incident_id", "episode", "task_key", name=op.f("uq_decision_task_incident_id_episode_task_key")
        ),
    )
    op.create_index(
        "ix_decision_task_open",
        "decision_task",
        ["created_at"],
        unique=False,
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_table(
        "hand_over",
        sa.Column("incident_id", sa.String(length=26), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("next_try_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_hand_over_incident_id")),
        sa.PrimaryKeyConstraint("incident_id", name=op.f("pk_hand_over")),
    )
    op.create_index(
        "ix_hand_over_due",
        "hand_over",
        ["next_try_at"],
        unique=False,
        postgresql_where=sa.text("done_at IS NULL"),
    )
    op.create_table(
        "hold_claim",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("incident_id", sa.String(length=26), nullable=False),
        sa.Column("episode", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.String(length=64), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("claimed_lo", sa.BigInteger(), nullable=False),
        sa.Column("claimed_hi", sa.BigInteger(), nullable=False),
        sa.Column("lo", sa.BigInteger(), nullable=False),
        sa.Column("hi", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("trace_id", sa.String(length=64), nullable=False),
        sa.Column("theft_seq", sa.BigInteger(), nullable=False),
        sa.Column("effective_seq", sa.BigInteger(), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("placed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_reason", sa.String(length=32), nullable=True),
        sa.CheckConstraint("state IN ('claimed', 'placed', 'ended')", name=op.f("ck_hold_claim_state")),
        sa.CheckConstraint("lo < hi", name=op.f("ck_hold_claim_interval")),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_hold_claim_incident_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hold_claim")),
    )
    op.create_index(
        "ix_hold_claim_active",
        "hold_claim",
        ["account_id", "currency", "lo"],
        unique=False,
        postgresql_where=sa.text("state <> 'ended'"),
    )
    op.create_index(op.f("ix_hold_claim_incident_id"), "hold_claim", ["incident_id"], unique=False)
    op.create_table(
        "identity_challenge",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("incident_id", sa.String(length=26), nullable=False),
        sa.Column("episode", sa.Integer(), nullable=False),
        sa.Column("contact_id", sa.String(length=64), nullable=False),
        sa.Column("channel", sa.String(length=8), nullable=False),
        sa.Column("contact_set_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("code_digest", sa.String(length=64), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("attempts_allowed", sa.Integer(), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("voided_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("attempts <= attempts_allowed", name=op.f("ck_identity_challenge_attempts")),
        sa.ForeignKeyConstraint(
            ["incident_id"], ["incident.id"], name=op.f("fk_identity_challenge_incident_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identity_challenge")),
        sa.UniqueConstraint(
            "incident_id",
            "episode",
            "contact_id",
            name=op.f("uq_identity_challenge_incident_id_episode_contact_id"),
        ),
    )
    op.create_table(
        "step_attempt",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("incident_id", sa.String(length=26), nullable=False),
        sa.Column("episode", sa.Integer(), nullable=False),
        sa.Column("step_key", sa.String(length=160), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("actor", sa.String(length=16), nullable=False),
        sa.Column("role", sa.String(length=64), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("workflow_id", sa.String(length=160), nullable=True),
        sa.Column("run_id", sa.String(length=64), nullable=True),
        sa.Column("activity_id", sa.String(length=64), nullable=True),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("gateway_attempt", sa.String(length=64), nullable=True),
        sa.Column("input_digest", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_step_attempt_incident_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_step_attempt")),
    )
    op.create_index(
        "ix_step_attempt_step", "step_attempt", ["incident_id", "episode", "step_key"], unique=False
    )
    op.create_table(
        "theft",
        sa.Column("incident_id", sa.String(length=26), nullable=False),
        sa.Column("transfer_id", sa.String(length=64), nullable=False),
        sa.Column("basis", sa.String(length=24), nullable=False),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_theft_incident_id")),
        sa.PrimaryKeyConstraint("incident_id", "transfer_id", name=op.f("pk_theft")),
    )
    op.create_table(
        "decision_request",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("task_id", sa.String(length=26), nullable=False),
        sa.Column("action_digest", sa.String(length=64), nullable=False),
        sa.Column("choice", sa.String(length=32), nullable=False),
        sa.Column("reason", sa.LargeBinary(), nullable=False),
        sa.Column("requested_by", sa.String(length=26), nullable=False),
        sa.Column("requested_role", sa.String(length=16), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("declined_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["requested_by"], ["operator.id"], name=op.f("fk_decision_request_requested_by")
        ),
        sa.ForeignKeyConstraint(
            ["task_id", "action_digest"],
            ["decision_task.id", "decision_task.action_digest"],
            name=op.f("fk_decision_request_task_id_action_digest"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_decision_request")),
        sa.UniqueConstraint(
            "id",
            "requested_by",
            "action_digest",
            name=op.f("uq_decision_request_id_requested_by_action_digest"),
        ),
    )
    op.create_index(
        "uq_decision_request_standing",
        "decision_request",
        ["task_id"],
        unique=True,
        postgresql_where=sa.text("withdrawn_at IS NULL AND declined_at IS NULL"),
    )
    op.create_table(
        "step",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("sequence", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("attempt_id", sa.String(length=26), nullable=False),
        sa.Column("incident_id", sa.String(length=26), nullable=False),
        sa.Column("episode", sa.Integer(), nullable=False),
        sa.Column("step_key", sa.String(length=160), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("status", sa.String(length=8), nullable=False),
        sa.Column("actor", sa.String(length=16), nullable=False),
        sa.Column("role", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("receipt_id", sa.String(length=64), nullable=True),
        sa.Column("receipt_digest", sa.String(length=64), nullable=True),
        sa.Column("effective_seq", sa.BigInteger(), nullable=True),
        sa.Column("effective_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("input", sa.LargeBinary(), nullable=False),
        sa.Column("input_digest", sa.String(length=64), nullable=False),
        sa.Column("result", sa.LargeBinary(), nullable=False),
        sa.Column("result_digest", sa.String(length=64), nullable=False),
        sa.Column("workflow_id", sa.String(length=160), nullable=True),
        sa.Column("run_id", sa.String(length=64), nullable=True),
        sa.Column("activity_id", sa.String(length=64), nullable=True),
        sa.Column("gateway_attempt", sa.String(length=64), nullable=True),
        sa.Column("wallet_ack_ms", sa.Integer(), nullable=True),
        sa.Column("committed_ms", sa.Integer(), nullable=True),
        sa.CheckConstraint("status IN ('done', 'refused')", name=op.f("ck_step_status")),
        sa.ForeignKeyConstraint(["attempt_id"], ["step_attempt.id"], name=op.f("fk_step_attempt_id")),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_step_incident_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_step")),
        sa.UniqueConstraint("attempt_id", name=op.f("uq_step_attempt_id")),
        sa.UniqueConstraint("sequence", name=op.f("uq_step_sequence")),
    )
    op.create_index("ix_step_incident", "step", ["incident_id", "sequence"], unique=False)
    op.create_index(
        "uq_step_done",
        "step",
        ["incident_id", "episode", "step_key"],
        unique=True,
        postgresql_where=sa.text("status = 'done'"),
    )
    op.create_table(
        "decision_approval",
        sa.Column("request_id", sa.String(length=26), nullable=False),
        sa.Column("requested_by", sa.String(length=26), nullable=False),
        sa.Column("action_digest", sa.String(length=64), nullable=False),
        sa.Column("approved_by", sa.String(length=26), nullable=False),
        sa.Column("approved_role", sa.String(length=16), nullable=False),
        sa.Column("verdict", sa.String(length=8), nullable=False),
        sa.Column("reason", sa.LargeBinary(), nullable=False),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("verdict IN ('approved', 'declined')", name=op.f("ck_decision_approval_verdict")),
        sa.CheckConstraint("approved_by <> requested_by", name=op.f("ck_decision_approval_four_eyes")),
        sa.ForeignKeyConstraint(
            ["approved_by"], ["operator.id"], name=op.f("fk_decision_approval_approved_by")
        ),
        sa.ForeignKeyConstraint(
            ["request_id", "requested_by", "action_digest"],
            ["decision_request.id", "decision_request.requested_by", "decision_request.action_digest"],
            name=op.f("fk_decision_approval_request_id_requested_by_action_digest"),
        ),
        sa.PrimaryKeyConstraint("request_id", name=op.f("pk_decision_approval")),
    )
    op.create_table(
        "freeze_time",
        sa.Column("step_id", sa.String(length=26), nullable=False),
        sa.Column("wallet_ack_ms", sa.Integer(), nullable=False),
        sa.Column("committed_ms", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["step_id"], ["step.id"], name=op.f("fk_freeze_time_step_id")),
        sa.PrimaryKeyConstraint("step_id", name=op.f("pk_freeze_time")),
    )
    op.create_table(
        "ledger_outbox",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("step_id", sa.String(length=26), nullable=False),
        sa.Column("leaf", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["step_id"], ["step.id"], name=op.f("fk_ledger_outbox_step_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_outbox")),
        sa.UniqueConstraint("step_id", name=op.f("uq_ledger_outbox_step_id")),
    )
    op.create_table(
        "notice_outbox",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("incident_id", sa.String(length=26), nullable=False),
        sa.Column("step_id", sa.String(length=26), nullable=False),
        sa.Column("template", sa.String(length=64), nullable=False),
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("next_try_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_notice_outbox_incident_id")),
        sa.ForeignKeyConstraint(["step_id"], ["step.id"], name=op.f("fk_notice_outbox_step_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice_outbox")),
    )
    op.create_index(
        "ix_notice_outbox_due",
        "notice_outbox",
        ["next_try_at"],
        unique=False,
        postgresql_where=sa.text("delivered_at IS NULL"),
    )
    op.create_table(
        "proof",
        sa.Column("step_id", sa.String(length=26), nullable=False),
        sa.Column("incident_id", sa.String(length=26), nullable=False),
        sa.Column("episode", sa.Integer(), nullable=False),
        sa.Column("factors", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("newest_contact_set_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("proven_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("voided_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_proof_incident_id")),
        sa.ForeignKeyConstraint(["step_id"], ["step.id"], name=op.f("fk_proof_step_id")),
        sa.PrimaryKeyConstraint("step_id", name=op.f("pk_proof")),
    )
    op.create_index(op.f("ix_proof_incident_id"), "proof", ["incident_id"], unique=False)
    op.create_table(
        "reset_receipt",
        sa.Column("step_id", sa.String(length=26), nullable=False),
        sa.Column("incident_id", sa.String(length=26), nullable=False),
        sa.Column("episode", sa.Integer(), nullable=False),
        sa.Column("item", sa.String(length=24), nullable=False),
        sa.Column("receipt_id", sa.String(length=64), nullable=False),
        sa.Column("set_since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reset_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_reset_receipt_incident_id")),
        sa.ForeignKeyConstraint(["step_id"], ["step.id"], name=op.f("fk_reset_receipt_step_id")),
        sa.PrimaryKeyConstraint("step_id", name=op.f("pk_reset_receipt")),
    )
    op.create_index(
        "ix_reset_receipt_item", "reset_receipt", ["incident_id", "episode", "item"], unique=False
    )
    op.execute(REFUSE)
    for table in APPEND_ONLY:
        triggers(table, fixed="UPDATE")
    for table, changing in MAY_CHANGE.items():
        columns = [column["name"] for column in sa.inspect(op.get_bind()).get_columns(table)]
        triggers(table, fixed=f"UPDATE OF {', '.join(name for name in columns if name not in changing)}")
    for table in MOVING:
        triggers(table, fixed="UPDATE OF id" if table != "hand_over" else "UPDATE OF incident_id")
    op.execute(grants())


def downgrade() -> None:
    """Forward-only: records are never taken back."""
    raise NotImplementedError("Migrations go forward only. Restore a backup to go back.")
