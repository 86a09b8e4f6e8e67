"""For what the failures of self-service are counted: the number or address that was asked for, never an account.

Recoveries begun before this migration count for themselves: what was asked lies sealed, and none of them can be answered a day
later.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

GRANTS = """
DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'stanch_app') THEN
        GRANT UPDATE (counted_for) ON credential_recovery TO stanch_app;
    END IF;
END $$
"""


def upgrade() -> None:
    """Forward."""
    op.add_column("credential_recovery", sa.Column("counted_for", sa.String(length=64), nullable=True))
    # It says, to whoever has the master key, which number was asked for: erasing takes it away, and nothing else changes it.
    op.execute(
        "CREATE TRIGGER credential_recovery_counted BEFORE UPDATE OF counted_for ON credential_recovery "
        "FOR EACH ROW WHEN (NEW.counted_for IS NOT NULL) EXECUTE FUNCTION refuse_rewriting()"
    )
    op.execute(GRANTS)


def downgrade() -> None:
    """Forward-only: records are never taken back."""
    raise NotImplementedError("Migrations go forward only. Restore a backup to go back.")
