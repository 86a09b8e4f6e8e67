"""Recalls: what is asked of other institutions, word for word, and what they answer."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

AS_IT_CAME = ("id", "digest", "size", "content", "sender", "sender_role", "received_at")
"""Of an answer nobody rewrites these; the rest says what was made of it."""

GRANTS = """
DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'stanch_app') THEN
        REVOKE ALL ON recall, recall_message, recall_answer FROM stanch_app;
        GRANT SELECT, INSERT ON recall, recall_message, recall_answer TO stanch_app;
        GRANT UPDATE ON recall TO stanch_app;
        GRANT UPDATE (verdict, quarantine, detail, recall_id, reference, meaning, settled_at, taken_at)
            ON recall_answer TO stanch_app;
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
        "recall",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("incident_id", sa.String(length=26), nullable=False),
        sa.Column("episode", sa.Integer(), nullable=False),
        sa.Column("transfer_seq", sa.BigInteger(), nullable=False),
        sa.Column("transfer_id", sa.Text(), nullable=False),
        sa.Column("exit_account", sa.Text(), nullable=False),
        sa.Column("exit_kind", sa.String(length=16), nullable=False),
        sa.Column("institution", sa.String(length=40), nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("asked", sa.BigInteger(), nullable=False),
        sa.Column("promised", sa.BigInteger(), nullable=False),
        sa.Column("received", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("answer", sa.String(length=16), nullable=True),
        sa.Column("refusal", sa.String(length=24), nullable=True),
        sa.Column("ending", sa.String(length=24), nullable=True),
        sa.Column("uetr", sa.Text(), nullable=True),
        sa.Column("end_to_end_id", sa.Text(), nullable=True),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("chases", sa.Integer(), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdraw_asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_wake_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("wakes", sa.Integer(), nullable=False),
        sa.CheckConstraint("(state = 'closed') = (ending IS NOT NULL)", name=op.f("ck_recall_ending")),
        sa.CheckConstraint(
            "asked > 0 AND asked <= amount AND promised <= asked AND received <= asked",
            name=op.f("ck_recall_sums"),
        ),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_recall_incident_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recall")),
        sa.UniqueConstraint("incident_id", "transfer_seq", name=op.f("uq_recall_incident_id_transfer_seq")),
    )
    op.create_index(
        "ix_recall_end_to_end_id",
        "recall",
        ["end_to_end_id"],
        unique=False,
        postgresql_where=sa.text("end_to_end_id IS NOT NULL"),
    )
    op.create_index(
        "ix_recall_open",
        "recall",
        ["next_wake_at"],
        unique=False,
        postgresql_where=sa.text("state <> 'closed'"),
    )
    op.create_index("ix_recall_transfer", "recall", ["transfer_id"], unique=False)
    op.create_index("ix_recall_opened", "recall", ["opened_at", "id"], unique=False)
    op.create_index(
        "ix_recall_withdrawing",
        "recall",
        ["id"],
        unique=False,
        postgresql_where=sa.text("withdraw_asked_at IS NOT NULL AND state <> 'closed'"),
    )
    op.create_index(
        "ix_recall_uetr", "recall", ["uetr"], unique=False, postgresql_where=sa.text("uetr IS NOT NULL")
    )
    op.create_table(
        "recall_answer",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("sender", sa.String(length=64), nullable=False),
        sa.Column("sender_role", sa.String(length=16), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("verdict", sa.String(length=16), nullable=False),
        sa.Column("quarantine", sa.String(length=24), nullable=True),
        sa.Column("detail", sa.String(length=300), nullable=True),
        sa.Column("recall_id", sa.String(length=26), nullable=True),
        sa.Column("reference", sa.String(length=64), nullable=True),
        sa.Column("meaning", sa.String(length=64), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(verdict = 'quarantined') = (quarantine IS NOT NULL)", name=op.f("ck_recall_answer_quarantine")
        ),
        sa.CheckConstraint(
            "verdict IN ('received', 'matched', 'duplicate', 'quarantined')",
            name=op.f("ck_recall_answer_verdict"),
        ),
        sa.ForeignKeyConstraint(["recall_id"], ["recall.id"], name=op.f("fk_recall_answer_recall_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recall_answer")),
        sa.UniqueConstraint("digest", "sender", name=op.f("uq_recall_answer_digest_sender")),
    )
    op.create_index("ix_recall_answer_received", "recall_answer", ["received_at", "id"], unique=False)
    op.create_index(
        "ix_recall_answer_unjudged",
        "recall_answer",
        ["received_at"],
        unique=False,
        postgresql_where=sa.text("verdict = 'received'"),
    )
    op.create_index(
        "ix_recall_answer_waiting",
        "recall_answer",
        ["recall_id"],
        unique=False,
        postgresql_where=sa.text("verdict = 'matched' AND taken_at IS NULL"),
    )
    op.create_index(
        "uq_recall_answer_matched",
        "recall_answer",
        ["recall_id", "reference"],
        unique=True,
        postgresql_where=sa.text("verdict = 'matched'"),
    )
    op.create_table(
        "recall_message",
        sa.Column("id", sa.String(length=35), nullable=False),
        sa.Column("recall_id", sa.String(length=26), nullable=False),
        sa.Column("step_id", sa.String(length=26), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("institution", sa.String(length=40), nullable=False),
        sa.Column("format", sa.String(length=16), nullable=False),
        sa.Column("channel", sa.String(length=8), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["recall_id"], ["recall.id"], name=op.f("fk_recall_message_recall_id")),
        sa.ForeignKeyConstraint(["step_id"], ["step.id"], name=op.f("fk_recall_message_step_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recall_message")),
    )
    op.create_index("ix_recall_message_recall", "recall_message", ["recall_id", "sent_at"], unique=False)
    paid_in = sa.text("bank IS NOT NULL AND dst_kind IN ('wallet', 'pooling')")
    for name, reference in (
        ("ix_transfer_index_in_uetr", "uetr"),
        ("ix_transfer_index_in_reference", "end_to_end_id"),
    ):
        op.create_index(
            name,
            "transfer_index",
            [sa.text(f"(bank ->> '{reference}')")],
            unique=False,
            postgresql_where=paid_in,
        )
    triggers("recall", fixed="UPDATE OF id, incident_id, episode, transfer_seq, currency, amount, asked")
    triggers("recall_message", fixed="UPDATE")
    triggers("recall_answer", fixed=f"UPDATE OF {', '.join(AS_IT_CAME)}")
    op.execute(GRANTS)


def downgrade() -> None:
    """Forward-only: records are never taken back."""
    raise NotImplementedError("Migrations go forward only. Restore a backup to go back.")
