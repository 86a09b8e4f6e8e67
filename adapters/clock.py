"""The time of day."""

from __future__ import annotations

from datetime import UTC, datetime


class SystemClock:
    """This machine's clock (port `Clock`); `doctor` compares it with the database's and the wallet's."""

    def now(self) -> datetime:
        """The current instant, aware, UTC."""
        return datetime.now(UTC)
