"""What decisions have paid out of holds is told apart in the transfer index: it is its owner's, and nobody's trace follows it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

AWARDED = """
UPDATE transfer_index AS t SET dst_kind = 'awarded', undone = false
FROM transfer_hold AS h
WHERE t.hold_id IS NOT NULL AND h.hold_id = t.hold_id AND h.account_id = t.src AND h.currency = t.currency
  AND h.effective_seq < t.seq AND t.dst_kind = 'wallet'
"""
"""One reading of the index: nothing finds payments by the hold they name."""


def upgrade() -> None:
    """Forward. Traces over the index as it was are other traces now; each incident's is renewed with its next look."""
    op.execute(AWARDED)
    op.execute("UPDATE transfer_feed SET generation = generation + 1")
    for table in ("trace_edge", "trace_carried"):
        op.create_index(
            f"ix_{table}_awarded",
            table,
            ["trail_id", "seq"],
            postgresql_where=sa.text("dst_kind = 'awarded'"),
        )


def downgrade() -> None:
    """Forward-only: records are never taken back."""
    raise NotImplementedError("Migrations go forward only. Restore a backup to go back.")
