"""Payments that were stopped on their way (use_cases.victims_figures.StoppedPayments)."""

from __future__ import annotations

from sqlalchemy import distinct, func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.sql.engine import statement
from models.names import PaymentState
from models.tables.payments import InFlightPayment


class SqlStoppedPayments:
    """Counts."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def stopped(self, incident_id: str) -> int:
        """See use_cases.victims_figures.StoppedPayments. A later episode finds stopped what an earlier one stopped."""
        query = select(func.count(distinct(InFlightPayment.payment_id))).where(
            InFlightPayment.incident_id == incident_id,
            InFlightPayment.state == PaymentState.STOPPED.value,
        )
        async with statement(self._engine) as connection:
            return await connection.scalar(query) or 0
