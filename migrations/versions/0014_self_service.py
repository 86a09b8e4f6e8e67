"""For what the failures of self-service are counted: the number or address that was asked for, never an account.

Recoveries begun before this migration count for themselves: what was asked lies sealed, and none of them can be answered a day
later.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0011"
branch_labels = None
depends_on = None

AS_ASKED = (
    "id",
    "token_digest",
    "asked",
    "opened_at",
    "expires_at",
    "trusted_before",
    "counted_for",
)
"""Of a recovery nobody rewrites these."""


def upgrade() -> None:
    """Forward."""
    op.add_column("credential_recovery", sa.Column("counted_for", sa.String(length=64), nullable=True))
    op.execute("DROP TRIGGER IF EXISTS credential_recovery_rows ON credential_recovery")
    op.execute(
        f"CREATE TRIGGER credential_recovery_rows BEFORE UPDATE OF {', '.join(AS_ASKED)} OR DELETE "
        "ON credential_recovery FOR EACH ROW EXECUTE FUNCTION refuse_rewriting()"
    )


def downgrade() -> None:
    """Forward-only: records are never taken back."""
    raise NotImplementedError("Migrations go forward only. Restore a backup to go back.")
