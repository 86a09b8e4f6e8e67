"""Where wrapped data keys lie."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.sql.engine import statement, transaction
from models.tables.credential import CredentialRecovery
from models.tables.people import DataKey


class SqlKeyTable:
    """Table data_key (adapters.secrets.keys.KeyTable)."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def get_or_create(self, incident_id: str, wrapped: bytes) -> bytes | None:
        """See KeyTable."""
        async with statement(self._engine) as connection:
            found = (
                await connection.execute(select(DataKey.wrapped).where(DataKey.incident_id == incident_id))
            ).one_or_none()
            if found is not None:
                standing: bytes | None = found.wrapped
                return standing
            await connection.execute(
                insert(DataKey)
                .values(incident_id=incident_id, wrapped=wrapped, created_at=datetime.now(UTC))
                .on_conflict_do_nothing()
            )
            wrapped_now: bytes | None = await connection.scalar(
                select(DataKey.wrapped).where(DataKey.incident_id == incident_id)
            )
            return wrapped_now

    async def destroy(self, incident_id: str, at: datetime) -> None:
        """Erase: the wrapped key is overwritten by nothing; what was sealed with it never opens again.

        Of a recovery of a credential also the keyed digest of what was asked: it could be tried out with the master key.
        """
        async with transaction(self._engine) as connection:
            await connection.execute(
                update(DataKey)
                .where(DataKey.incident_id == incident_id)
                .values(wrapped=None, destroyed_at=at)
            )
            await connection.execute(
                update(CredentialRecovery)
                .where(CredentialRecovery.id == incident_id, CredentialRecovery.counted_for.is_not(None))
                .values(counted_for=None)
            )
