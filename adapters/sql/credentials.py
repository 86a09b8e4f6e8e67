"""Recoveries of credentials (port `Credentials`), and how a step moves one on."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from sqlalchemy import Row, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from activities.changes import MoveCredential
from adapters.secrets.keys import MasterKey, Sealer
from adapters.sql.engine import statement, transaction
from adapters.sql.hand_over import ask
from adapters.sql.identity_limits import RENEWED_BY_SELF_SERVICE
from models.contracts.credential import CredentialAsk, CredentialEnding, CredentialFacts, CredentialState
from models.contracts.steps import FinishedStep
from models.errors import ErrorCode, StanchError
from models.tables.credential import CredentialRecovery
from models.tables.incidents import Incident

ASKED = "credential.asked"
COUNTED_FOR = "self-service"
OVER = (CredentialState.RENEWED.value, CredentialState.ENDED.value)

HELP = text(
    "UPDATE credential_recovery SET help_wanted_at = coalesce(help_wanted_at, CAST(:at AS timestamptz)) WHERE id = :id"
)
"""Whatever became of it: a row of nobody's is written like any other, so that the time it takes tells nothing."""


async def move_credential(change: MoveCredential, connection: AsyncConnection, step: FinishedStep) -> None:
    """Applies MoveCredential. What is over stays so: the step is recorded all the same, as evidence."""
    values: dict[str, Any] = {"state": change.state.value}
    if change.account_id is not None:
        values["account_id"] = change.account_id
    if change.ending is not None:
        values |= {"ending": change.ending.value, "ended_at": change.at}
    if change.state is CredentialState.PROVEN:
        values["proven_at"] = change.at
    if change.state is CredentialState.RENEWED:
        values["renewed_at"] = change.at
    await connection.execute(
        update(CredentialRecovery)
        .where(CredentialRecovery.id == step.attempt.incident_id, CredentialRecovery.state.not_in(OVER))
        .values(**values)
    )
    if change.state is CredentialState.RENEWED:
        await connection.execute(RENEWED_BY_SELF_SERVICE, {"recovery_id": step.attempt.incident_id})


class SqlCredentials:
    """Port `Credentials`."""

    def __init__(self, engine: AsyncEngine, sealer: Sealer, master: MasterKey) -> None:
        self._engine = engine
        self._sealer = sealer
        self._master = master

    async def open(
        self, facts: CredentialFacts, asked: CredentialAsk, *, token_digest: str, trusted_before: datetime
    ) -> None:
        """See credential_ports.Credentials."""
        plain = json.dumps(asked.model_dump(mode="json")).encode()
        values = {
            "id": facts.recovery_id,
            "token_digest": token_digest,
            "asked": await self._sealer.seal(facts.recovery_id, ASKED, plain),
            "opened_at": facts.opened_at,
            "expires_at": facts.expires_at,
            "trusted_before": trusted_before,
            "counted_for": self._master.digest(COUNTED_FOR, f"{asked.kind}/{asked.value.casefold()}"),
            "state": facts.state.value,
            "ending": None if facts.ending is None else facts.ending.value,
            "ended_at": None if facts.ending is None else facts.opened_at,
        }
        async with transaction(self._engine) as connection:
            await connection.execute(insert(CredentialRecovery).values(**values))
            if facts.ending is None:
                await ask(connection, facts.recovery_id, facts.opened_at)

    async def by_token(self, token_digest: str) -> CredentialFacts | None:
        """See credential_ports.Credentials."""
        query = select(CredentialRecovery).where(CredentialRecovery.token_digest == token_digest)
        async with statement(self._engine) as connection:
            row = (await connection.execute(query)).one_or_none()
        return None if row is None else _facts(row)

    async def facts(self, recovery_id: str) -> CredentialFacts | None:
        """See credential_ports.Credentials."""
        query = select(CredentialRecovery).where(CredentialRecovery.id == recovery_id)
        async with statement(self._engine) as connection:
            row = (await connection.execute(query)).one_or_none()
        return None if row is None else _facts(row)

    async def counted_for(self, recovery_id: str) -> str:
        """See credential_ports.Credentials."""
        query = select(CredentialRecovery.counted_for).where(CredentialRecovery.id == recovery_id)
        async with statement(self._engine) as connection:
            found: str | None = await connection.scalar(query)
        return found or recovery_id

    async def asked(self, recovery_id: str) -> tuple[CredentialAsk, datetime]:
        """See credential_ports.Credentials."""
        query = select(CredentialRecovery.asked, CredentialRecovery.trusted_before).where(
            CredentialRecovery.id == recovery_id
        )
        async with statement(self._engine) as connection:
            row = (await connection.execute(query)).one_or_none()
        if row is None:
            raise StanchError(
                ErrorCode.NOT_FOUND, "There is no credential recovery with this id. Nothing was done."
            )
        plain = await self._sealer.open(recovery_id, ASKED, row.asked)
        return CredentialAsk.model_validate_json(plain), row.trusted_before

    async def listed(self, limit: int) -> list[CredentialFacts]:
        """See credential_ports.Credentials."""
        query = (
            select(CredentialRecovery)
            .where(CredentialRecovery.account_id.is_not(None))
            .order_by(CredentialRecovery.opened_at.desc(), CredentialRecovery.id.desc())
            .limit(limit)
        )
        async with statement(self._engine) as connection:
            return [_facts(row) for row in await connection.execute(query)]

    async def want_help(self, recovery_id: str, at: datetime) -> None:
        """See credential_ports.Credentials."""
        async with transaction(self._engine) as connection:
            await connection.execute(HELP, {"id": recovery_id, "at": at})
            await ask(connection, recovery_id, at)

    async def alarmed(self, recovery_id: str, incident_id: str) -> None:
        """See credential_ports.Credentials."""
        async with statement(self._engine) as connection:
            await connection.execute(
                update(CredentialRecovery)
                .where(CredentialRecovery.id == recovery_id)
                .values(alarm_incident_id=incident_id)
            )

    async def open_incident(self, account_id: str) -> str | None:
        """See credential_ports.Credentials."""
        query = select(Incident.id).where(Incident.account_id == account_id, Incident.closed_at.is_(None))
        async with statement(self._engine) as connection:
            found: str | None = await connection.scalar(query)
            return found


def _facts(row: Row[Any]) -> CredentialFacts:
    return CredentialFacts(
        recovery_id=row.id,
        state=CredentialState(row.state),
        ending=None if row.ending is None else CredentialEnding(row.ending),
        account_id=row.account_id,
        opened_at=row.opened_at,
        expires_at=row.expires_at,
        help_wanted=row.help_wanted_at is not None,
        proven_at=row.proven_at,
        renewed_at=row.renewed_at,
        alarm_incident_id=row.alarm_incident_id,
    )
