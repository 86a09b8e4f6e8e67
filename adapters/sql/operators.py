"""Operators and their credentials (use_cases.ports.Operators), and the measured intervals of freezes."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.sql.engine import statement
from models.contracts.alarms import FreezeTimes, Sender
from models.errors import ErrorCode, StanchError
from models.names import Role
from models.tables.people import Operator
from models.tables.steps import FreezeTime


class SqlOperators:
    """Table operator."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def by_credential(self, digest: str) -> Sender | None:
        """See use_cases.ports.Operators."""
        async with statement(self._engine) as connection:
            row = (
                await connection.execute(
                    select(Operator.id, Operator.name, Operator.role).where(
                        Operator.credential_digest == digest, Operator.disabled_at.is_(None)
                    )
                )
            ).one_or_none()
        return None if row is None else Sender(operator_id=row.id, name=row.name, role=Role(row.role))

    async def create(self, *, operator_id: str, name: str, role: Role, digest: str, at: datetime) -> None:
        """See use_cases.ports.Operators."""
        async with statement(self._engine) as connection:
            written = await connection.execute(
                insert(Operator)
                .values(id=operator_id, name=name, role=role.value, credential_digest=digest, created_at=at)
                .on_conflict_do_nothing()
                .returning(Operator.id)
            )
            if written.one_or_none() is None:
                raise StanchError(
                    ErrorCode.REFUSED_BY_RULE,
                    f"There is an operator named {name!r} already. Nothing was changed; choose another name.",
                )


class SqlFreezeClock:
    """Table freeze_time (use_cases.ports.FreezeClock)."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def record(self, step_id: str, times: FreezeTimes) -> None:
        """See use_cases.ports.FreezeClock."""
        async with statement(self._engine) as connection:
            await connection.execute(
                insert(FreezeTime)
                .values(step_id=step_id, wallet_ack_ms=times.wallet_ack, committed_ms=times.committed)
                .on_conflict_do_nothing()
            )
